import os
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from rsft_utils import cli, inventory, store
from rsft_utils.durable import checkpoints, sealed
from rsft_utils.specs import RunSpec

SPEC = RunSpec(size="XS", n_rows=32, batch_size=16, epochs=2, n_items=3, n_items_ends=3)  # steps 0, 2, 4
OTHER = replace(SPEC, seed=1)


def write(file, content="some text"):
    with sealed.written_sealed(file) as aside:
        aside.write_text(content)


def save(spec, step):
    with sealed.written_sealed(checkpoints.checkpoint_folder(store.checkpoints_folder(spec), step)) as aside:
        aside.mkdir()
        (aside / "model").write_text("w" * 1000)


@pytest.fixture
def training(new_runs):
    """A run in midst of its training, at step 20 of which a line was logged."""
    folder = store.checkpoints_folder(SPEC)
    save(SPEC, 2)
    (folder / "log.jsonl").write_text('{"step": 10}\n{"step": 20}\n')
    (folder / "trainer" / "checkpoint-2").mkdir(parents=True)
    return store.run_folder(SPEC)


@pytest.fixture
def trained(training):
    for name in ("checkpoints/log.jsonl", "training.json", "items/step-00002.parquet"):
        write(training / name)
    return training


@pytest.fixture
def complete(trained):
    for name in ("items/step-00004.parquet", "summary.csv", "result.json"):
        write(trained / name)
    return trained


def states():
    return {run.name: run.state for run in inventory.runs()}


def test_notebooks_that_failed_may_go(new_runs):
    write(new_runs / "notebooks" / "failed" / "01_dip.ipynb")
    ((path, what, _),) = inventory.garbage()
    assert (path, what) == (new_runs / "notebooks" / "failed", "notebooks that failed")


def test_without_runs_there_are_none(new_runs):
    assert inventory.runs() == [] and list(inventory.garbage()) == []


def test_a_training_says_how_far_it_is(training):
    assert states() == {training.name: "training at step 20"}


def test_a_training_without_a_line_in_its_log_is_at_the_start(training):
    (training / "checkpoints" / "log.jsonl").unlink()
    assert states() == {training.name: "training at step 0"}


def test_a_trained_run_is_being_measured(trained):
    assert states() == {trained.name: "being measured"}


def test_a_complete_run_says_so_and_when_and_how_large_it_is(complete):
    os.utime(complete / "result.json", (2e9, 2e9))
    (run,) = inventory.runs()
    assert (run.name, run.state, run.written) == (complete.name, "complete", 2e9)
    assert 1000 < run.size < 2500


def test_a_run_of_a_real_model_is_complete_when_it_was_measured_in_one_way(trained):
    write(trained / "measured-12345678" / "result.json")
    assert states() == {trained.name: "complete"}


@pytest.mark.parametrize(
    "name", ["result.json", "items/step-00004.parquet", "checkpoints/log.jsonl", "checkpoints/step-00002/model"]
)
@pytest.mark.parametrize("damage", [lambda file: file.write_text("other"), os.unlink], ids=["changed", "removed"])
def test_damage_is_named(complete, name, damage):
    damage(complete / name)
    (state,) = states().values()
    assert state.startswith(f"damaged ({name.removesuffix('/model')}: ")


def test_a_result_without_a_record_is_damaged(complete):
    sealed.record(complete / "summary.csv").unlink()
    (state,) = states().values()
    assert state.startswith("damaged (summary.csv: it has no record")


def test_what_may_go_is_what_nobody_goes_on_from(complete, new_runs):
    (store.checkpoints_folder(OTHER) / "trainer").mkdir(parents=True)  # it is still needed
    sealed.set_aside(complete / "summary.csv", "of a test")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (complete / f".{ended.pid}-summary.csv").write_text("half")
    (complete / "items" / f".{os.getpid()}-step-00004.parquet").write_text("being written")
    (new_runs / ".run-12345678.lock").touch()
    found = {path.relative_to(new_runs).as_posix(): (what, size) for path, what, size in inventory.garbage()}
    assert found == {
        "damaged": ("damaged, and set aside", 9 + len(f"{'0' * 64}  summary.csv\n")),
        f"{complete.name}/checkpoints/trainer": ("state of a training that has finished", 0),
        f"{complete.name}/.{ended.pid}-summary.csv": ("left by a process that is gone", 4),
    }


def test_the_command_lists_and_only_gc_removes(complete, new_runs):
    sealed.set_aside(complete / "summary.csv", "of a test")
    before = sorted(new_runs.rglob("*"))
    listed = CliRunner().invoke(cli.app, ["runs"]).output
    assert f"0.0 MB  {complete.name}: complete" in listed
    assert "Not needed any more (python -m rsft_utils runs gc):" in listed
    assert sorted(new_runs.rglob("*")) == before

    removed = CliRunner().invoke(cli.app, ["runs", "gc"])
    assert removed.exit_code == 0
    assert f"0.0 MB  {new_runs / 'damaged'}: damaged, and set aside" in removed.output
    assert not (new_runs / "damaged").exists() and not (complete / "checkpoints" / "trainer").exists()
    assert states() == {complete.name: "complete"}


@pytest.mark.parametrize(("answer", "stays"), [("n", True), ("y", False)])
def test_at_a_terminal_gc_asks(complete, new_runs, monkeypatch, answer, stays):
    sealed.set_aside(complete / "summary.csv", "of a test")
    monkeypatch.setattr(cli.typer, "confirm", lambda question: answer == "y")
    monkeypatch.setattr(cli, "_at_a_terminal", lambda: True)
    CliRunner().invoke(cli.app, ["runs", "gc"])
    assert (new_runs / "damaged").exists() == stays


def test_another_action_is_refused(new_runs):
    refused = CliRunner().invoke(cli.app, ["runs", "clean"])
    assert refused.exit_code == 2
    assert "list, gc" in refused.output
