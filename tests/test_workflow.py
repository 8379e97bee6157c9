"""The workflow for real: two jobs at a time, killed and started again, on this machine and on a Slurm of one node."""

import getpass
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from rsft_utils import paths, run, store
from rsft_utils.grid import grids, jobs

WORKFLOW = paths.ROOT / "workflow"
TINY = """
profile: micro
defaults: {size: XS, n_rows: 64, epochs: 2, n_items: 2}
runs:
  data: {dataset: [math-cot, math-nocot]}
notebooks:
  02_data_quality_and_structure: {sizes: XS, datasets: math-cot math-nocot, rows: 64, epochs: 2, n_items: 2}
"""  # steps 0, 2 and 4


def snakemake(folder, *options, profile="default"):
    """The command, for a grid in a folder that holds all else, too."""
    return [
        *(sys.executable, "-m", "snakemake", "-s", WORKFLOW / "Snakefile", "--directory", folder),
        *("--workflow-profile", WORKFLOW / "profiles" / profile, *options, "--config", f"grid={folder / 'tiny.yaml'}"),
    ]


def done(folder, *options, **settings):
    finished = subprocess.run(
        snakemake(folder, *options, **settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert finished.returncode == 0, finished.stdout[-5000:]
    return finished.stdout


def ran(said):
    """The jobs that Snakemake says it ran."""
    return [
        line.split("rule ")[1].rstrip(":") for line in said.splitlines() if line.startswith(("rule ", "localrule "))
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Both tables of the grid's runs, made by one call in one place."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.yaml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RSFT_RUNS", str(folder))
        patch.setattr(paths, "RUNS", folder)
        return run.results(grids.read(folder / "tiny.yaml").specs, workers=1, progress=False)


@pytest.fixture
def tiny(tmp_path, new_runs, monkeypatch):
    """(folder with the grid's file, the grid), with an empty store that the jobs find, too."""
    monkeypatch.setenv("PYTHONPATH", str(paths.ROOT))
    monkeypatch.setenv("RSFT_FIGURES", str(tmp_path / "figures"))
    monkeypatch.setattr(paths, "FIGURES_LOCAL", tmp_path / "figures")
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path, grids.read(tmp_path / "tiny.yaml")


def check_tables(found, undisturbed):
    folder = jobs.tables_folder(found)
    assert pd.read_parquet(folder / "items.parquet").equals(undisturbed.items)
    summary = pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(summary, undisturbed.summary, check_dtype=False, check_exact=False, rtol=1e-12)
    assert all(picture.exists() for picture in jobs.drawn(found))
    (name,) = found.notebooks
    assert nbformat.read(folder / f"{name}.ipynb", 4).metadata.papermill.exception is None
    assert (paths.FIGURES_LOCAL / name / "changes.png").exists()
    assert {path.name for path in store.run_folder(found.specs[0]).parent.glob("micro-*")} == {
        store.run_folder(spec).name for spec in found.specs
    }  # the notebook found its runs made


def wait_for(condition, seconds=400):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


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


class Called:
    """Stands in for ray.remote: keeps what it is called with, and gives its number as the reference."""

    def __init__(self, calls, **options):
        self.calls, self.given = calls, options

    def options(self, **options):
        return Called(self.calls, **options)

    def remote(self, *arguments):
        self.calls.append((self.given, arguments))
        return len(self.calls) - 1


def test_the_pool_is_given_every_job_once_and_measurements_behind_their_training(tiny, monkeypatch):
    _, found = tiny
    calls = []
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(remote=lambda **options: lambda f: Called(calls)))
    submitted = runpy.run_path(str(WORKFLOW / "ray_pool.py"))["start"](found)
    assert sorted(submitted) == list(range(len(calls)))
    assert sorted(arguments[0] for _, arguments in calls) == sorted(job.command for job in jobs.to_do(found))
    trainings = {
        arguments[0].split()[1]: place for place, (_, arguments) in enumerate(calls) if "train " in arguments[0]
    }
    for options, (command, *after) in calls:
        assert options == {"num_gpus": 0, "num_cpus": 1}
        if command.startswith("evaluate"):
            assert after == [None if command.endswith("--step 0") else trainings[command.split()[1]]]


# A Slurm of one node, in a folder

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=6500 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(n):
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in listening]
    for one in listening:
        one.close()
    return ports


@pytest.fixture
def slurm(tmp_path_factory, monkeypatch):
    """Function that asks this Slurm (`squeue`, `scancel`); skips where Slurm is not installed or does not start."""
    search = os.environ["PATH"] + ":/usr/sbin:/sbin"
    tools = {name: shutil.which(name, path=search) for name in ("slurmctld", "slurmd", "sinfo", "squeue", "srun")}
    if missing := [name for name, path in tools.items() if path is None]:
        pytest.skip(f"Slurm is not installed: there is no {', '.join(missing)} (Debian: the package slurm-wlm)")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    conf, host = folder / "slurm.conf", socket.gethostname().split(".")[0]
    conf.write_text(CONF.format(host=host, user=getpass.getuser(), folder=folder, ports=free_ports(2)))
    # a step of a job has lost the variable that says where this Slurm is
    (folder / "bin" / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {tools["srun"]} "$@"\n')
    (folder / "bin" / "srun").chmod(0o755)
    monkeypatch.setenv("SLURM_CONF", str(conf))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{search}")

    def ask(*call):
        return subprocess.run(call, capture_output=True, text=True, timeout=60).stdout

    with (folder / "daemons.log").open("w") as log:
        daemons = [
            subprocess.Popen([tools[name], "-D"], stdout=log, stderr=log, start_new_session=True)
            for name in ("slurmctld", "slurmd")
        ]
    try:
        end = time.monotonic() + 30
        while "idle" not in ask("sinfo", "--noheader", "-o", "%T"):
            if time.monotonic() > end or any(daemon.poll() is not None for daemon in daemons):
                last = " ".join((folder / "daemons.log").read_text().split()[-30:])
                pytest.skip(f"Slurm does not start here: {last or 'its node is not idle after 30 seconds'}")
            time.sleep(0.5)
        yield ask
        ask("scancel", "--user", getpass.getuser())
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()


SOON = ("--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "5")


@pytest.mark.slow
def test_slurm_runs_the_grid_job_by_job(tiny, undisturbed, slurm):
    folder, found = tiny
    done(folder, *SOON, profile="slurm")
    check_tables(found, undisturbed)

    asked = [line.split() for line in slurm("squeue", "--states=all", "--noheader", "-o", "%T %l %m %k").splitlines()]
    rules = [comment.removeprefix("rule_").split("_wildcards")[0] for *_, comment in asked]
    assert {state for state, *_ in asked} == {"COMPLETED"}
    assert sorted(rules) == sorted(
        ["train"] * 2 + ["evaluate"] * 4 + ["evaluate_base", "collect", "figures", "notebook"]
    )
    limits = {(limit, memory) for (_, limit, memory, _), rule in zip(asked, rules, strict=True) if rule == "train"}
    assert limits == {("2:00:00", "3000M")}
    assert "Nothing to be done" in done(folder, *SOON, profile="slurm")


LONG = "profile: micro\nruns: {a: {size: XS, epochs: 2, n_items: 1}}"  # measured at steps 80, 120 and 160


@pytest.mark.slow
def test_a_training_that_slurm_tells_to_end_saves_its_state_and_goes_on_in_its_next_attempt(tiny, slurm):
    folder, _ = tiny
    (folder / "tiny.yaml").write_text(LONG)
    (spec,) = grids.read(folder / "tiny.yaml").specs
    checkpoints, log = store.checkpoints_folder(spec), folder / "slurm.log"
    with log.open("w") as said:
        call = snakemake(folder, *SOON, jobs.trained_marker(spec), profile="slurm")
        runner = subprocess.Popen(call, stdout=said, stderr=said, start_new_session=True)
    try:
        wait_for(lambda: '"step": 90' in text_of(checkpoints / "log.jsonl") or runner.poll() is not None)
        (number,) = slurm("squeue", "--noheader", "-o", "%A").split()
        slurm("scancel", "--signal=TERM", number)
        # no checkpoint is due between 80 and 120: this state was saved because the training was told to end
        wait_for(
            lambda: (
                {int(state.name.split("-")[1]) for state in checkpoints.glob("trainer/checkpoint-*")}
                & set(range(91, 120))
            )
        )
        assert runner.wait(900) == 0, log.read_text()[-5000:]
    finally:
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
    states = slurm("squeue", "--states=all", "--noheader", "-o", "%T %k").split()
    assert states[::2] == ["FAILED", "COMPLETED"] or states[::2] == ["COMPLETED", "FAILED"]
    assert jobs.trained_marker(spec).exists()


def text_of(file):
    return file.read_text() if file.exists() else ""
