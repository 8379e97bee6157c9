"""From specs to tables with local stand-ins: a tiny Qwen3, rows in a .jsonl file, MATH500 in its own schema."""

import json
import os
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rsft_utils import paths, tables
from rsft_utils.grid import jobs
from rsft_utils.real import hub, run, store
from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.spec import RealSpec

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
QUESTIONS = [f"What is {a} + {b}?" for a in range(6) for b in range(6)]


@pytest.fixture(scope="module")
def tiny_qwen3(tmp_path_factory):
    return TINY["save"](tmp_path_factory.mktemp("models") / "tiny-qwen3")


@pytest.fixture
def spec(fake_hub, tiny_qwen3, tmp_path, monkeypatch):
    """Base model, data file and benchmark where the real ones would lie, and a run of 12 steps that uses them."""
    lines = [
        {"prompt": question, "completion": f"<think>\nLet me add.\n</think>\n\nSo it is \\boxed{{{i % 7}}}."}
        for i, question in enumerate(QUESTIONS)
    ]
    data = tmp_path / "sums.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)))
    problems = [{"problem": q, "answer": str(i), "solution": "", "unique_id": str(i)} for i, q in enumerate(QUESTIONS)]
    maths = BENCHMARKS["MATH500"]
    fake_hub.add_dataset(
        maths.hub_id, {name: "\n".join(map(json.dumps, problems)) for name in maths.files}, commit=maths.revision
    )
    monkeypatch.setitem(BENCHMARKS, "MATH500", replace(maths, files=dict.fromkeys(maths.files)))
    return RealSpec(
        base_model=str(tiny_qwen3),
        dataset=str(data),
        n_rows=24,
        batch_size=2,
        max_length=256,
        four_bit=False,
        lora_rank=4,
        n_items=3,
        n_items_ends=5,
        max_new_tokens=8,
        benchmarks=("MATH500", "Countdown"),
    )


@pytest.fixture
def in_this_process(monkeypatch):
    """Nothing is started in a child, so that a test can spoil it; returns what was run, step by step."""
    done = []

    def call(function, *arguments, shown=None):
        done.append((function.__name__.strip("_"), *(a for a in arguments if isinstance(a, int))))
        return function(*arguments)

    monkeypatch.setattr(run, "_in_child", call)
    return done


@pytest.mark.slow
def test_a_run_becomes_rows_of_the_two_tables(spec, capsys):
    spec = replace(spec, benchmarks=("Countdown",))  # a child process sees the real table of benchmarks
    found = run.results([spec], backend="transformers")
    tables.validate(found.items, "items")
    tables.validate(found.summary, "summary")
    assert list(found.summary.step.unique()) == [0, 10, 12]
    assert found.items.groupby("step")["item"].nunique().to_list() == [5, 3, 5]
    assert set(found.summary.model) == {"tiny-qwen3"} and set(found.summary.dataset) == {"none", spec.dataset}
    assert set(found.summary.role) == {"OOD"}
    assert (found.items.n_tokens <= 8).all() and set(found.items.decoding) == {"T0.6"}
    said = capsys.readouterr().out
    assert "training, 12 steps (transformers)" in said and "measuring step 12" in said
    assert "left  12/12 steps trained\n" in said and "left  3/3 answers\n" in said  # progress lines
    assert run.results([spec], backend="transformers").summary.equals(found.summary)
    assert capsys.readouterr().out == ""  # nothing was left to do


def test_measuring_more_trains_nothing_again_and_asks_nothing_twice(spec, in_this_process, monkeypatch):
    run.results([replace(spec, benchmarks=("MATH500",))], backend="transformers")
    steps = [("measure", 0), ("measure", 10), ("measure", 12)]
    assert in_this_process == [("train",), *steps, ("provenance",)]
    in_this_process.clear()
    from rsft_utils.real import generate

    asked = []
    opened = generate.opened

    def counting(*arguments):
        ask = opened(*arguments)
        return lambda prompts, *more: asked.append(len(prompts)) or ask(prompts, *more)

    monkeypatch.setattr(generate, "opened", counting)
    run.results([spec], backend="transformers")
    assert in_this_process == [*steps, ("provenance",)]
    assert asked == [5, 3, 5]  # Countdown's alone


def test_an_evaluation_that_was_killed_goes_on_at_the_next_answer(spec, in_this_process, monkeypatch):
    from rsft_utils.real import evaluate, generate

    monkeypatch.setattr(evaluate, "AT_ONCE", 2)
    whole = run.results([spec], backend="transformers").items
    file = store.answers_folder(spec, 12) / "MATH500-limit8-seed0.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]) + lines[2][:9])  # killed in midst of a line
    store.items_file(spec, 12).unlink()
    (store.results_folder(spec) / "result.json").unlink()
    asked = []
    opened = generate.opened

    def counting(*arguments):
        ask = opened(*arguments)
        return lambda prompts, *more: asked.append(len(prompts)) or ask(prompts, *more)

    monkeypatch.setattr(generate, "opened", counting)
    again = run.results([spec], backend="transformers").items
    assert asked == [2, 1]
    assert again.equals(whole)


def test_a_training_that_was_killed_goes_on_and_ends_in_the_same_answers(spec, in_this_process, monkeypatch):
    import rsft_utils.train as training

    whole = run.results([spec], backend="transformers").items
    for file in (store.run_folder(spec) / "training.json", store.results_folder(spec) / "result.json"):
        file.unlink()
    for step in (10, 12):
        store.items_file(spec, step).unlink()
        for answers in store.answers_folder(spec, step).iterdir():
            answers.unlink()
    shutil.rmtree(store.checkpoints_folder(spec))
    save = training.save_checkpoint

    def killed(model, folder, step):
        if step == 12:
            raise KeyboardInterrupt
        save(model, folder, step)

    monkeypatch.setattr(training, "save_checkpoint", killed)
    with pytest.raises(KeyboardInterrupt):
        run.results([spec], backend="transformers")
    monkeypatch.setattr(training, "save_checkpoint", save)
    assert run.results([spec], backend="transformers").items.equals(whole)


def test_what_cannot_work_is_refused_before_anything_is_trained(spec, in_this_process):
    with pytest.raises(hub.HubError, match="gpqa is not, or not completely, in the cache"):
        run.results([replace(spec, benchmarks=("GPQA-D",))], backend="transformers")
    assert in_this_process == []


def test_a_process_that_dies_is_told_in_a_sentence(spec, monkeypatch):
    with pytest.raises(run.RunError, match="What was finished is kept"):
        run._in_child(os._exit, 1)


def test_jobs_one_by_one_end_in_the_tables_of_one_call(spec, in_this_process, monkeypatch):
    monkeypatch.setattr(run.backends, "choose", lambda *asked: "transformers")
    whole = run.results([spec])
    for path in paths.RUNS.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    in_this_process.clear()
    run.fetch(spec)
    for _ in range(2):  # the second time nothing is done
        run.train_missing(spec)
        for step in (12, 0, 10):
            run.measure_missing(spec, step)
        run.finish_measured(spec)
    assert in_this_process == [("train",), ("provenance",), ("measure", 12), ("measure", 0), ("measure", 10)]
    items, summary = store.load(spec)
    assert items.equals(whole.items) and summary.equals(whole.summary)


def test_a_job_whose_checkpoint_is_damaged_says_that_the_run_is_to_be_trained_again(spec, in_this_process, monkeypatch):
    monkeypatch.setattr(run.backends, "choose", lambda *asked: "transformers")
    run.train_missing(spec)
    weights = next((store.checkpoints_folder(spec) / "step-00010").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(run.RunError, match=r"the checkpoint of step 10 of .* is lost: train the run again"):
        run.measure_missing(spec, 10)
    assert jobs._training(spec) is None
