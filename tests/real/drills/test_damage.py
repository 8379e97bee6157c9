"""What is damaged afterwards: results, answers, checkpoints."""

import shutil
from pathlib import Path

import pytest
from drilling import DAMAGES, changed, cut_short
from pandas.testing import assert_frame_equal

from rsft_utils.durable import sealed
from rsft_utils.real import run, store


def where(spec, name) -> Path:
    """A file of a run by its short name."""
    if name.startswith("base"):
        return store.items_file(spec, 0)
    folder = store.run_folder(spec) if name.startswith(("training", "checkpoints")) else store.results_folder(spec)
    return folder / name


RESULTS = {
    "result.json": [],
    "summary.csv": [],
    "items/step-00010.parquet": [10],
    "items/step-00012.parquet": [12],
    "base's items": [0],
    "checkpoints/log.jsonl": ["training"],
    "training.json": ["training"],
}
QUICK = {"result.json": "removed", "items/step-00010.parquet": "changed", "training.json": "cut short"}
EVERY = [(name, suffix, damage) for name in RESULTS for suffix in ("", ".sha256") for damage in DAMAGES]


@pytest.mark.parametrize(
    ("name", "suffix", "damage"),
    [
        case if QUICK.get(case[0]) == case[2] and not case[1] else pytest.param(*case, marks=pytest.mark.slow)
        for case in EVERY
    ],
)
def test_of_a_result_with_any_damage_only_that_part_is_made_again(
    spec, finished, ends_well, asked, name, suffix, damage
):
    file = where(spec, name)
    DAMAGES[damage](file.with_name(f"{file.name}{suffix}"))
    assert ends_well() == RESULTS[name]
    assert asked == []  # all answers were there


LINES = {
    "cut short in its last line": (lambda content: content[:-9], 1),
    "a line is cut in two": (lambda content: content[:200] + b"\n" + content[200:], 1),
    "a letter was changed": (lambda content: content.replace(b'"text": "', b'"text": "x', 1), 1),
    "a byte that is no text": (lambda content: b"\xff" + content[1:], 1),
    "a line of JSON that is no answer": (lambda content: b'7\n["item"]\n{"item": "a"}\n' + content, 0),
    "zeros where the end was": (lambda content: content[: content.rindex(b"{")] + bytes(50), 1),
    "empty": (lambda content: b"", 3),
    "written by an older version": (
        lambda content: b"".join(line.split(b', "sha256"')[0] + b"}\n" for line in content.splitlines()),
        0,
    ),
}


@pytest.mark.parametrize("kind", LINES)
def test_only_answers_that_are_damaged_are_asked_for_again(spec, finished, ends_well, asked, kind):
    damage, lost = LINES[kind]
    (file,) = store.answers_folder(spec, 10).iterdir()
    file.write_bytes(damage(file.read_bytes()))
    sealed.remove(store.items_file(spec, 10))
    assert ends_well() == [10]
    assert sum(asked) == lost


def test_answers_that_were_removed_are_asked_for_again(spec, finished, ends_well, asked):
    shutil.rmtree(store.answers_folder(spec, 0))
    sealed.remove(store.items_file(spec, 0))
    assert ends_well() == [0]
    assert asked == [5]


CHECKPOINT = ("README.md", "SHA256SUMS", "adapter_config.json", "adapter_model.safetensors")


@pytest.mark.parametrize(
    ("name", "damage"),
    [("adapter_model.safetensors", "changed")]
    + [
        pytest.param(name, damage, marks=pytest.mark.slow) for name in CHECKPOINT for damage in ("cut short", "removed")
    ],
)
def test_a_checkpoint_that_is_damaged_before_it_has_answered_is_trained_again(spec, finished, ends_well, name, damage):
    checkpoint = finished / "checkpoints" / "step-00010"
    assert {file.name for file in checkpoint.iterdir()} == set(CHECKPOINT)
    shutil.rmtree(store.answers_folder(spec, 10))
    sealed.remove(store.items_file(spec, 10))
    DAMAGES[damage](checkpoint / name)
    assert ends_well() == [10, "training", 10]


def test_checkpoints_are_not_read_where_nothing_has_to_be_asked(spec, finished, made, undisturbed, monkeypatch):
    shutil.rmtree(finished / "checkpoints" / "step-00010")
    cut_short(finished / "checkpoints" / "step-00012" / "adapter_model.safetensors")
    sealed.remove(store.items_file(spec, 12))
    read, hashed = [], sealed._sha256
    monkeypatch.setattr(sealed, "_sha256", lambda file: read.append(file.name) or hashed(file))
    assert_frame_equal(run.results([spec], "transformers").items, undisturbed[0].items, check_exact=True)
    assert made == [12]
    assert "result.json" in read and "adapter_model.safetensors" not in read


@pytest.mark.slow
def test_everything_damaged_at_once_is_a_new_run_and_nothing_is_lost(finished, new_runs, ends_well):
    files = [file for file in new_runs.rglob("*") if file.is_file() and file.suffix not in (".sha256", ".lock")]
    files = [file for file in files if "answers" not in str(file)]
    for file in files:
        changed(file)
    for file in new_runs.glob("**/*answers*/**/*.jsonl"):
        file.unlink()
    spoiled = [file.read_bytes() for file in files]
    assert ends_well() == ["training", 0, 10, 12]
    aside = [file.read_bytes() for file in new_runs.glob("damaged/**/*") if file.is_file()]
    assert [content for content in spoiled if content not in aside] == []
