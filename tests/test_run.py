import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd
import pytest

from rsft_utils import paths, run, store, tables
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.train import TrainingError, check_rows, checkpoint_folder


@pytest.fixture
def copied_runs(tiny_run, tmp_path, monkeypatch):
    """A copy of the folder with the finished tiny run, to be spoiled."""
    folder = tmp_path / "runs"
    shutil.copytree(paths.RUNS, folder)
    monkeypatch.setenv("RSFT_RUNS", str(folder))
    monkeypatch.setattr(paths, "RUNS", folder)
    return folder


def times(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in files}


def test_a_run_gives_the_two_tables(tiny_run):
    spec, found = tiny_run
    assert found.items.equals(tables.validate(found.items, "items"))
    assert found.summary.equals(tables.validate(found.summary, "summary"))
    assert set(found.items.run) == set(found.summary.run) == {spec.name}
    assert set(found.summary.model) == {"XS-seed0"}


def test_every_step_is_measured_with_its_number_of_items(tiny_run):
    spec, found = tiny_run
    every_step = [("free", "greedy"), ("force_closed", "greedy")]
    at_the_ends = [*every_step, ("forced", "greedy"), ("suppressed", "greedy"), ("free", "T0.6")]
    expected = {(2, *how, name): 3 for how in every_step for name in BENCHMARKS}
    expected |= {(step, *how, name): 4 for step in (0, 4) for how in at_the_ends for name in BENCHMARKS}
    assert spec.steps == (0, 2, 4)
    assert found.items.groupby(["step", "mode", "decoding", "benchmark"]).size().to_dict() == expected


def test_every_step_asks_the_same_items(tiny_run):
    items = tiny_run[1].items.query("mode == 'free' and decoding == 'greedy'")
    asked = items.groupby("step").item.agg(set)
    assert asked[0] == asked[4] > asked[2]


def test_training_really_happened(tiny_run):
    import torch

    spec, _ = tiny_run
    base, middle, last = (dict(run.load_checkpoint(spec, step).named_parameters()) for step in spec.steps)
    for one, other in ((base, middle), (middle, last)):
        assert any(not torch.equal(one[name], other[name]) for name in base)
    assert all(parameter.dtype is torch.float32 for parameter in last.values())


def test_the_loss_is_kept(tiny_run):
    spec, _ = tiny_run
    curve = run.loss_curve([spec])
    assert list(curve.columns) == ["run", "step", "loss", "rate"]
    assert curve[["run", "step"]].to_dict("list") == {"run": [spec.name], "step": [4]}


def test_a_finished_run_says_what_made_it(tiny_run):
    result = json.loads((store.run_folder(tiny_run[0]) / "result.json").read_text())
    assert {"torch", "transformers", "trl"} <= set(result["provenance"]["versions"])
    assert result["training"]["tokens"] > 0


def test_a_finished_run_is_not_made_again(tiny_run, monkeypatch):
    spec, found = tiny_run
    monkeypatch.setattr(run, "_make", None)
    again = run.results([spec])
    assert again.items.equals(found.items)
    assert again.summary.equals(found.summary)


def test_a_base_that_a_run_has_measured_is_not_measured_again(tiny_run, monkeypatch):
    spec, found = tiny_run
    monkeypatch.setattr(run, "_single_threaded_pool", None)
    base = run.base_results([spec.base], n_items=4)
    assert set(base.items.run) == {"XS-seed0"}
    # score_common depends on the other steps of a run
    alone, in_the_run = (t.query("step == 0 and metric != 'score_common'") for t in (base.summary, found.summary))
    assert alone["mean"].tolist() == pytest.approx(in_the_run["mean"].tolist(), nan_ok=True)


def test_the_caller_keeps_its_threads(tiny_run, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with run._single_threaded_pool(1):
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with run._single_threaded_pool(1):
        pass
    assert "OMP_NUM_THREADS" not in os.environ


def test_after_an_interruption_only_what_is_missing_is_made(tiny_run, copied_runs):
    spec, found = tiny_run
    folder = store.run_folder(spec)
    assert folder.is_relative_to(copied_runs)
    missing = [folder / "items" / "step-00002.parquet", folder / "summary.csv", folder / "result.json"]
    for file in missing:
        file.unlink()
    before = times(copied_runs)
    again = run.results([spec], workers=1, progress=False)
    assert again.items.equals(found.items)
    after = times(copied_runs)
    assert set(after) - set(before) == {file.relative_to(copied_runs).as_posix() for file in missing}
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
            checkpoint_folder(store.checkpoints_folder(spec), step).mkdir()
        store.end_training(spec, {})

    def measure(spec, step):
        file = store.items_file(spec, step)
        done.append(file.relative_to(new_runs).as_posix())
        time.sleep(0.05)
        items = made_up_items(steps=(step,), n_items=1)
        store.save_items(file, items, run=spec.name if step else spec.base, step=step)

    monkeypatch.setattr(run, "_single_threaded_pool", pool)
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
    shutil.rmtree(store.checkpoints_folder(tiny_spec))
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
    assert set(imitated[1:]) == answers(tiny_spec)
    assert store.is_complete(tiny_spec)


def test_tables_of_several_runs_are_joined_in_the_order_asked_for(tiny_spec, monkeypatch):
    specs = [replace(tiny_spec, seed=seed) for seed in (2, 0, 1)]
    monkeypatch.setattr(store, "is_complete", lambda spec: True)
    monkeypatch.setattr(
        store, "load", lambda spec: (pd.DataFrame({"run": [spec.name] * 2}), pd.DataFrame({"run": [spec.name]}))
    )
    joined = run.results(specs)
    assert joined.summary.run.tolist() == [spec.name for spec in specs]
    assert joined.items.run.tolist() == [spec.name for spec in specs for _ in range(2)]
    assert joined.items.index.tolist() == list(range(6))


def test_progress_says_what_is_done(tiny_run, capsys):
    spec, _ = tiny_run
    with run._Progress([spec], shown=True) as bar:
        bar.update()
    shown = capsys.readouterr().out
    assert "100 %" in shown
    assert "seed 0: step 4/4, 3/3 measured" in shown


@pytest.mark.slow
def test_lora_runs_too_and_its_checkpoints_are_loaded_on_their_base(tiny_spec, new_runs):
    import torch

    from rsft_utils.micro import bases

    spec = replace(tiny_spec, method="lora", lora_rank=4, learning_rate=1e-2)
    found = run.results([spec], workers=1, progress=False)
    assert set(found.items.step) == set(spec.steps)
    base, last = bases.load(spec.base).state_dict(), run.load_checkpoint(spec, 4).state_dict()
    assert set(base) == set(last)  # merged: no trace of the adapter
    assert any(not torch.equal(base[name], last[name]) for name in base)


@pytest.mark.slow
def test_two_runs_made_side_by_side_are_what_they_are_alone(tiny_run, new_runs):
    spec, found = tiny_run
    other = replace(spec, seed=1, dataset="math-nocot")
    both = run.results([other, spec], workers=2, progress=False)
    alone = both.items[both.items.run == spec.name].reset_index(drop=True)
    assert alone.equals(found.items)
    assert set(both.summary.run) == {spec.name, other.name}


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
