"""Two processes never make the same thing: who comes second waits, and then finds it made."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def held(made: Iterable[Path]) -> Iterator[None]:
    """Hold the locks of the files or folders that are about to be made; says so when it has to wait for one.

    They are taken in the order of their names, so that two processes never wait for each other. The operating system
    releases the locks of a process that ends, in whatever way. Where a file system has no locks (a mounted Drive),
    filelock takes a file that says whose it is in their place; that of a machine that was lost has to be removed.
    """
    with ExitStack() as stack:
        for path in sorted(set(made)):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_name(f".{path.name}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                print(
                    f"{path.name}: another process is making it; waiting until it is done. If none is, because a "
                    f"machine was lost, remove {lock.lock_file}",
                    flush=True,
                )
                lock.acquire()
            stack.callback(lock.release)
        yield
