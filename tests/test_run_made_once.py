"""What a run has made is not made again, and what is missing is."""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rsft_utils import paths, run, store, tables
from rsft_utils.durable import sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.train import TrainingError, check_rows


@pytest.fixture
def copied_runs(tiny_run, tmp_path, monkeypatch):
    """A copy of the folder with the finished tiny run, to be spoiled."""
    folder = tmp_path / "runs"
    shutil.copytree(paths.RUNS, folder)
    monkeypatch.setenv("RSFT_RUNS", str(folder))
    monkeypatch.setattr(paths, "RUNS", folder)
    return folder


def times(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    return {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in files}


def test_a_finished_run_is_not_made_again(tiny_run, monkeypatch):
    spec, found = tiny_run
    monkeypatch.setattr(run, "_make", None)
    again = run.results([spec])
    assert again.items.equals(found.items)
    assert again.summary.equals(found.summary)


def test_a_base_that_a_run_has_measured_is_not_measured_again(tiny_run, monkeypatch):
    spec, found = tiny_run
    monkeypatch.setattr(run, "single_threaded_pool", None)
    base = run.base_results([spec.base], n_items=4)
    assert set(base.items.run) == {"XS-seed0"}
    first = found.items[found.items.step == 0].reset_index(drop=True)
    assert base.items.drop(columns="run").equals(first.drop(columns="run"))
    # the others are over the items asked at every step, so they depend on the other steps of a run
    of_the_common = ("score_common", "score_a", "score_b", "score_at_", "length_")
    own = [metric for metric in tables.METRICS if not metric.startswith(of_the_common)]
    alone, in_the_run = (t[(t.step == 0) & t.metric.isin(own)] for t in (base.summary, found.summary))
    assert set(alone.metric) == set(own)
    assert alone["mean"].tolist() == pytest.approx(in_the_run["mean"].tolist(), nan_ok=True)


def test_after_an_interruption_only_what_is_missing_is_made(tiny_run, copied_runs):
    spec, found = tiny_run
    folder = store.run_folder(spec)
    assert folder.is_relative_to(copied_runs)
    missing = [folder / "items" / "step-00002.parquet", folder / "summary.csv", folder / "result.json"]
    for file in missing:
        sealed.remove(file)
    before = times(copied_runs)
    again = run.results([spec], workers=1, progress=False)
    assert again.items.equals(found.items)
    after = times(copied_runs)
    made = [*missing, *map(sealed.record, missing)]
    assert set(after) - set(before) == {file.relative_to(copied_runs).as_posix() for file in made}
    assert {name: after[name] for name in before} == before


def test_what_goes_wrong_in_a_worker_is_told_and_nothing_counts_as_done(tiny_spec, new_runs, monkeypatch):
    # stands in for the training; a worker can only be given what it can import
    monkeypatch.setattr(run, "_train", functools.partial(check_rows, [], [{}]))
    with pytest.raises(TrainingError, match="1 of 1 rows vanished"):
        run.results([tiny_spec], workers=1, progress=False)
    assert not store.is_trained(tiny_spec)
    assert not store.is_complete(tiny_spec)


@pytest.fixture
def imitated(new_runs, made_up_items, monkeypatch):
    """Threads instead of processes, trainings and measurements that only leave the files; returns what was done."""
    done = []

    @contextlib.contextmanager
    def pool(workers):
        with ThreadPoolExecutor(2) as threads:
            yield threads

    def train(spec):
        done.append(("train", spec.seed))
        for step in spec.steps[1:]:
            time.sleep(0.05)
            with sealed.written_sealed(checkpoint_folder(store.checkpoints_folder(spec), step)) as aside:
                aside.mkdir()
                (aside / "model").touch()
        with sealed.written_sealed(store.checkpoints_folder(spec) / "log.jsonl") as aside:
            aside.touch()
        store.end_training(spec, {})

    def measure(spec, step):
        file = store.items_file(spec, step)
        done.append(file.relative_to(new_runs).as_posix())
        time.sleep(0.05)
        items = made_up_items(steps=(step,), n_items=1)
        store.save_items(file, items, run=spec.name if step else spec.base, step=step)

    monkeypatch.setattr(run, "single_threaded_pool", pool)
    monkeypatch.setattr(run, "_train", train)
    monkeypatch.setattr(run, "_measure", measure)
    return done


def answers(spec):
    return {f"{store.run_folder(spec).name}/items/step-{step:05d}.parquet" for step in spec.steps[1:]}


def test_everything_is_made_once_and_a_base_once_for_all_its_runs(tiny_spec, imitated):
    specs = [replace(tiny_spec, seed=seed) for seed in (0, 1)]
    found = run.results(specs, progress=False)
    assert set(found.items.run) == {spec.name for spec in specs}
    measured = [what for what in imitated if isinstance(what, str)]
    (base,) = (file for file in measured if file.startswith("bases/"))
    assert sorted(measured) == sorted([base, *answers(specs[0]), *answers(specs[1])])
    assert sorted(what for what in imitated if what not in measured) == [("train", 0), ("train", 1)]


def test_what_is_measured_needs_no_checkpoint_any_more(tiny_spec, imitated):
    run.results([tiny_spec], progress=False)
    for checkpoint in store.checkpoints_folder(tiny_spec).glob("step-*"):
        shutil.rmtree(checkpoint)
    (store.run_folder(tiny_spec) / "result.json").unlink()
    imitated.clear()
    run.results([tiny_spec], progress=False)
    assert imitated == []


def test_a_checkpoint_that_is_gone_before_it_was_measured_is_made_again(tiny_spec, imitated):
    run.results([tiny_spec], progress=False)
    shutil.rmtree(store.checkpoints_folder(tiny_spec))
    for file in ("result.json", "items/step-00002.parquet"):
        (store.run_folder(tiny_spec) / file).unlink()
    imitated.clear()
    run.results([tiny_spec], progress=False)
    assert imitated[0] == ("train", 0)
    assert imitated[1:] == [f"{store.run_folder(tiny_spec).name}/items/step-00002.parquet"]
    assert store.is_complete(tiny_spec)


@pytest.mark.slow
def test_a_run_that_was_killed_is_finished_later(tiny_run, new_runs):
    spec, found = tiny_run
    code = f"""
from rsft_utils.run import results
from rsft_utils.specs import RunSpec
if __name__ == "__main__":
    results([{spec!r}], workers=1, progress=False)
"""
    (new_runs.parent / "main.py").write_text(code)
    process = subprocess.Popen([sys.executable, new_runs.parent / "main.py"], cwd=paths.ROOT, start_new_session=True)
    trained = store.run_folder(spec) / "training.json"
    deadline = time.monotonic() + 120
    while not trained.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert trained.exists()
    assert not store.is_complete(spec)
    before = trained.stat().st_mtime_ns
    assert run.results([spec], workers=1, progress=False).items.equals(found.items)
    assert trained.stat().st_mtime_ns == before
