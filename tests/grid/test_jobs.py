import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from typer.testing import CliRunner

from rsft_utils import cli, paths, run, store
from rsft_utils.durable import sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.grid import grids, jobs

GRID = """
profile: micro
runs: {a: {size: XS, learning_rate: 3e-4, n_rows: 64, batch_size: 16, epochs: 1, n_items: 3, n_items_ends: 4}}
"""


@pytest.fixture
def finished(tiny_run, tmp_path, monkeypatch):
    """(grid of the one tiny run, its spec), in a copy of the store that can be spoiled."""
    folder = tmp_path / "runs"
    shutil.copytree(paths.RUNS, folder)
    monkeypatch.setattr(paths, "RUNS", folder)
    (tmp_path / "one.yaml").write_text(GRID)
    found = grids.read(tmp_path / "one.yaml")
    assert found.specs == [tiny_run[0]]
    return found, tiny_run[0]


@pytest.fixture
def nothing_is_made(monkeypatch):
    monkeypatch.setattr(run, "single_threaded_pool", None)


def damage(file):
    file.write_bytes(file.read_bytes()[:-1])


def test_nothing_is_left_to_do_when_the_store_has_it_whoever_made_it(finished, nothing_is_made):
    found, spec = finished
    assert jobs.to_do(found) == []
    for job in jobs.of(spec):
        assert (paths.RUNS / job.marker.read_text().strip()).exists()
    jobs.train(spec)
    jobs.collect(found)


def test_without_results_every_job_is_to_do_and_the_base_once_for_all_runs(new_runs, tmp_path):
    (tmp_path / "two.yaml").write_text(GRID.replace("n_items: 3,", "n_items: 3, dataset: [math-cot, math-nocot],"))
    one, other = (found := grids.read(tmp_path / "two.yaml")).specs
    said = [job.command for job in jobs.to_do(found)]
    assert said == [
        f"train {jobs.spec_file(one)}",
        f"evaluate {jobs.spec_file(one)} --step 0",
        *(f"evaluate {jobs.spec_file(one)} --step {step}" for step in (2, 4)),
        f"train {jobs.spec_file(other)}",
        *(f"evaluate {jobs.spec_file(other)} --step {step}" for step in (2, 4)),
    ]
    assert grids.from_json(jobs.spec_file(other).read_text()) == other


def test_a_marker_never_claims_what_the_store_denies(finished):
    found, spec = finished
    jobs.prepare(found)
    damage(store.items_file(spec, 2))
    assert [job.marker for job in jobs.to_do(found)] == [jobs.measured_marker(spec, 2)]
    assert jobs.trained_marker(spec).exists()  # its checkpoint is still there

    shutil.rmtree(checkpoint_folder(store.checkpoints_folder(spec), 2))
    expected = [jobs.trained_marker(spec), jobs.measured_marker(spec, 2)]
    assert [job.marker for job in jobs.to_do(found)] == expected


@pytest.mark.parametrize("name", ["training.json", "checkpoints/log.jsonl"])
def test_a_training_whose_record_is_damaged_is_to_do(finished, name):
    found, spec = finished
    jobs.prepare(found)
    damage(store.run_folder(spec) / name)
    assert [job.marker for job in jobs.to_do(found)] == [jobs.trained_marker(spec)]


def test_a_marker_is_as_old_as_what_it_names(finished):
    found, spec = finished
    jobs.prepare(found)
    file = store.items_file(spec, 2)
    assert jobs.measured_marker(spec, 2).stat().st_mtime_ns == sealed.record(file).stat().st_mtime_ns


def test_the_tables_of_a_grid_are_those_of_its_runs(finished, tiny_run):
    found, _ = finished
    (store.run_folder(tiny_run[0]) / "result.json").unlink()  # nobody has declared it complete
    jobs.collect(found)
    folder = jobs.tables_folder(found)
    assert pd.read_parquet(folder / "items.parquet").equals(tiny_run[1].items)
    summary = pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(summary, tiny_run[1].summary, check_dtype=False)
    assert list(pd.read_csv(folder / "loss.csv").columns) == ["run", "step", "loss", "rate"]


def test_tables_go_when_a_run_behind_them_is_no_longer_whole(finished):
    found, spec = finished
    jobs.collect(found)
    jobs.prepare(found)
    assert (jobs.tables_folder(found) / "summary.csv").exists()
    damage(store.items_file(spec, 2))
    jobs.prepare(found)
    assert not list(jobs.tables_folder(found).glob("*.csv*"))
    with pytest.raises(jobs.JobError, match="1 measurements of one are missing, the first of micro-xs0_math-cot-64"):
        jobs.collect(found)


def test_only_whole_tables_are_drawn(finished, tmp_path, monkeypatch):
    found, _ = finished
    with pytest.raises(jobs.JobError, match=r"summary.csv cannot be drawn: it is missing. Collect it first."):
        jobs.draw(found)
    jobs.collect(found)
    monkeypatch.setattr(paths, "FIGURES_LOCAL", tmp_path / "figures")
    jobs.draw(found)
    pictures = [tmp_path / "figures" / "grid-one" / f"a_{what}.png" for what in ("curves", "changes")]
    assert jobs.drawn(found) == pictures
    assert all(picture.stat().st_size > 5000 for picture in pictures)


def test_a_job_that_left_nothing_is_not_believed(new_runs, tiny_spec, monkeypatch):
    monkeypatch.setattr(run, "train_missing", lambda spec: None)
    with pytest.raises(jobs.JobError, match=r"the store denies that .* is trained"):
        jobs.train(tiny_spec)
    assert not jobs.trained_marker(tiny_spec).exists()


def test_a_step_that_is_not_measured_is_refused(tiny_spec):
    with pytest.raises(jobs.JobError, match="is not measured at step 3; allowed: 0, 2, 4"):
        jobs.evaluate(tiny_spec, 3)


def test_a_measurement_that_another_job_has_made_meanwhile_is_not_made_again(finished, monkeypatch):
    _, spec = finished
    monkeypatch.setattr(run, "load_checkpoint", None)
    for step in spec.steps:
        run._measure(spec, step)


def test_a_lost_checkpoint_is_said_and_a_damaged_one_set_aside(finished, monkeypatch):
    _, spec = finished
    sealed.remove(store.items_file(spec, 2))
    checkpoint = checkpoint_folder(store.checkpoints_folder(spec), 2)
    damage(next(checkpoint.glob("*.safetensors")))

    monkeypatch.setattr(run, "single_threaded_pool", ThreadPoolExecutor)
    with pytest.raises(ValueError, match="cannot be used: it is missing"):
        run.measure_missing(spec, 2)
    assert not checkpoint.exists()
    assert run._needs_training(spec)


REAL = """
profile: gpu
card: L4
runs: {a: {dataset: Math-CoT-20k}}
"""


def test_runs_of_real_models_are_looked_up_only_after_their_data_were_fetched(fake_hub_is_empty, tmp_path, monkeypatch):
    (tmp_path / "real.yaml").write_text(REAL)
    found = grids.read(tmp_path / "real.yaml")
    (spec,) = found.specs
    assert len(jobs.to_do(found)) == 1 + len(spec.steps)
    jobs._write(jobs.fetched_marker(found), "other runs\n")
    jobs.prepare(found)
    assert not jobs.fetched_marker(found).exists()  # the file was edited: there may be more to fetch


@pytest.fixture
def fake_hub_is_empty(new_runs, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_the_commands_refuse_what_is_wrong_in_a_sentence(tmp_path):
    (tmp_path / "bad.yaml").write_text("profile: mikro")
    for command in ("jobs", "fetch", "collect", "draw", "cost"):
        done = CliRunner().invoke(cli.app, [command, str(tmp_path / "bad.yaml")])
        assert done.exit_code == 2
        assert "allowed: micro, gpu, released" in " ".join(done.output.replace("│", " ").split())


def test_the_command_jobs_prints_a_call_a_line(finished):
    found, spec = finished
    damage(store.items_file(spec, 4))
    done = CliRunner().invoke(cli.app, ["jobs", str(found.file)])
    assert done.output == f"evaluate {jobs.spec_file(spec)} --step 4\n"
