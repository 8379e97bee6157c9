"""What happens to processes: killed, asked to stop, two at once."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from drilling import is_free

from rsft_utils import paths
from rsft_utils.durable import locks, sealed
from rsft_utils.real import store

CODE = """
from rsft_utils.real import run
from rsft_utils.real.spec import RealSpec

if __name__ == "__main__":
    run.results([{spec!r}], "transformers")
"""


@pytest.fixture
def program(spec, tmp_path):
    """A program that makes the run, with a child for every stage."""
    (tmp_path / "main.py").write_text(CODE.format(spec=spec))
    return [sys.executable, tmp_path / "main.py"]


def test_who_comes_second_waits_for_the_answers_of_a_base(spec, finished, ends_well, capsys):
    sealed.remove(store.items_file(spec, 0))
    entered, leave = threading.Event(), threading.Event()

    def another_run():
        with locks.held([store.answers_folder(spec, 0)]):
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=another_run)
    other.start()
    entered.wait(60)
    threading.Timer(0.5, leave.set).start()
    assert ends_well() == [0]
    other.join()
    assert f"{store.answers_folder(spec, 0).name}: another process is making it" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "status"), [("WORKER", 1), ("RUNNER", -signal.SIGKILL)])
@pytest.mark.parametrize("after", [1, 4, 8, 11])  # of 12 moves in training
def test_a_killed_training_goes_on(hit, program, ends_well, after, whom, status):
    killed = hit(program, after, whom, signal.SIGKILL)
    assert killed.returncode == status
    if whom == "WORKER":
        assert "the process that was training died (out of memory?). What was finished is kept" in killed.stderr
    ends_well()


@pytest.fixture
def trained(undisturbed, new_runs):
    """A copy of the run as it is when its training has ended."""
    shutil.copytree(undisturbed[1], new_runs, ignore=shutil.ignore_patterns("answers", "bases", "measured-*"))


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "status"), [("WORKER", 1), ("RUNNER", -signal.SIGKILL)])
@pytest.mark.parametrize("after", [1, 4])  # of 5 answers of the base
def test_an_evaluation_that_is_killed_goes_on_at_the_next_answer(
    spec, hit, program, trained, ends_well, asked, after, whom, status
):
    killed = hit(program, after, whom, signal.SIGKILL, counted="answers")
    assert killed.returncode == status
    if whom == "WORKER":
        assert "the process that was measuring died (out of memory?). What was finished is kept" in killed.stderr
    assert ends_well() == [0, 10, 12]
    assert asked == [5 - (after - 1), 3, 5]  # it died before the answer was written


@pytest.mark.slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_runner_that_is_asked_to_stop_lets_its_training_save_its_state(
    spec, hit, program, new_runs, ends_well, how, status
):
    stopped = hit(program, 2, "RUNNER", how)
    assert stopped.returncode == status
    assert stopped.stdout.splitlines()[-1].startswith("Stopped. What was made so far is kept")
    (state,) = store.checkpoints_folder(spec).glob("trainer/checkpoint-*")
    assert sealed.problem(state) is None
    assert ends_well() == ["training", 0, 10, 12]


@pytest.mark.slow
def test_two_runners_at_once_make_a_run_once(spec, program, finished, new_runs, ends_well, capsys, monkeypatch):
    for made in (store.results_folder(spec) / "result.json", store.items_file(spec, 12)):
        sealed.remove(made)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with subprocess.Popen(program, cwd=paths.ROOT, env=os.environ | {"PYTHONPATH": str(paths.ROOT)}) as other:
        while is_free(new_runs / f".{store.run_folder(spec).name}.lock") and other.poll() is None:
            time.sleep(0.01)
        assert ends_well() == []
        assert other.wait() == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{store.run_folder(spec).name}: another process is making it; waiting until it is done.")
