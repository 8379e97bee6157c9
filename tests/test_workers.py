import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from signals import heeds_ctrl_c

from rsft_utils import paths, workers
from rsft_utils.durable import sigterm

MAIN = """
import sys, time
from pathlib import Path
from rsft_utils.workers import single_threaded_pool

def work(folder):
    Path(folder, "begun").touch()
    try:
        time.sleep(60)
    finally:
        Path(folder, "put in order").touch()

if __name__ == "__main__":
    with single_threaded_pool(2) as pool:
        pool.submit(work, sys.argv[1]).result()
"""


@pytest.fixture
def runner(tmp_path):
    """A process with a worker at work, and the worker."""
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, tmp_path / "main.py", tmp_path]
    with subprocess.Popen(
        command, cwd=paths.ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c
    ) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        yield process, psutil.Process(process.pid).children(recursive=True)
        process.kill()


def ended(processes):
    return psutil.wait_procs(processes, timeout=10)[1] == []


def test_workers_do_not_outlive_a_runner_that_is_killed(runner):
    process, children = runner
    assert children
    process.kill()
    assert ended(children)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, sigterm.STATUS), (signal.SIGINT, -signal.SIGINT)])
def test_a_runner_that_is_asked_to_stop_lets_its_workers_put_things_in_order(runner, tmp_path, how, status):
    process, children = runner
    process.send_signal(how)
    assert process.wait(30) == status
    assert ended(children)
    assert (tmp_path / "put in order").exists()


def test_a_worker_that_dies_is_told_in_a_sentence():
    said = "What was finished is kept: run the same again"
    with pytest.raises(workers.WorkerDied, match=said), workers.single_threaded_pool(1) as pool:
        pool.submit(os._exit, 1).result()


def test_sigterm_is_an_exception_in_the_block_and_what_it_was_after_it():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left, sigterm.raises_exit():
        os.kill(os.getpid(), signal.SIGTERM)
    assert left.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_that_is_noted_ends_the_process_after_the_block(tmp_path):
    with pytest.raises(SystemExit), sigterm.noted(wanted=True) as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()
        Path(tmp_path, "went on").touch()
    assert (tmp_path / "went on").exists()
