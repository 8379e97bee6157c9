import os
import signal
import subprocess
import sys
import threading

from rsft_utils import locks, paths

HOLDER = """
import sys, time
from pathlib import Path
from rsft_utils import locks
with locks.held([Path(sys.argv[1])]):
    print("held", flush=True)
    time.sleep(600)
"""


def holder(path):
    """A process that holds the lock until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, cwd=paths.ROOT)
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_second_waits_and_says_so_in_a_line(tmp_path, capsys):
    with holder(tmp_path / "run") as other:
        threading.Timer(0.3, other.kill).start()
        with locks.held([tmp_path / "run"]):
            assert other.wait() == -signal.SIGKILL
    assert capsys.readouterr().out == "run: another process is making it; waiting until it is done\n"


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
