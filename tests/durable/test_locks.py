import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from rsft_utils import paths
from rsft_utils.durable import locks, sealed

WITHOUT_LOCKS = """
import errno, fcntl

def no_locks(*_):
    raise OSError(errno.ENOSYS, "no locks here")

fcntl.flock = no_locks
"""
HOLDER = """
import sys, time
from pathlib import Path
from rsft_utils.durable import locks
with locks.held([Path(sys.argv[1])]):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(path, before=""):
    """A process that holds the lock until it is killed."""
    command = [sys.executable, "-W", "ignore", "-c", before + HOLDER, path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=paths.ROOT)
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_second_waits_and_says_so_in_a_line(tmp_path, capsys):
    with holder(tmp_path / "run") as other:
        threading.Timer(0.3, other.kill).start()
        with locks.held([tmp_path / "run"]):
            assert other.wait() == -signal.SIGKILL
    said = capsys.readouterr().out
    assert said.startswith("run: another process is making it; waiting until it is done.") and said.count("\n") == 1
    assert str(tmp_path / ".run.lock") in said  # what to remove if the other one was on a machine that is gone


def test_a_lock_that_a_dead_process_left_does_not_block(tmp_path, capsys):
    with holder(tmp_path / "run") as other:
        os.kill(other.pid, signal.SIGKILL)
    assert (tmp_path / ".run.lock").exists()
    with locks.held([tmp_path / "run"]):
        assert capsys.readouterr().out == ""


def test_what_is_held_is_released_after_an_error(tmp_path):
    for _ in range(2):
        try:
            with locks.held([tmp_path / "a", tmp_path / "b"]):
                raise RuntimeError
        except RuntimeError:
            pass


def test_nobody_waits_for_each_other_whatever_the_order(tmp_path):
    runs = [tmp_path / name for name in "abc"]
    inside = []

    def make(wanted):
        for _ in range(5):
            with locks.held(wanted):
                inside.append(len(inside))

    makers = [
        threading.Thread(target=make, args=(wanted,), daemon=True) for wanted in (runs, runs[::-1], runs[1:] + runs[:1])
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join(60)
        assert not maker.is_alive()
    assert len(inside) == 15


@pytest.fixture
def drive(monkeypatch):
    """A file system without locks, on which moving a file takes its time, as of a mounted Drive."""

    def no_locks(*_):
        raise OSError(errno.ENOSYS, "no locks here")

    def slowly(*moved, **how):
        time.sleep(0.1)
        return replace(*moved, **how)

    replace = os.replace
    monkeypatch.setattr(fcntl, "flock", no_locks)
    monkeypatch.setattr(os, "replace", slowly)


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_on_a_drive_without_locks_only_one_at_a_time_makes_a_thing(drive, tmp_path, capsys):
    order = []

    def make(name):
        with locks.held([tmp_path / "run"]):
            order.append(name)
            with sealed.written_sealed(tmp_path / "run") as aside:
                aside.write_text(name)
            order.append(name)

    threads = [threading.Thread(target=make, args=[name]) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert order[0] == order[1] != order[2] == order[3]
    assert sealed.problem(tmp_path / "run") is None
    assert (tmp_path / "run").read_text() == order[3]
    assert not (tmp_path / ".run.lock").exists()


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_on_a_drive_a_lock_that_a_dead_process_of_this_machine_left_does_not_block(drive, tmp_path):
    with holder(tmp_path / "run", WITHOUT_LOCKS) as other:
        os.kill(other.pid, signal.SIGKILL)
    assert str(other.pid) in (tmp_path / ".run.lock").read_text()
    with locks.held([tmp_path / "run"]):
        pass
    assert not (tmp_path / ".run.lock").exists()


def test_on_a_slow_drive_a_reader_finds_a_whole_result_or_none(drive, tmp_path):
    target, found = tmp_path / "table.csv", set()
    writer = threading.Thread(target=lambda: _write(target))
    writer.start()
    while writer.is_alive():
        found.add(sealed.problem(target) if sealed.is_sealed(target) else "none yet")
    assert found | {None} == {"none yet", None}
    assert sealed.problem(target) is None


def _write(target):
    with sealed.written_sealed(target) as aside:
        aside.write_text("whole")
