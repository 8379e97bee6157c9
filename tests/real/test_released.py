"""Published checkpoints from spec to tables: a repository with a folder for each step, as in the hub's cache."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from rsft_utils import paths, tables
from rsft_utils.real import hub, run, store
from rsft_utils.real.models import MODELS
from rsft_utils.real.released import ReleasedSpec

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
SPEC = ReleasedSpec(
    dataset="Math-NoCoT-20k",  # of whose repository no commit is known
    steps=(0, 40, 640),
    benchmarks=("Countdown",),
    n_items=3,
    n_items_ends=5,
    max_new_tokens=8,
)
FIRST, LATER = "a" * 40, "b" * 40
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def tiny_qwen3(tmp_path_factory):
    return TINY["save"](tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def base(fake_hub, tiny_qwen3):
    """A small model where the base model would lie."""
    model = MODELS[SPEC.base_model]
    fake_hub.add_model(model.hub_id, tiny_qwen3, commit=model.revision)


def checkpoint(tiny_qwen3, step, with_tokenizer=True) -> dict:
    """A folder of a step, with weights of its own."""
    import torch
    from safetensors.torch import load_file, save

    torch.manual_seed(step)
    moved = {name: value + 0.1 * torch.randn_like(value) for name, value in load_file(tiny_qwen3 / WEIGHTS).items()}
    files = {file.name: file for file in tiny_qwen3.iterdir() if with_tokenizer or "token" not in file.name}
    return {f"step{step}/{name}": path for name, path in files.items()} | {
        f"step{step}/{WEIGHTS}": save(moved, {"format": "pt"})
    }


@pytest.fixture
def on_the_hub(fake_hub, base, tiny_qwen3, monkeypatch):
    """What the authors' repository holds; it gets into the cache when it is asked for. Lists what was fetched."""
    steps = {f"step{step}": checkpoint(tiny_qwen3, step) for step in (40, 640)}
    fetched, found = [], hub.model_folder

    def model_folder(repository, revision=None, subfolder=""):
        folder = hub.cached("model", repository, revision)
        if subfolder and not (folder and (folder / subfolder / WEIGHTS).exists()):
            fetched.append(subfolder)
            fake_hub.add_model(repository, steps[subfolder], commit=revision or (folder.name if folder else FIRST))
        return found(repository, revision, subfolder)

    monkeypatch.setattr(hub, "model_folder", model_folder)
    return fetched


@pytest.fixture
def in_this_process(monkeypatch):
    """Nothing is started in a child, so that a test can spoil it; returns the steps that were measured."""
    measured = []

    def call(function, *arguments, shown=None):
        measured.extend(argument for argument in arguments if isinstance(argument, int))
        return function(*arguments)

    monkeypatch.setattr(run, "_in_child", call)
    return measured


def test_nothing_is_trained_and_every_step_becomes_rows_of_the_two_tables(on_the_hub, in_this_process, capsys):
    found = run.results([SPEC])
    tables.validate(found.items, "items")
    tables.validate(found.summary, "summary")
    assert found.items.groupby("step").item.nunique().to_dict() == {0: 5, 40: 3, 640: 5}
    assert set(found.summary.model) == {"Qwen3-1.7B"} and set(found.summary.run) == {SPEC.name}
    assert set(found.summary.dataset) == {"none", "Math-NoCoT-20k"}
    texts = found.items.groupby("step").completion.agg("".join)
    assert texts.nunique() == 3  # every step has answered with weights of its own
    assert "training" not in capsys.readouterr().out
    assert not store.checkpoints_folder(SPEC).exists()
    assert run.results([SPEC]).summary.equals(found.summary)
    assert in_this_process == [40, 640, 0]  # once


def test_one_step_after_the_other_is_fetched_and_deleted_again(on_the_hub, in_this_process, monkeypatch):
    from rsft_utils.real import generate

    there = []
    opened = generate.opened

    def noting(spec, weights):
        there.append(sorted(file.parent.name for file in weights_in_cache()))
        return opened(spec, weights)

    monkeypatch.setattr(generate, "opened", noting)
    run.results([SPEC])
    assert on_the_hub == ["step40", "step640"]
    assert there == [["step40"], ["step640"], []]
    assert weights_in_cache() == []
    blobs = (hub.cached("model", SPEC.repository, FIRST).parents[1] / "blobs").iterdir()
    assert (
        max(file.stat().st_size for file in blobs) < 100_000
    )  # the weights themselves are gone, not their names alone


def weights_in_cache():
    folder = hub.cached("model", SPEC.repository, FIRST)
    return list(folder.glob(f"*/{WEIGHTS}"))


def test_what_the_cache_held_before_stays_there(on_the_hub, in_this_process, fake_hub, tiny_qwen3):
    fake_hub.add_model(SPEC.repository, checkpoint(tiny_qwen3, 640), commit=FIRST)
    run.results([SPEC])
    assert on_the_hub == ["step40"]
    assert [file.parent.name for file in weights_in_cache()] == ["step640"]


def test_the_commit_is_kept_beside_the_answers_and_used_though_the_hub_moves_on(on_the_hub, in_this_process, fake_hub):
    run.results([replace(SPEC, steps=(0, 40))])
    assert store.commit(SPEC) == FIRST
    (paths.RUNS / "hub-pins.json").unlink()  # where the hub's files are noted, too
    fake_hub.add_model(SPEC.repository, {"README.md": "another upload"}, commit=LATER)
    run.results([SPEC])
    assert not list((hub.cached("model", SPEC.repository, LATER)).glob("step*"))
    result = json.loads((store.results_folder(SPEC) / "result.json").read_text())
    assert result["weights"] == {"repository": SPEC.repository, "commit": FIRST}


@pytest.mark.parametrize("damage", [lambda file: file.write_text(FIRST[:9]), Path.unlink], ids=["cut short", "removed"])
def test_answers_whose_commit_is_lost_are_given_again_by_one_upload(on_the_hub, in_this_process, fake_hub, damage):
    run.results([replace(SPEC, steps=(0, 40))])
    damage(store.run_folder(SPEC) / "commit.txt")
    (paths.RUNS / "hub-pins.json").unlink()
    fake_hub.add_model(SPEC.repository, {"README.md": "another upload"}, commit=LATER)
    in_this_process.clear()
    on_the_hub.clear()
    run.results([SPEC])
    assert on_the_hub == ["step40", "step640"] and in_this_process == [40, 640, 0]
    assert json.loads((store.results_folder(SPEC) / "result.json").read_text())["weights"]["commit"] == LATER
    (aside,) = paths.RUNS.glob(f"damaged/*/{store.run_folder(SPEC).name}/answers")
    assert len(list(aside.glob("step-00040/*.jsonl"))) == 1


def test_a_commit_that_is_known_beforehand_is_asked_for(on_the_hub, in_this_process, fake_hub):
    known = replace(SPEC, dataset="Math-CoT-20k")
    run.results([known])
    assert hub.cached("model", known.repository, known.commit).name == known.commit == store.commit(known)


def test_other_steps_ask_nothing_twice(on_the_hub, in_this_process, monkeypatch):
    run.results([replace(SPEC, steps=(0, 640))])
    on_the_hub.clear()
    found = run.results([SPEC]).summary
    assert on_the_hub == ["step40"]
    assert set(found.step) == {0, 40, 640}


def test_an_evaluation_that_was_killed_goes_on_at_the_next_answer(on_the_hub, in_this_process, monkeypatch):
    whole = run.results([SPEC]).items
    file = store.answers_folder(SPEC, 40) / "Countdown-limit8-seed0.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]) + lines[2][:9])  # killed in midst of a line
    store.items_file(SPEC, 40).unlink()
    (store.results_folder(SPEC) / "result.json").unlink()
    asked = []
    from rsft_utils.real import generate

    opened = generate.opened

    def counting(*arguments):
        ask = opened(*arguments)
        return lambda prompts, *more: asked.append(len(prompts)) or ask(prompts, *more)

    monkeypatch.setattr(generate, "opened", counting)
    assert run.results([SPEC]).items.equals(whole)
    assert asked == [1]


def test_answers_that_are_all_there_need_no_weights(on_the_hub, in_this_process):
    run.results([SPEC])
    on_the_hub.clear()
    run.results([replace(SPEC, n_items=2, n_items_ends=4)])
    assert on_the_hub == []


def test_questions_are_put_and_answers_read_with_the_tokenizer_of_the_base(fake_hub, base, in_this_process, tiny_qwen3):
    files = checkpoint(tiny_qwen3, 40, with_tokenizer=False) | checkpoint(tiny_qwen3, 640, with_tokenizer=False)
    fake_hub.add_model(SPEC.repository, files, commit=FIRST)
    found = run.results([SPEC]).items
    assert set(found.step) == {0, 40, 640}
    assert (found.completion.str.len() > 0).all()


def test_a_missing_step_is_told_and_what_was_measured_is_kept(fake_hub, base, in_this_process, tiny_qwen3):
    fake_hub.add_model(SPEC.repository, checkpoint(tiny_qwen3, 40), commit=FIRST)
    with pytest.raises(hub.HubError, match=f"{SPEC.repository} is not, or not completely, in the cache"):
        run.results([SPEC])
    assert store.items_file(SPEC, 40).exists()


def test_a_missing_repository_is_told_before_the_base_model_is_measured(fake_hub, base, in_this_process):
    with pytest.raises(hub.HubError, match=f"{SPEC.repository} is not, or not completely, in the cache"):
        run.results([SPEC])
    assert in_this_process == [40] and not store.items_file(SPEC, 0).exists()


@pytest.mark.slow
def test_in_processes_of_their_own_they_are_measured_all_the_same(fake_hub, base, tiny_qwen3):
    files = checkpoint(tiny_qwen3, 40) | checkpoint(tiny_qwen3, 640)
    fake_hub.add_model(SPEC.repository, files, commit=FIRST)
    assert set(run.results([SPEC]).summary.step) == {0, 40, 640}
