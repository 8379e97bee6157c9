"""The workflow for real on this machine: two jobs at a time, killed and started again."""

import os
import signal
import subprocess

import pytest
from snakemaking import WORKFLOW, check_tables, done, snakemake, wait_for

from rsft_utils import paths, store
from rsft_utils.grid import grids, jobs


def ran(said):
    """The jobs that Snakemake says it ran."""
    return [
        line.split("rule ")[1].rstrip(":") for line in said.splitlines() if line.startswith(("rule ", "localrule "))
    ]


@pytest.mark.parametrize(("name", "trainings", "measurements"), [("micro", 9, 9 * 15), ("paper", 24, 193)])
def test_the_grids_of_the_project_are_planned_without_training_or_fetching(
    tmp_path, new_runs, name, trainings, measurements
):
    grid_file = WORKFLOW / "grids" / f"{name}.yaml"
    call = [*snakemake(tmp_path, "-n", "-p", "--cores", "2")[:-1], f"grid={grid_file}"]
    environment = os.environ | {
        "PYTHONPATH": str(paths.ROOT),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
    }
    planned = subprocess.run(call, env=environment, capture_output=True, text=True)
    said = planned.stdout + planned.stderr
    assert planned.returncode == 0, said[-3000:]
    counts = {
        line.split()[0]: int(line.split()[1])
        for line in said.splitlines()
        if len(line.split()) == 2 and line.split()[1].isdigit()
    }
    bases = {grids.base_id(spec) for spec in grids.read(grid_file).specs}
    assert (counts["train"], counts["evaluate"], counts["evaluate_base"]) == (trainings, measurements, len(bases))
    assert not list(new_runs.glob("*/checkpoints"))
    # Qwen3-1.7B and 4B are trained on one card each
    assert said.count(" -m rsft_utils.real.train_distributed ") == {"micro": 0, "paper": 18}[name]


@pytest.mark.slow
def test_a_grid_killed_half_way_ends_in_the_tables_of_one_process_and_is_not_made_again(tiny, undisturbed):
    folder, found = tiny
    with (folder / "killed.log").open("w") as log:
        killed = subprocess.Popen(snakemake(folder, "--cores", "2"), stdout=log, stderr=log, start_new_session=True)
        wait_for(
            lambda: any(jobs.measured_marker(spec, 2).exists() for spec in found.specs) or killed.poll() is not None
        )
        os.killpg(killed.pid, signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
    assert jobs.to_do(found)
    before = {file: file.stat().st_mtime_ns for file in paths.RUNS.glob("*/items/*.parquet")}
    assert before

    done(folder, "--cores", "2")
    check_tables(found, undisturbed)
    assert {file: file.stat().st_mtime_ns for file in before} == before  # what was measured stays
    assert ran(done(folder, "--cores", "2")) == []

    # what is damaged later is made again, and what was drawn from it
    file = store.items_file(found.specs[1], 4)
    file.write_bytes(file.read_bytes()[:-1])
    assert sorted(ran(done(folder, "--cores", "2"))) == ["all", "collect", "evaluate", "figures", "notebook"]
    check_tables(found, undisturbed)
    assert list(paths.RUNS.glob("damaged/*/*/items/step-00004.parquet"))
