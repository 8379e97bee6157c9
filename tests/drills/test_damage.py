"""What is damaged afterwards: results, checkpoints, the state of the trainer, base models."""

import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from drilling import DAMAGES, SPEC, changed, contents, cut_short, here

from rsft_utils import paths, run, store
from rsft_utils.durable import sealed

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
