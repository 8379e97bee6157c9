"""A run that is ended: by its deadline, by a signal, by another run of the same notebook."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from notebook_runs import fails, left_behind, record, slow, the_last_good_output_stays
from signals import heeds_ctrl_c

from rsft_utils import notebook, paths, runner

TRAINS = """
sys.path.insert(0, str(paths.NOTEBOOKS))
import worker
from rsft_utils.workers import single_threaded_pool

with single_threaded_pool(1) as pool:
    pool.submit(worker.work, str(paths.NOTEBOOKS)).result()
"""


@slow
def test_after_the_deadline_everything_is_ended_and_trainings_have_put_their_things_in_order(made_up, tmp_path):
    kept = fails(made_up(TRAINS), "deadline", "not done after 1 minutes", deadline=1)
    assert (tmp_path / "put in order").exists()
    assert "Executed" not in kept
    assert "SystemExit" in kept  # the cells up to there, saved after the kernel was asked to end


@slow
def test_what_does_not_heed_a_request_to_end_is_killed(made_up, monkeypatch):
    monkeypatch.setattr(runner, "GRACE", 1)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(120)"
    started = time.monotonic()
    fails(made_up(deaf), "deadline", "not done after 0.5 minutes", deadline=0.5)
    assert time.monotonic() - started < 90


def started(file):
    """A process that runs a notebook, as from a shell."""
    return subprocess.Popen(
        [sys.executable, "-m", "rsft_utils", "run", str(file), "-p", "seeds", "2"],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heeds_ctrl_c,
    )


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_runner_that_is_asked_to_end_ends_all_that_it_started_in_good_order(made_up, tmp_path, how, status):
    with the_last_good_output_stays(), started(made_up(TRAINS)) as process:
        wait_for((tmp_path / "begun").exists)
        process.send_signal(how)
        assert process.wait(60) == status, process.stdout.read()
    assert (tmp_path / "put in order").exists()
    assert record()["reason"] == "signal"


@slow
def test_nothing_outlives_a_runner_that_is_killed(made_up, tmp_path):
    with started(made_up(TRAINS)) as process:
        wait_for((tmp_path / "begun").exists)
        assert len(left_behind()) > 3
        (private,) = {folder for p in left_behind() for folder in re.findall(r"/tmp/rsft-\w+", " ".join(p.cmdline()))}
        process.kill()
        wait_for(lambda: left_behind() == [], 15)
    assert not os.path.exists(private)


@slow
def test_two_runs_of_one_notebook_follow_one_another(made_up, tmp_path):
    log = f"log = Path({str(tmp_path / 'log')!r}).open('a', buffering=1)\n"
    file = made_up(f"{log}print('begins', file=log)\ntime.sleep(2)\nprint('ends', file=log)")
    with started(file) as first, started(file) as second:
        said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert (tmp_path / "log").read_text().split() == ["begins", "ends"] * 2
    assert sorted("another process is making it" in text for text in said) == [False, True]
    assert notebook.RESULT in os.listdir(tmp_path / "figures" / "made_up")
