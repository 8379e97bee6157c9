"""Whatever happens to a run while it is made or afterwards, the next call ends in the tables of an undisturbed one."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import nbformat
import pandas as pd
import pytest
from filelock import FileLock, Timeout
from pandas.testing import assert_frame_equal

from rsft_utils import paths, run, store
from rsft_utils.durable import sealed
from rsft_utils.specs import RunSpec
from rsft_utils.train import TrainingError

# 12 steps, measured at 0, 2, 5, 10 and 12
SPEC = RunSpec(size="XS", learning_rate=3e-4, n_rows=96, batch_size=16, epochs=2, n_items=1, n_items_ends=1)


class Here:
    """A pool without processes: the tests can spoil what is done."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def here(workers):
    yield Here()


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch, one_thread):
    monkeypatch.setattr(run, "single_threaded_pool", here)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, one_thread):
    """(tables of a run, the folder with all it left)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", folder)
        patch.setattr(run, "single_threaded_pool", here)
        return run.results([SPEC], progress=False), folder


@pytest.fixture
def finished(undisturbed, new_runs):
    """A copy of the finished run, to be spoiled; returns its folder."""
    shutil.copytree(undisturbed[1], new_runs)
    return store.run_folder(SPEC)


@pytest.fixture
def ends_well(undisturbed, new_runs):
    """Function that makes what is missing and compares the tables, the log and the checkpoints with undisturbed ones.

    It returns what was made: the trainings and the steps that were measured.
    """

    def check():
        done = []
        with pytest.MonkeyPatch.context() as patch:
            for name in ("_train", "_measure"):
                patch.setattr(run, name, noting(done, getattr(run, name)))
            found = run.results([SPEC], progress=False)
        expected, folder = undisturbed
        assert_frame_equal(found.items, expected.items, check_exact=True)
        assert_frame_equal(found.summary, expected.summary, check_exact=True)
        for kind in ("log.jsonl", "step-*/*"):
            theirs, ours = (contents(runs, f"*/checkpoints/{kind}") for runs in (folder, new_runs))
            assert theirs == ours
        assert list(new_runs.glob("*/checkpoints/trainer")) == []
        return done

    return check


def noting(done, function):
    def noted(spec, *step):
        done.append(step[0] if step else "training")
        return function(spec, *step)

    return noted


def contents(folder, pattern):
    return {file.relative_to(folder): file.read_bytes() for file in folder.glob(pattern)}


def half_written(folder):
    return [path for path in folder.rglob(".*") if not path.name.endswith(".lock")]


# What is damaged afterwards


def cut_short(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def changed(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {"cut short": cut_short, "removed": os.unlink, "changed": changed}

RESULTS = {
    "result.json": [],
    "summary.csv": [],
    "items/step-00005.parquet": [5],
    "items/step-00012.parquet": [12],
    "checkpoints/log.jsonl": ["training"],
    "training.json": ["training"],
}


@pytest.mark.parametrize("name", RESULTS)
def test_of_a_result_that_is_damaged_only_that_part_is_made_again(finished, ends_well, name):
    cut_short(finished / name)
    assert ends_well() == RESULTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("suffix", ["", ".sha256"], ids=["file", "record"])
@pytest.mark.parametrize("name", RESULTS)
def test_of_a_result_with_any_damage_only_that_part_is_made_again(finished, ends_well, name, suffix, damage):
    DAMAGES[damage](finished / f"{name}{suffix}")
    assert ends_well() == RESULTS[name]


def test_answers_of_the_base_that_are_damaged_are_measured_again(finished, ends_well):
    cut_short(store.items_file(SPEC, 0))
    assert ends_well() == [0]


def test_a_row_of_answers_that_was_changed_is_measured_again(finished, ends_well):
    file = finished / "items" / "step-00005.parquet"
    items = pd.read_parquet(file)
    items.loc[0, "n_tokens"] += 1
    items.to_parquet(file, index=False)
    assert ends_well() == [5]


@pytest.mark.parametrize(
    ("name", "damage"), [("model.safetensors", cut_short), ("config.json", os.unlink), ("SHA256SUMS", cut_short)]
)
def test_a_checkpoint_that_is_damaged_before_it_was_measured_is_trained_again(finished, ends_well, name, damage):
    for missing in (finished / "result.json", finished / "items" / "step-00005.parquet"):
        sealed.remove(missing)
    damage(finished / "checkpoints" / "step-00005" / name)
    assert ends_well() == ["training", 5]


CHECKPOINT = ("config.json", "generation_config.json", "model.safetensors", "SHA256SUMS")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut short", "removed"])
@pytest.mark.parametrize("name", CHECKPOINT)
def test_any_damage_to_a_checkpoint_that_was_not_measured_yet_is_trained_again(finished, ends_well, name, damage):
    for missing in (finished / "result.json", finished / "items" / "step-00010.parquet"):
        sealed.remove(missing)
    checkpoint = finished / "checkpoints" / "step-00010"
    assert {file.name for file in checkpoint.iterdir()} == set(CHECKPOINT)
    DAMAGES[damage](checkpoint / name)
    assert ends_well() == ["training", 10]


@pytest.fixture(scope="module")
def cut_short_in_training(undisturbed, tmp_path_factory):
    """All that a run left whose training ended in step 7: its checkpoints of steps 2 and 5, the state of step 5."""
    from trl import SFTTrainer

    folder, steps, original = tmp_path_factory.mktemp("training"), [], SFTTrainer.training_step

    def interrupted(*arguments, **named):
        steps.append(1)
        if len(steps) == 7:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", folder)
        patch.setattr(run, "single_threaded_pool", here)
        patch.setattr(SFTTrainer, "training_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.results([SPEC], progress=False)
    shutil.copytree(undisturbed[1] / "bases", folder / "bases")
    return folder


@pytest.fixture
def state(cut_short_in_training, new_runs):
    """A copy of that run, to be spoiled; returns the trainer's state."""
    shutil.copytree(cut_short_in_training, new_runs)
    return store.checkpoints_folder(SPEC) / "trainer" / "checkpoint-5"


STATE = (
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "optimizer.pt",
    "rng_state.pth",
    "run-key.txt",
    "scheduler.pt",
    "SHA256SUMS",
    "tokenizer.json",
    "tokenizer_config.json",
    "trainer_state.json",
    "training_args.bin",
)


@pytest.mark.parametrize(
    ("name", "damage"),
    [("optimizer.pt", "removed")]
    + [pytest.param(name, damage, marks=pytest.mark.slow) for name in STATE for damage in ("cut short", "removed")],
)
def test_a_training_does_not_go_on_from_a_damaged_state(state, new_runs, ends_well, steps_trained, name, damage):
    assert {file.name for file in state.iterdir()} == set(STATE)
    DAMAGES[damage](state / name)
    assert ends_well() == ["training", 2, 5, 10, 12]
    assert len(steps_trained) == 12
    assert len(list(new_runs.glob("damaged/*/*/checkpoints/trainer/checkpoint-5"))) == 1


def test_a_training_goes_on_from_a_whole_state(state, ends_well, steps_trained):
    assert ends_well() == ["training", 2, 5, 10, 12]
    assert len(steps_trained) == 12 - 5


def test_the_state_of_another_run_is_refused(state, ends_well, steps_trained):
    (state / "run-key.txt").write_text(replace(SPEC, seed=1).key(""))
    sealed.seal(state)
    assert ends_well() == ["training", 2, 5, 10, 12]
    assert len(steps_trained) == 12


@pytest.fixture
def steps_trained(monkeypatch):
    from trl import SFTTrainer

    calls, original = [], SFTTrainer.training_step
    monkeypatch.setattr(SFTTrainer, "training_step", lambda *a, **named: calls.append(1) or original(*a, **named))
    return calls


def test_everything_damaged_at_once_is_a_new_run_and_nothing_is_lost(finished, new_runs, ends_well):
    files = [file for file in new_runs.rglob("*") if file.is_file() and file.suffix not in (".sha256", ".lock")]
    for file in files:
        changed(file)
    spoiled = [file.read_bytes() for file in files]
    assert ends_well() == ["training", 0, 2, 5, 10, 12]
    aside = [file.read_bytes() for file in new_runs.glob("damaged/**/*") if file.is_file()]
    assert [content for content in spoiled if content not in aside] == []


def forget_hashes():
    for remembered in (store._data_fingerprint, store._base_key):
        remembered.cache_clear()


def test_a_base_model_that_was_changed_is_refused_and_the_run_stays(finished, ends_well, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    weights = shutil.copytree(paths.DATA / "micro" / SPEC.base, paths.MICRO / SPEC.base) / "model.safetensors"
    content, before = weights.read_bytes(), contents(finished, "**/*.*")
    changed(weights)
    forget_hashes()
    with pytest.raises(ValueError, match="not the shipped ones"):
        run.results([SPEC], progress=False)
    weights.write_bytes(content)
    assert contents(finished, "**/*.*") == before
    assert ends_well() == []


def test_another_base_model_under_the_same_name_is_another_run(finished, ends_well, tmp_path, monkeypatch):
    before = contents(finished, "**/*.*")
    with monkeypatch.context() as patch:
        patch.setattr(paths, "MICRO", tmp_path / "micro")
        base = shutil.copytree(paths.DATA / "micro" / SPEC.base, paths.MICRO / SPEC.base)
        other = paths.DATA / "micro" / "XS-seed1"
        for name in ("model.safetensors", "recipe.json"):
            shutil.copy(other / name, base / name)
        forget_hashes()
        assert not store.is_complete(SPEC)
        assert store.run_folder(SPEC) != finished and store.items_file(SPEC, 0).parent == finished.parent / "bases"
        assert not store.items_file(SPEC, 0).exists()
    forget_hashes()
    assert contents(finished, "**/*.*") == before
    assert ends_well() == []


def test_a_lock_that_a_killed_runner_left_holds_nobody_up(finished, ends_well, capsys):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    finished.with_name(f".{finished.name}.lock").write_text(f"{ended.pid}\n")
    sealed.remove(finished / "result.json")
    assert ends_well() == []
    assert "another process is making it" not in capsys.readouterr().out


# What goes wrong while it is made


def test_a_loss_that_is_no_number_is_no_success_and_the_training_goes_on_from_before(new_runs, ends_well, monkeypatch):
    import torch
    from trl import SFTTrainer

    calls, original = [], SFTTrainer.training_step

    def diverging(*arguments, **named):
        calls.append(1)
        loss = original(*arguments, **named)
        return loss * torch.nan if len(calls) == 7 else loss

    monkeypatch.setattr(SFTTrainer, "training_step", diverging)
    with pytest.raises(TrainingError, match=r"the loss is nan .* at step 7: the run diverged"):
        run.results([SPEC], progress=False)
    assert not store.is_trained(SPEC) and not store.is_complete(SPEC)
    ends_well()
    assert len(calls) == 7 + 12 - 5


@pytest.mark.parametrize("limit", [100_000, 1_000_000], ids=["in a checkpoint", "in the trainer's state"])
def test_a_full_disk_is_told_and_costs_nothing_that_was_finished(new_runs, ends_well, limit):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(Exception, match=r"File too large|unexpected pos"):
            run.results([SPEC], progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not store.is_complete(SPEC)
    assert half_written(new_runs) == []
    ends_well()


def test_a_disk_that_is_full_while_answers_are_written_keeps_the_training(new_runs, ends_well, monkeypatch):
    flush = sealed._flush

    def full(file):
        if file.suffix == ".parquet":
            raise OSError(28, "No space left on device", str(file))
        flush(file)

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_flush", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.results([SPEC], progress=False)
    assert half_written(new_runs) == []
    assert ends_well() == [0, 2, 5, 10, 12]


@pytest.mark.slow
@pytest.mark.parametrize("place", range(1, 45, 4))  # of 44 files that are flushed to the disk
def test_a_disk_that_is_full_at_any_file_costs_nothing_that_was_finished(new_runs, ends_well, monkeypatch, place):
    flush, flushed = sealed._flush, []

    def full(file):
        flushed.append(file)
        if len(flushed) == place:
            raise OSError(28, "No space left on device", str(file))
        flush(file)

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_flush", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.results([SPEC], progress=False)
    assert half_written(new_runs) == []
    ends_well()


# What happens to processes

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


def is_free(lock):
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


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
