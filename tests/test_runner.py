import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from rsft_utils import notebook, paths, runner

slow = pytest.mark.slow  # whatever starts more than one kernel, or kills one
TOKEN = "hf_" + "aB3" * 10
LAST_GOOD = b"what the last run left that went well"

SETUP = """
import os, signal, sys, time
from pathlib import Path
from rsft_utils import notebook, paths

paths.NOTEBOOKS = Path({folder!r})
NAME = notebook.begin("made_up", globals())
"""
END = 'notebook.end(NAME, {"C1": "held"})'
WORKER = """
import time
from pathlib import Path

def work(folder):
    Path(folder, "begun").touch()
    try:
        time.sleep(120)
    finally:
        Path(folder, "put in order").touch()
"""
TRAINS = """
sys.path.insert(0, str(paths.NOTEBOOKS))
import worker
from rsft_utils.workers import single_threaded_pool

with single_threaded_pool(1) as pool:
    pool.submit(worker.work, str(paths.NOTEBOOKS)).result()
"""


@pytest.fixture(autouse=True)
def new_figures(tmp_path, monkeypatch, new_runs):
    folder = tmp_path / "figures"
    monkeypatch.setenv("RSFT_FIGURES", str(folder))
    monkeypatch.setattr(paths, "FIGURES_LOCAL", folder)
    return folder


@pytest.fixture
def made_up(tmp_path):
    """Function that writes a notebook with these cells behind its setup and, unless told otherwise, its end."""

    def write(*cells: str, end: str = END):
        tags = {"tags": ["parameters"]}
        first = new_code_cell('size: str = "S"\nseeds: int = 1\nrate: float = 0.1\n', metadata=tags)
        sources = [SETUP.format(folder=str(tmp_path)), *cells, "", *([end] if end else [])]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        file = tmp_path / "made_up.ipynb"
        nbformat.write(new_notebook(cells=[first, *map(new_code_cell, sources)], metadata=kernel), file)
        (tmp_path / "worker.py").write_text(WORKER)
        return file

    return write


def left_behind():
    """Processes that were started with this test's folder for runs in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RSFT_RUNS") == str(paths.RUNS):
                found.append(process)
        except psutil.Error:
            pass
    return found


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name[0] != "." or not path.name.endswith(".lock"))


@contextmanager
def the_last_good_output_stays():
    output = paths.RUNS / "notebooks" / "made_up.ipynb"
    output.parent.mkdir(parents=True)
    output.write_bytes(LAST_GOOD)
    yield
    assert output.read_bytes() == LAST_GOOD
    assert files(output.parent) == ["failed", "made_up.ipynb"]
    assert left_behind() == []


def record():
    """What is told about the only run that failed."""
    (file,) = (paths.RUNS / "notebooks" / "failed").glob("*.json")
    return json.loads(file.read_text())


def fails(file, reason, said, **options):
    """Run a notebook that fails for a reason; returns the cells that were kept."""
    with the_last_good_output_stays(), pytest.raises(runner.NotebookFailed) as failed:
        runner.run(file, {"seeds": 2}, **options)
    assert f"made_up failed ({reason}): " in str(failed.value)
    assert re.search(said, str(failed.value))
    about = record()
    assert about["reason"] == reason and re.search(said, about["said"]) and about["parameters"] == {"seeds": 2}
    (kept,) = (paths.RUNS / "notebooks" / "failed").glob("*.ipynb")
    assert str(kept) in str(failed.value)
    return kept.read_text()


# What is believed


def test_a_notebook_that_finished_is_moved_into_place_with_its_parameters_and_its_result(made_up, new_figures):
    quiet = 'for i in range(50):\n    print(f"\\r{i} %", end="", flush=True)\nprint()'
    private = "import ipykernel, json\njson.load(open(ipykernel.get_connection_file()))['ip']"
    executed = runner.run(made_up(quiet, private), {"size": "XS", "rate": 1e-5})
    assert executed.output == paths.RUNS / "notebooks" / "made_up.ipynb"
    assert files(executed.output.parent) == ["made_up.ipynb"]
    result = json.loads((new_figures / "made_up" / "result.json").read_text())
    assert executed.result == result
    assert result["parameters"] == {"rate": 1e-5, "seeds": 1, "size": "XS"}
    assert (result["notebook"], result["figures"], result["verdicts"]) == ("made_up", [], {"C1": "held"})
    shown = [cell.outputs for cell in nbformat.read(executed.output, 4).cells if cell.get("outputs")]
    assert [outputs[0].get("text") for outputs in shown] == ["49 %\n", None]  # of a progress line its last state
    assert re.fullmatch(r"'/tmp/rsft-\w+/kernel'", shown[1][0].data["text/plain"])  # a socket, and not of TCP
    assert left_behind() == []
    assert not list(paths.ROOT.glob("kernel-*"))


@pytest.mark.parametrize(
    ("cell", "reason", "said"),
    [
        ("os._exit(1)", "dead kernel", "its kernel died"),
        pytest.param("1 / 0", "error", "ZeroDivisionError: division by zero", marks=slow),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", "dead kernel", "its kernel died", marks=slow),
        pytest.param(
            "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)", "signal", "papermill was killed.*9", marks=slow
        ),
        pytest.param("sys.exit(0)", "no result", "1 of its 6 code cells were not executed", marks=slow),
        pytest.param(f"{END}\nsys.exit(0)", "no result", "1 of its 6 code cells were not executed", marks=slow),
        pytest.param('os.environ["RSFT_RUN_ID"] = "another"', "no result", "its last cell must call", marks=slow),
        pytest.param('del os.environ["RSFT_RUN_ID"]', "no result", "its last cell must call", marks=slow),
    ],
)
def test_a_notebook_that_did_not_finish_is_set_aside_with_the_reason(made_up, cell, reason, said):
    kept = fails(made_up("print('so far')", cell), reason, said)
    assert "so far" in kept


@slow
def test_a_notebook_that_tells_no_result_is_not_believed(made_up):
    fails(made_up("print('so far')", end=""), "no result", "its last cell must call")


@slow
def test_the_result_of_an_earlier_run_is_not_believed(made_up):
    runner.run(made_up(), {"seeds": 2})
    (paths.RUNS / "notebooks" / "made_up.ipynb").unlink()
    (paths.RUNS / "notebooks").rename(paths.RUNS / "earlier")
    fails(made_up(end=""), "no result", "its last cell must call")


@slow
def test_a_disk_that_is_full_while_the_notebook_is_written_is_told(made_up):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        fails(made_up("print('x' * 200_000)"), "error", "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# What may be asked


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sedes": "3"}, r"unknown parameter 'sedes' of made_up \(did you mean seeds\?\)"),
        ({"seeds": "many"}, "seeds is 'many' .*; allowed: a value of type int"),
        ({"seeds": "0"}, "seeds is 0; allowed: 1 or more"),
        ({"size": "XL"}, "size is 'XL'; allowed: XS, S"),
        ({"hf_token": "x"}, "hf_token looks like a secret.*HF_TOKEN"),
        ({"api_key": "x"}, "api_key looks like a secret"),
        ({"Password": "x"}, "Password looks like a secret"),
        ({"size": TOKEN}, "size looks like a secret"),
    ],
)
def test_a_bad_parameter_is_refused_before_anything_starts(made_up, monkeypatch, given, said):
    monkeypatch.setattr(runner.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    file = made_up()
    with pytest.raises(ValueError, match=said) as refused:
        runner.typed(file, given)
    assert TOKEN not in str(refused.value)
    with pytest.raises(ValueError):
        runner.run(file, given)
    assert not paths.RUNS.exists()


def test_a_parameter_that_counts_tokens_is_no_secret(made_up):
    with pytest.raises(ValueError, match="unknown parameter 'max_new_tokens'"):
        runner.typed(made_up(), {"max_new_tokens": "3"})


def test_parameters_get_the_types_that_the_notebook_declares(made_up):
    assert runner.typed(made_up(), {"size": "XS", "seeds": "3"}) == {"size": "XS", "seeds": 3}


def test_a_notebook_is_found_by_its_path_and_by_its_name(made_up):
    file = made_up()
    assert runner.find(str(file)) == file
    for name in ("05_scorecard", "notebooks/05_scorecard.ipynb", "05_scorecard.ipynb"):
        assert runner.find(name) == paths.NOTEBOOKS / "05_scorecard.ipynb"
    for name in ("06_more", str(file.with_name("other.ipynb")), str(file.with_name("worker.py"))):
        with pytest.raises(ValueError, match=r"there is no notebook .*00_micro_world, 01_dip"):
            runner.find(name)


# Secrets


def nowhere(secret):
    return not any(secret.encode() in path.read_bytes() for path in paths.RUNS.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "cell", ["raise ValueError(os.environ['HF_TOKEN'])", pytest.param("print(os.environ['HF_TOKEN'])", marks=slow)]
)
def test_a_notebook_with_a_secret_in_it_is_deleted(made_up, monkeypatch, capfd, cell):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    file = made_up(cell)
    with the_last_good_output_stays(), pytest.raises(runner.NotebookFailed) as failed:
        runner.run(file, {})
    assert "(secret): it shows a Hugging Face token, the value of HF_TOKEN" in str(failed.value)
    assert "The executed notebook was deleted" in str(failed.value)
    assert record()["reason"] == "secret"
    assert nowhere(TOKEN)
    assert TOKEN not in str(failed.value) + "".join(capfd.readouterr())
    assert not list((paths.RUNS / "notebooks" / "failed").glob("*.ipynb"))


# Being ended


@slow
def test_after_the_deadline_everything_is_ended_and_trainings_have_put_their_things_in_order(made_up, tmp_path):
    kept = fails(made_up(TRAINS), "deadline", "not done after 1 minutes", deadline=1)
    assert (tmp_path / "put in order").exists()
    assert "Executed" not in kept
    assert "SystemExit" in kept  # the cells up to there, saved after the kernel was asked to end


@slow
def test_what_does_not_heed_a_request_to_end_is_killed(made_up, monkeypatch):
    monkeypatch.setattr(runner, "GRACE", 1)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(120)"
    started = time.monotonic()
    fails(made_up(deaf), "deadline", "not done after 0.5 minutes", deadline=0.5)
    assert time.monotonic() - started < 90


def heeds_ctrl_c():
    """A shell has its background jobs ignore Ctrl-C, and they have their children do so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(file):
    """A process that runs a notebook, as from a shell."""
    return subprocess.Popen(
        [sys.executable, "-m", "rsft_utils", "run", str(file), "-p", "seeds", "2"],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heeds_ctrl_c,
    )


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


@slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_runner_that_is_asked_to_end_ends_all_that_it_started_in_good_order(made_up, tmp_path, how, status):
    with the_last_good_output_stays(), started(made_up(TRAINS)) as process:
        wait_for((tmp_path / "begun").exists)
        process.send_signal(how)
        assert process.wait(60) == status, process.stdout.read()
    assert (tmp_path / "put in order").exists()
    assert record()["reason"] == "signal"


@slow
def test_nothing_outlives_a_runner_that_is_killed(made_up, tmp_path):
    with started(made_up(TRAINS)) as process:
        wait_for((tmp_path / "begun").exists)
        assert len(left_behind()) > 3
        (private,) = {folder for p in left_behind() for folder in re.findall(r"/tmp/rsft-\w+", " ".join(p.cmdline()))}
        process.kill()
        wait_for(lambda: left_behind() == [], 15)
    assert not os.path.exists(private)


@slow
def test_two_runs_of_one_notebook_follow_one_another(made_up, tmp_path):
    log = f"log = Path({str(tmp_path / 'log')!r}).open('a', buffering=1)\n"
    file = made_up(f"{log}print('begins', file=log)\ntime.sleep(2)\nprint('ends', file=log)")
    with started(file) as first, started(file) as second:
        said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert (tmp_path / "log").read_text().split() == ["begins", "ends"] * 2
    assert sorted("another process is making it" in text for text in said) == [False, True]
    assert notebook.RESULT in os.listdir(tmp_path / "figures" / "made_up")
