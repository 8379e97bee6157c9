"""Whatever happens to a run of a real model, the next call ends in the tables of an undisturbed one.

The model is a tiny Qwen3 on one thread of the processor, which repeats bit for bit; a card does not promise that.
"""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from pandas.testing import assert_frame_equal

from rsft_utils import paths
from rsft_utils.durable import locks, sealed
from rsft_utils.real import generate, identity, run, store
from rsft_utils.real.spec import RealSpec

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """A run of 12 steps, measured at 0, 10 and 12 with 5, 3 and 5 questions of Countdown, which need no hub."""
    folder = tmp_path_factory.mktemp("of a reader")
    TINY["save"](folder / "tiny-qwen3")
    write_rows(folder / "sums.jsonl", 7)
    return RealSpec(
        base_model=str(folder / "tiny-qwen3"),
        dataset=str(folder / "sums.jsonl"),
        n_rows=24,
        batch_size=2,
        max_length=256,
        four_bit=False,
        lora_rank=4,
        n_items=3,
        n_items_ends=5,
        max_new_tokens=8,
        benchmarks=("Countdown",),
    )


def write_rows(file, modulus):
    lines = [
        {"prompt": f"What is {a} + {b}?", "completion": f"<think>\nI add.\n</think>\n\nIt is {(a + b) % modulus}."}
        for a in range(6)
        for b in range(6)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))


@pytest.fixture(autouse=True)
def made(monkeypatch, one_thread):
    """Nothing is started in a child, so that a test can spoil it; returns what was made: trainings, measured steps."""
    done = []

    def call(function, *arguments, shown=None):
        if function.__name__ != "provenance":
            done.append(arguments[1] if function.__name__ == "_measure" else "training")
        return function(*arguments)

    monkeypatch.setattr(run, "_in_child", call)
    return done


@pytest.fixture
def asked(monkeypatch):
    """The numbers of questions that a model was asked."""
    counts, opened = [], generate.opened

    def counting(*arguments):
        ask = opened(*arguments)
        return lambda prompts, *more: counts.append(len(prompts)) or ask(prompts, *more)

    monkeypatch.setattr(generate, "opened", counting)
    return counts


@pytest.fixture(scope="module")
def undisturbed(spec, tmp_path_factory, one_thread):
    """(tables of the run, the folder with all it left)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", folder)
        patch.setattr(run, "_in_child", lambda function, *arguments, shown=None: function(*arguments))
        return run.results([spec], "transformers"), folder


@pytest.fixture
def finished(spec, undisturbed, new_runs):
    """A copy of the finished run, to be spoiled; returns its folder."""
    shutil.copytree(undisturbed[1], new_runs)
    return store.run_folder(spec)


@pytest.fixture
def ends_well(spec, undisturbed, new_runs, made):
    """Function that makes what is missing and compares tables, log and weights with the undisturbed ones.

    It returns what was made.
    """

    def check():
        made.clear()
        found = run.results([spec], "transformers")
        expected, folder = undisturbed
        assert_frame_equal(found.items, expected.items, check_exact=True)
        assert_frame_equal(found.summary, expected.summary, check_exact=True)
        for kind in ("log.jsonl", "step-*/*.safetensors"):  # PEFT writes its settings in no certain order
            theirs, ours = (contents(runs, f"*/checkpoints/{kind}") for runs in (folder, new_runs))
            assert theirs == ours
        assert list(new_runs.glob("*/checkpoints/trainer")) == []
        return list(made)

    return check


def contents(folder, pattern):
    return {file.relative_to(folder): file.read_bytes() for file in folder.glob(pattern)}


def cut_short(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def changed(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {"cut short": cut_short, "removed": os.unlink, "changed": changed}


def where(spec, name) -> Path:
    """A file of a run by its short name."""
    if name.startswith("base"):
        return store.items_file(spec, 0)
    folder = store.run_folder(spec) if name.startswith(("training", "checkpoints")) else store.results_folder(spec)
    return folder / name


# What is damaged afterwards

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


# The data under the run


def test_a_data_file_that_changed_is_another_run_and_never_mixed_with_the_first(spec, new_runs, made, tmp_path):
    rows = tmp_path / "sums.jsonl"
    write_rows(rows, 7)
    mine = replace(spec, dataset=str(rows))
    first = run.results([mine], "transformers")
    folder = store.run_folder(mine)
    before = contents(folder, "**/*.*")
    content = rows.read_bytes()
    write_rows(rows, 5)
    second = run.results([mine], "transformers")
    other = store.run_folder(mine)
    assert other != folder and other.name.rpartition("-")[0] == folder.name.rpartition("-")[0]
    assert made == ["training", 0, 10, 12, "training", 10, 12]  # the base's answers do not depend on it
    assert contents(folder, "**/*.*") == before
    assert not set(contents(other, "**/adapter_model.safetensors").values()) & set(before.values())
    rows.write_bytes(content)
    assert_frame_equal(run.results([mine], "transformers").items, first.items, check_exact=True)
    assert not second.items.equals(first.items)
    assert len(made) == 7


@pytest.mark.parametrize("when", ["training", 10])
def test_data_that_change_while_a_run_is_made_stop_it_and_it_goes_on_when_they_are_back(
    spec, new_runs, made, tmp_path, monkeypatch, when
):
    rows = tmp_path / "sums.jsonl"
    write_rows(rows, 7)
    mine, content = replace(spec, dataset=str(rows)), rows.read_bytes()
    call = run._in_child

    def somebody_saves_the_file(function, *arguments, shown=None):
        if when in (function.__name__.strip("_").replace("train", "training"), *arguments[1:2]):
            write_rows(rows, 5)
            identity.look_again()  # a child knows nothing of what its runner found
        return call(function, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run, "_in_child", somebody_saves_the_file)
        with pytest.raises(run.RunError, match=r"the data or the base model of .* changed while it was made"):
            run.results([mine], "transformers")
    rows.write_bytes(content)
    made.clear()
    run.results([mine], "transformers")
    assert made == (["training", 0, 10, 12] if when == "training" else [10, 12])


# What happens to processes

CODE = """
from rsft_utils.real import run
from rsft_utils.real.spec import RealSpec

if __name__ == "__main__":
    run.results([{spec!r}], "transformers")
"""


@pytest.fixture
def program(spec, tmp_path):
    """A program that makes the run, with a child for every stage."""
    (tmp_path / "main.py").write_text(CODE.format(spec=spec))
    return [sys.executable, tmp_path / "main.py"]


def test_who_comes_second_waits_for_the_answers_of_a_base(spec, finished, ends_well, capsys):
    sealed.remove(store.items_file(spec, 0))
    entered, leave = threading.Event(), threading.Event()

    def another_run():
        with locks.held([store.answers_folder(spec, 0)]):
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=another_run)
    other.start()
    entered.wait(60)
    threading.Timer(0.5, leave.set).start()
    assert ends_well() == [0]
    other.join()
    assert f"{store.answers_folder(spec, 0).name}: another process is making it" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "status"), [("WORKER", 1), ("RUNNER", -signal.SIGKILL)])
@pytest.mark.parametrize("after", [1, 4, 8, 11])  # of 12 moves in training
def test_a_killed_training_goes_on(hit, program, ends_well, after, whom, status):
    killed = hit(program, after, whom, signal.SIGKILL)
    assert killed.returncode == status
    if whom == "WORKER":
        assert "the process that was training died (out of memory?). What was finished is kept" in killed.stderr
    ends_well()


@pytest.fixture
def trained(undisturbed, new_runs):
    """A copy of the run as it is when its training has ended."""
    shutil.copytree(undisturbed[1], new_runs, ignore=shutil.ignore_patterns("answers", "bases", "measured-*"))


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "status"), [("WORKER", 1), ("RUNNER", -signal.SIGKILL)])
@pytest.mark.parametrize("after", [1, 4])  # of 5 answers of the base
def test_an_evaluation_that_is_killed_goes_on_at_the_next_answer(
    spec, hit, program, trained, ends_well, asked, after, whom, status
):
    killed = hit(program, after, whom, signal.SIGKILL, counted="answers")
    assert killed.returncode == status
    if whom == "WORKER":
        assert "the process that was measuring died (out of memory?). What was finished is kept" in killed.stderr
    assert ends_well() == [0, 10, 12]
    assert asked == [5 - (after - 1), 3, 5]  # it died before the answer was written


@pytest.mark.slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_runner_that_is_asked_to_stop_lets_its_training_save_its_state(
    spec, hit, program, new_runs, ends_well, how, status
):
    stopped = hit(program, 2, "RUNNER", how)
    assert stopped.returncode == status
    assert stopped.stdout.splitlines()[-1].startswith("Stopped. What was made so far is kept")
    (state,) = store.checkpoints_folder(spec).glob("trainer/checkpoint-*")
    assert sealed.problem(state) is None
    assert ends_well() == ["training", 0, 10, 12]


@pytest.mark.slow
def test_two_runners_at_once_make_a_run_once(spec, program, finished, new_runs, ends_well, capsys, monkeypatch):
    for made in (store.results_folder(spec) / "result.json", store.items_file(spec, 12)):
        sealed.remove(made)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with subprocess.Popen(program, cwd=paths.ROOT, env=os.environ | {"PYTHONPATH": str(paths.ROOT)}) as other:
        while is_free(new_runs / f".{store.run_folder(spec).name}.lock") and other.poll() is None:
            time.sleep(0.01)
        assert ends_well() == []
        assert other.wait() == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{store.run_folder(spec).name}: another process is making it; waiting until it is done.")


def is_free(lock):
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False
