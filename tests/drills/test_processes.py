"""What happens to processes: killed, asked to stop, two at once."""

import signal
import subprocess
import sys
import time

import nbformat
import pytest
from drilling import SPEC, half_written, is_free

from rsft_utils import paths, store
from rsft_utils.durable import sealed


def test_a_lock_that_a_killed_runner_left_holds_nobody_up(finished, ends_well, capsys):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    finished.with_name(f".{finished.name}.lock").write_text(f"{ended.pid}\n")
    sealed.remove(finished / "result.json")
    assert ends_well() == []
    assert "another process is making it" not in capsys.readouterr().out


CODE = """
from rsft_utils import run
from rsft_utils.specs import RunSpec

if __name__ == "__main__":
    run.results([{spec!r}], workers=1, progress=False)
"""


@pytest.fixture
def program(tmp_path):
    """A program that makes the run."""
    (tmp_path / "main.py").write_text(CODE.format(spec=SPEC))
    return [sys.executable, tmp_path / "main.py"]


@pytest.fixture
def notebook(tmp_path):
    """A notebook that makes the run, as papermill executes it: its kernel is the runner."""
    cell = nbformat.v4.new_code_cell(CODE.format(spec=SPEC))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), tmp_path / "run.ipynb")
    return [sys.executable, "-m", "papermill", tmp_path / "run.ipynb", tmp_path / "out.ipynb", "--no-progress-bar"]


def test_runner_killed_worker_killed_and_asked_to_stop_one_after_the_other(hit, program, new_runs, ends_well):
    folder = store.run_folder(SPEC)
    # a checkpoint and its state take three moves
    assert hit(program, 4, "RUNNER", signal.SIGKILL).returncode == -signal.SIGKILL
    assert [path.name for path in folder.glob("checkpoints/trainer/checkpoint-*")] == ["checkpoint-2"]

    killed = hit(program, 3, "WORKER", signal.SIGKILL)  # the checkpoints of steps 5 and 10
    assert killed.returncode == 1
    assert "A worker process died (killed, or out of memory?). What was finished is kept" in killed.stderr

    stopped = hit(program, 2, "RUNNER", signal.SIGTERM)
    assert stopped.returncode == 143
    assert stopped.stdout.splitlines()[-1].startswith("Stopped. What was made so far is kept")
    assert stopped.stderr == ""
    assert all(sealed.problem(state) is None for state in folder.glob("checkpoints/trainer/checkpoint-*"))
    assert "training" in ends_well()


def test_two_runners_at_once_make_a_run_once(program, new_runs, ends_well, capsys):
    new_runs.mkdir()
    with subprocess.Popen(program, cwd=paths.ROOT) as other:
        while is_free(new_runs / f".{store.run_folder(SPEC).name}.lock") and other.poll() is None:
            time.sleep(0.01)
        assert ends_well() == []
        assert other.wait() == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{store.run_folder(SPEC).name}: another process is making it; waiting until it is done.")


VICTIMS = {"runner": ("program", "RUNNER"), "kernel": ("notebook", "RUNNER"), "worker": ("program", "WORKER")}
# spread over the 28 moves that the worker makes, 18 of them in training
TWENTY_POINTS = [(1 + round(point * 27 / 19), list(VICTIMS)[point % 3]) for point in range(20)]


@pytest.mark.slow
@pytest.mark.parametrize(("after", "victim"), TWENTY_POINTS)
def test_killed_at_twenty_points(request, hit, ends_well, after, victim):
    command, whom = VICTIMS[victim]
    assert hit(request.getfixturevalue(command), after, whom, signal.SIGKILL).returncode != 0
    ends_well()


@pytest.mark.slow
@pytest.mark.parametrize("after", [2, 12, 19, 24])
@pytest.mark.parametrize(
    ("whom", "how", "status"),
    [("RUNNER", signal.SIGTERM, 143), ("RUNNER", signal.SIGINT, -signal.SIGINT), ("WORKER", signal.SIGTERM, 1)],
    ids=["runner SIGTERM", "runner Ctrl-C", "worker SIGTERM"],
)
def test_asked_to_stop_at_several_points(hit, program, new_runs, ends_well, after, whom, how, status):
    assert hit(program, after, whom, how).returncode == status
    assert half_written(new_runs) == []
    ends_well()
