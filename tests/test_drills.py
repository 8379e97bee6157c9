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

import pandas as pd
import psutil
import pytest
from filelock import FileLock, Timeout
from pandas.testing import assert_frame_equal

from rsft_utils import paths, run, sealed, store
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


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch, one_thread):
    @contextmanager
    def pool(workers):
        yield Here()

    monkeypatch.setattr(run, "single_threaded_pool", pool)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, one_thread):
    """(tables of a run, the folder with all it left)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", folder)
        patch.setattr(run, "single_threaded_pool", contextmanager(lambda workers: iter([Here()])))
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
@pytest.mark.parametrize("damage", [cut_short, changed, os.unlink], ids=["cut short", "changed", "removed"])
@pytest.mark.parametrize("suffix", ["", ".sha256"], ids=["file", "record"])
@pytest.mark.parametrize("name", RESULTS)
def test_of_a_result_with_any_damage_only_that_part_is_made_again(finished, ends_well, name, suffix, damage):
    damage(finished / f"{name}{suffix}")
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


def test_everything_damaged_at_once_is_a_new_run_and_nothing_is_lost(finished, new_runs, ends_well):
    files = [file for file in new_runs.rglob("*") if file.is_file() and file.suffix not in (".sha256", ".lock")]
    for file in files:
        changed(file)
    spoiled = [file.read_bytes() for file in files]
    assert ends_well() == ["training", 0, 2, 5, 10, 12]
    aside = [file.read_bytes() for file in new_runs.glob("damaged/**/*") if file.is_file()]
    assert [content for content in spoiled if content not in aside] == []


def test_a_base_model_that_was_changed_is_refused_and_the_run_stays(finished, ends_well, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    weights = shutil.copytree(paths.DATA / "micro" / SPEC.base, paths.MICRO / SPEC.base) / "model.safetensors"
    content, before = weights.read_bytes(), contents(finished, "**/*.*")
    changed(weights)
    for remembered in (store._data_fingerprint, store._base_key):
        remembered.cache_clear()
    with pytest.raises(ValueError, match="not the shipped ones"):
        run.results([SPEC], progress=False)
    weights.write_bytes(content)
    assert contents(finished, "**/*.*") == before
    assert ends_well() == []


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


# What happens to processes

MAIN = """
import os, signal, sys, time
from pathlib import Path

if __name__ == "__mp_main__":  # in the worker
    replace, moved = os.replace, []

    def counted(old, new):
        replace(old, new)
        if str(new).startswith({runs!r}):
            moved.append(new)
            if len(moved) == {after}:
                Path({note!r}).write_text(str(os.getpid()))
                os.kill({whom}, {how})
                time.sleep(60 if {how} == 9 else 2)

    os.replace = counted

from rsft_utils import run
from rsft_utils.specs import RunSpec

if __name__ == "__main__":
    run.results([{spec!r}], workers=1, progress=False)
"""
RUNNER, WORKER = "os.getppid()", "os.getpid()"


@pytest.fixture
def hit(new_runs, tmp_path):
    """Function that runs SPEC in processes of its own; a signal hits one when the worker has moved so many files."""

    def start(after, whom, how):
        note = tmp_path / "worker"
        code = MAIN.format(runs=str(new_runs), after=after, note=str(note), whom=whom, how=int(how), spec=SPEC)
        (tmp_path / "main.py").write_text(code)
        done = subprocess.run([sys.executable, tmp_path / "main.py"], cwd=paths.ROOT, capture_output=True, text=True)
        worker = int(note.read_text())
        deadline = time.monotonic() + 10
        while alive(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(worker)
        return done

    return start


def alive(process):
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def test_runner_killed_worker_killed_and_asked_to_stop_one_after_the_other(hit, new_runs, ends_well):
    folder = store.run_folder(SPEC)
    # a checkpoint and its state take three moves
    assert hit(4, RUNNER, signal.SIGKILL).returncode == -signal.SIGKILL
    assert [path.name for path in folder.glob("checkpoints/trainer/checkpoint-*")] == ["checkpoint-2"]

    killed = hit(3, WORKER, signal.SIGKILL)  # the checkpoints of steps 5 and 10
    assert killed.returncode == 1
    assert "A worker process died (killed, or out of memory?). What was finished is kept" in killed.stderr

    stopped = hit(2, RUNNER, signal.SIGTERM)
    assert stopped.returncode == 143
    assert stopped.stdout.splitlines()[-1].startswith("Stopped. What was made so far is kept")
    assert stopped.stderr == ""
    assert all(sealed.problem(state) is None for state in folder.glob("checkpoints/trainer/checkpoint-*"))
    assert "training" in ends_well()


def test_two_runners_at_once_make_a_run_once(new_runs, tmp_path, ends_well, capsys):
    code = MAIN.format(runs="-", after=0, note="", whom=0, how=9, spec=SPEC)
    (tmp_path / "main.py").write_text(code)
    new_runs.mkdir()
    with subprocess.Popen([sys.executable, tmp_path / "main.py"], cwd=paths.ROOT) as other:
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


@pytest.mark.slow
@pytest.mark.parametrize("point", range(20))
def test_killed_at_twenty_points(hit, ends_well, point):
    after = 1 + round(point * 27 / 19)  # of 28 moves in the worker
    hit(after, (RUNNER, WORKER)[point % 2], signal.SIGKILL)
    ends_well()


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 5, 12, 17, 19, 24])
@pytest.mark.parametrize(
    ("whom", "how", "status"),
    [(RUNNER, signal.SIGTERM, 143), (RUNNER, signal.SIGINT, -signal.SIGINT), (WORKER, signal.SIGTERM, 1)],
    ids=["runner SIGTERM", "runner Ctrl-C", "worker SIGTERM"],
)
def test_asked_to_stop_at_several_points(hit, new_runs, ends_well, after, whom, how, status):
    assert hit(after, whom, how).returncode == status
    assert half_written(new_runs) == []
    ends_well()
