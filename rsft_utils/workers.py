"""Processes beside the runner that leave nothing half done when they, or their runner, are stopped.

SIGTERM and Ctrl-C end the runner as an exception would; it then ends its workers by SIGTERM, and a training among them
first saves its state. Workers whose runner is killed end at once.
"""

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from rsft_utils.durable import sigterm


class WorkerDied(RuntimeError):
    """A worker was killed from outside; the message says what to do."""


class _Pool(ProcessPoolExecutor):
    def submit(self, function: Callable, /, *arguments) -> Future:
        return super().submit(_work, function, *arguments)


@contextmanager
def single_threaded_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool as `pool` gives it, of processes with one thread each."""
    # For models this small two processes beat two threads by far, and results repeat bit for bit. OpenMP reads the
    # variable when a worker starts.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with pool(workers, _begin_with_one_thread) as workers_with_one_thread:
            yield workers_with_one_thread
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def pool(workers: int, begin: Callable | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool for functions that modules offer; `begin` is what each worker does first.

    Raises WorkerDied, and what the functions raise.
    """
    pool = _Pool(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(begin,))
    try:
        with sigterm.raises_exit():
            yield pool
    except BaseException as error:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            print("Stopped. What was made so far is kept, and the same call goes on from there.", flush=True)
        if isinstance(error, BrokenProcessPool):
            raise WorkerDied(
                "A worker process died (killed, or out of memory?). What was finished is kept: run the same again."
            ) from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(more: Callable | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the runner as well, which tells its workers
    threading.Thread(target=_leave_with_runner, daemon=True).start()
    if more:
        more()
    signal.signal(signal.SIGTERM, sigterm.leave_undisturbed)


def _begin_with_one_thread() -> None:
    import datasets
    import torch
    import transformers

    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _leave_with_runner() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(function: Callable, *arguments):
    try:
        return function(*arguments)
    except SystemExit as stopped:  # the pool would take it for a result and go on
        atexit._run_exitfuncs()
        os._exit(stopped.code)
