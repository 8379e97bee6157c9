"""What a run measures and gives."""

import json
import os
from dataclasses import replace

import pandas as pd
import pytest

from rsft_utils import run, store, tables
from rsft_utils.evaluate import ENDS_ONLY, EVERY_STEP, MADE_TO
from rsft_utils.micro import bases
from rsft_utils.micro.benchmarks import BENCHMARKS


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
    expected |= {(2, mode, "greedy", "harmful"): 3 for mode in ("forced", "suppressed")}
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


@pytest.mark.parametrize("step", [0, 4])
def test_a_checkpoint_is_loaded_ready_to_answer(tiny_run, step):
    assert not run.load_checkpoint(tiny_run[0], step).training


@pytest.mark.parametrize(("world", "mirrored"), [("main", False), ("qwen2", False), ("mirror", True)])
def test_a_mirrored_world_is_asked_from_right_to_left_at_every_step(tiny_spec, tmp_path, monkeypatch, world, mirrored):
    asked, saved = [], []

    def measured(model, n_items, measurements=EVERY_STEP, benchmarks=tuple(BENCHMARKS), *, mirrored):
        asked.append((model, n_items, measurements, benchmarks, mirrored))
        return pd.DataFrame({"n": [n_items]})

    monkeypatch.setattr(run, "measure", measured)
    monkeypatch.setattr(bases, "load", lambda name: name)
    monkeypatch.setattr(run, "load_checkpoint", lambda spec, step: step)
    monkeypatch.setattr(store, "base_items_file", lambda base, n: tmp_path / f"{base}-n{n}")
    monkeypatch.setattr(store, "items_file", lambda spec, step: tmp_path / f"step-{step}")
    monkeypatch.setattr(store, "save_items", lambda file, items, **about: saved.append((file, about)))
    spec = replace(tiny_spec, world=world, base_seed=1)
    for step in spec.steps:
        run._measure(spec, step)
    everything = tuple(BENCHMARKS)
    at_the_ends = {(4, ENDS_ONLY, everything, mirrored), (4, EVERY_STEP, everything, mirrored)}
    between = {(3, EVERY_STEP, everything, mirrored), (3, MADE_TO, ("harmful",), mirrored)}
    for model, expected in ((spec.base, at_the_ends), (2, between), (4, at_the_ends)):
        found = [how for seen, *how in asked if seen == model]
        assert set(map(tuple, found)) == expected and len(found) == len(expected)
    assert saved == [
        (tmp_path / f"{spec.base}-n4", {"run": spec.base, "step": 0}),
        (tmp_path / "step-2", {"run": spec.name, "step": 2}),
        (tmp_path / "step-4", {"run": spec.name, "step": 4}),
    ]


def test_the_loss_is_kept(tiny_run):
    spec, _ = tiny_run
    curve = run.loss_curve([spec])
    assert list(curve.columns) == ["run", "step", "loss", "rate"]
    assert curve[["run", "step"]].to_dict("list") == {"run": [spec.name], "step": [4]}


def test_a_finished_run_says_what_made_it(tiny_run):
    result = json.loads((store.run_folder(tiny_run[0]) / "result.json").read_text())
    assert {"torch", "transformers", "trl"} <= set(result["provenance"]["versions"])
    assert result["training"]["tokens"] > 0


def test_the_caller_keeps_its_threads(tiny_run, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with run.single_threaded_pool(1):
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with run.single_threaded_pool(1):
        pass
    assert "OMP_NUM_THREADS" not in os.environ


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


@pytest.mark.slow
def test_lora_runs_too_and_its_checkpoints_are_loaded_on_their_base(tiny_spec, new_runs):
    import torch

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
