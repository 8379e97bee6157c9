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
from rsft_utils.durable import sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.evaluate import ENDS_ONLY, EVERY_STEP, MADE_TO, MAX_NEW_TOKENS
from rsft_utils.generate import Sampling, generate
from rsft_utils.micro import bases, sft_data
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.micro.symbols import ASSISTANT, END, SYMBOL_ID, USER, decode, encode
from rsft_utils.specs import RunSpec
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


def prompts(rows):
    return [row["prompt"][0]["content"] for row in rows]


def completions(rows):
    return [row["completion"][0]["content"] for row in rows]


def test_a_run_trains_on_the_rows_of_its_set_and_seed(tiny_spec):
    spec = replace(tiny_spec, dataset="math-nocot", seed=3)
    assert run.training_rows(spec) == sft_data.rows("math-nocot", 64, seed=3)


def test_a_mirrored_world_trains_on_prompts_read_backwards(tiny_spec):
    rows = run.training_rows(tiny_spec)
    mirrored = run.training_rows(replace(tiny_spec, world="mirror", base_seed=1))
    assert prompts(mirrored) == [" ".join(reversed(prompt.split())) for prompt in prompts(rows)]
    assert completions(mirrored) == completions(rows)


def test_what_is_trained_on_are_these_rows(tiny_spec, monkeypatch):
    given = []
    monkeypatch.setattr(run, "train", lambda spec, model, tokenizer, rows, *where, **how: given.append(rows))
    monkeypatch.setattr(store, "end_training", lambda spec, outcome: None)
    for spec in (tiny_spec, replace(tiny_spec, dataset="own-samples")):
        run._train(spec)
        assert given.pop() == run.training_rows(spec)


@pytest.fixture(scope="module")
def own_samples(one_thread):
    spec = RunSpec(size="XS", dataset="own-samples", n_rows=96, seed=5)
    return spec, run.training_rows(spec)


def test_own_samples_are_finished_answers_to_the_prompts_of_the_maths_sets(own_samples):
    spec, rows = own_samples
    asked = prompts(sft_data.rows("math-cot", spec.n_rows, spec.seed))
    first = list(dict.fromkeys(prompts(rows)))
    assert first == [prompt for prompt in asked if prompt in set(first)]  # in their order
    assert len(first) > len(asked) / 3
    assert len(rows) == spec.n_rows
    assert not any(END in completion for completion in completions(rows))  # training adds it
    assert max(len(completion.split()) for completion in completions(rows)) < MAX_NEW_TOKENS
    for row in rows:
        assert row == sft_data.row(row["prompt"][0]["content"], row["completion"][0]["content"])


def test_own_samples_are_what_the_base_says_at_temperature_1(own_samples):
    spec, rows = own_samples
    asked = prompts(sft_data.rows("math-answer", spec.n_rows, spec.seed))
    said = generate(
        bases.load("XS-seed0"),
        [encode(f"{USER} {prompt} {ASSISTANT}") for prompt in asked],
        MAX_NEW_TOKENS,
        sampling=Sampling(temperature=1.0, top_p=1.0, seed=5),
    )
    answers = dict(zip(asked, map(decode, said), strict=True))
    assert [f"{completion} {END}" for completion in completions(rows)] == [answers[prompt] for prompt in prompts(rows)]


def test_own_samples_are_the_same_again_and_others_with_another_seed(own_samples):
    spec, rows = own_samples
    assert run.training_rows(spec) == rows
    other = run.training_rows(replace(spec, seed=6))
    assert not set(completions(other)) >= set(completions(rows))
    assert prompts(other) != prompts(rows)


def test_answers_that_do_not_end_are_left_out_and_the_others_repeated_in_turn(tiny_spec, monkeypatch):
    """With scripted answers: one cut off, one empty, two good."""
    spec = replace(tiny_spec, dataset="own-samples", n_rows=8, batch_size=4, world="mirror", base_seed=1)
    asked = prompts(sft_data.rows("math-answer", 8, spec.seed, mirrored=True))
    script = ["so 4", f"answer 4 {END}", END, f"answer 7 {END}", *["so so"] * 4]
    calls = []

    def scripted(model, prompts, max_new_tokens, *, sampling):
        calls.append((model.name, list(map(decode, prompts)), max_new_tokens, sampling))
        return list(map(encode, script))

    class Model:
        def __init__(self, name):
            self.name = name

        class config:
            eos_token_id = SYMBOL_ID[END]

    monkeypatch.setattr(bases, "load", Model)
    monkeypatch.setattr(run, "generate", scripted)
    rows = run.training_rows(spec)
    assert rows == [sft_data.row(asked[1], "answer 4"), sft_data.row(asked[3], "answer 7")] * 4
    ((name, shown, limit, sampling),) = calls
    assert name == "XS-mirror-seed1"
    assert shown == [f"{USER} {prompt} {ASSISTANT}" for prompt in asked]
    assert (limit, sampling) == (MAX_NEW_TOKENS, Sampling(temperature=1.0, top_p=1.0, seed=spec.seed))


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


def test_the_caller_keeps_its_threads(tiny_run, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with run.single_threaded_pool(1):
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    monkeypatch.delenv("OMP_NUM_THREADS")
    with run.single_threaded_pool(1):
        pass
    assert "OMP_NUM_THREADS" not in os.environ


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
