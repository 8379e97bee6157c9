"""The workflow for real on a Slurm of one node, in a folder."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest
from snakemaking import check_tables, done, snakemake, wait_for

from rsft_utils import store
from rsft_utils.grid import grids, jobs

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
