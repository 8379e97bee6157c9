"""Whatever happens to a run of a real model, the next call ends in the tables of an undisturbed one.

The model is a tiny Qwen3 on one thread of the processor, which repeats bit for bit; a card does not promise that.
"""

import runpy
import shutil
from pathlib import Path

import pytest
from drilling import contents, whole, write_rows
from pandas.testing import assert_frame_equal

from rsft_utils import paths
from rsft_utils.real import generate, run, store
from rsft_utils.real.spec import RealSpec

TINY = runpy.run_path(str(Path(__file__).parents[2] / "tiny_qwen.py"))


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
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

    Nothing that was whole may be made again. It returns what was made.
    """

    def check():
        made.clear()
        before = whole(spec, store)
        found = run.results([spec], "transformers")
        expected, folder = undisturbed
        assert_frame_equal(found.items, expected.items, check_exact=True)
        assert_frame_equal(found.summary, expected.summary, check_exact=True)
        for kind in ("log.jsonl", "step-*/*.safetensors"):  # PEFT writes its settings in no certain order
            theirs, ours = (contents(runs, f"*/checkpoints/{kind}") for runs in (folder, new_runs))
            assert theirs == ours
        assert list(new_runs.glob("*/checkpoints/trainer")) == []
        assert not before & set(made)
        return list(made)

    return check
