"""SIGTERM, by which a process is asked to end, as something to react to: as an exception, or as a note.

Only the main thread of a process can say what a signal does; in another one nothing changes.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STATUS = 143  # with which a process leaves that SIGTERM has ended, as a shell has it


def leave() -> None:
    sys.exit(STATUS)


def leave_undisturbed(*_) -> None:
    """What SIGTERM does: a second one, which often follows at once, must not break into putting things in order."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leave()


@contextmanager
def raises_exit() -> Iterator[None]:
    """In the block SIGTERM raises SystemExit."""
    with _handled(leave_undisturbed):
        yield


@contextmanager
def noted(wanted: bool) -> Iterator[threading.Event]:
    """In the block SIGTERM, if that is wanted, only sets the event; SystemExit is raised after it."""
    stop = threading.Event()
    with _handled((lambda *_: stop.set()) if wanted else None):
        yield stop
    if stop.is_set():
        leave()


@contextmanager
def _handled(handler: Callable | None) -> Iterator[None]:
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
