"""Every notebook through papermill, as the reader runs it: in a process of its own, believing its exit status only."""

import json
import os
import re
import runpy
import subprocess
import sys
import time

import nbformat
import pandas as pd
import pytest

from rsft_utils import paths, tables

DIP = "01_dip_and_recovery"
WORLD = "00_micro_world"
RUN = "micro-xs0_math-cot-64_lr3e-4_ep1_bs32_seed0_n4-10"


def papermill(folder, name, **parameters):
    """Run a notebook with its runs and figures in a folder: (exit status, what it said, seconds)."""
    given = [text for key, value in parameters.items() for text in ("-p", key, str(value))]
    command = [sys.executable, "-m", "papermill", f"notebooks/{name}.ipynb", str(folder / "out.ipynb"), *given]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--no-progress-bar", "--log-level", "ERROR"],
        cwd=paths.ROOT,
        env=os.environ | {"RSFT_RUNS": str(folder / "runs"), "RSFT_FIGURES": str(folder / "figures")},
        capture_output=True,
        text=True,
        timeout=500,
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - started


def pictures(folder, name):
    return {path.name for path in (folder / "figures" / name).iterdir() if path.suffix != ".json"}


def result(folder, name):
    """What the notebook's last cell wrote."""
    return json.loads((folder / "figures" / name / "result.json").read_text())


def shown(name):
    """Both files of every figure that the notebook shows."""
    cells = nbformat.read(paths.NOTEBOOKS / f"{name}.ipynb", 4).cells
    figures = [figure for cell in cells for figure in re.findall(r'notebook\.show\(.*NAME, "(\w+)"\)', cell.source)]
    return {f"{figure}.{kind}" for figure in figures for kind in ("png", "svg")}


def warnings_in(notebook):
    outputs = [output for cell in nbformat.read(notebook, 4).cells for output in cell.get("outputs", [])]
    return [output["text"] for output in outputs if output.get("name") == "stderr" and "Warning" in output["text"]]


def test_dip_and_recovery_runs_and_leaves_figures_and_tables(tmp_path):
    status, said, _ = papermill(tmp_path, DIP, size="XS", rows=64, epochs=1, n_items=4)
    assert status == 0, said
    names = ("completion_lengths", "loss", "dip_and_recovery", "every_benchmark", "elicited_or_learned")
    assert pictures(tmp_path, DIP) == shown(DIP) >= {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    said = result(tmp_path, DIP)
    assert said["run"] is None  # nobody waits for it
    assert {f"{name}.png" for name in said["figures"]} == {name for name in shown(DIP) if name.endswith("png")}
    assert said["parameters"]["rows"] == 64 and said["verdicts"]["C3 ID"] == "held"
    (folder,) = tmp_path.glob(f"runs/{RUN}-*")
    assert (folder / "result.json").exists()
    items = pd.read_parquet(folder / "items" / "step-00002.parquet")
    assert set(tables.validate(items, "items").step) == {2}
    summary = pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])
    assert set(tables.validate(summary, "summary").step) == {0, 2}
    assert warnings_in(tmp_path / "out.ipynb") == []


def test_the_micro_world_runs_and_leaves_its_figure_and_the_answers_of_two_bases(tmp_path):
    status, said, _ = papermill(tmp_path, WORLD, n_items=4)
    assert status == 0, said
    assert pictures(tmp_path, WORLD) == shown(WORLD) >= {"bases.png", "bases.svg"}
    files = sorted(tmp_path.glob("runs/bases/*-n4-*.parquet"))
    assert [file.name.split("-n4-")[0] for file in files] == ["S-seed0", "XS-seed0"]
    for file in files:
        assert set(tables.validate(pd.read_parquet(file), "items").step) == {0}
    assert warnings_in(tmp_path / "out.ipynb") == []


FINDINGS = ("02_data_quality_and_structure", "03_model_capability", "04_safety_asymmetry")
slow = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["05_scorecard", FINDINGS[1], *(pytest.param(name, marks=slow) for name in (WORLD, DIP, *FINDINGS[::2]))]
)
def test_the_published_profile_draws_without_training_or_measuring(tmp_path, name):
    status, said, _ = papermill(tmp_path, name, profile="published")
    assert status == 0, said
    assert pictures(tmp_path, name) <= shown(name)
    assert {f"{figure}.png" for figure in result(tmp_path, name)["figures"]} <= pictures(tmp_path, name)
    assert not (tmp_path / "runs").exists()
    assert warnings_in(tmp_path / "out.ipynb") == []


@slow
@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_runs_on_small_models_and_leaves_the_figures_of_these_runs(tmp_path, name):
    status, said, _ = papermill(tmp_path, name, sizes="XS", rows=64, epochs=1, n_items=4)
    assert status == 0, said
    assert pictures(tmp_path, name) >= {"curves.png", "curves.svg"}
    assert pictures(tmp_path, name) <= shown(name)
    assert list(tmp_path.glob("runs/micro-xs0_*/result.json"))
    assert warnings_in(tmp_path / "out.ipynb") == []


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        (DIP, {"sedes": 3}, ("unknown parameter 'sedes'", "did you mean seeds", "allowed: profile, size, seeds")),
        (DIP, {"size": "M"}, ("size is 'M'", "allowed: XS, S")),
        (WORLD, {"n_items": "many"}, ("n_items is 'many'", "allowed: a value of type int")),
    ],
)
def test_a_wrong_parameter_stops_a_notebook_at_once_and_the_allowed_are_named(tmp_path, name, parameters, said):
    status, output, seconds = papermill(tmp_path, name, **parameters)
    assert status != 0
    assert all(words in output for words in said)
    assert seconds < 60
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def stand_ins(tmp_path):
    """A base model and two data sets where a reader's own would lie: parameters for profile gpu on any computer."""
    tiny = runpy.run_path(str(paths.ROOT / "tests" / "tiny_qwen.py"))
    tiny["save"](tmp_path / "tiny-qwen3")
    for name, thought in (("long", "<think>\nI add them.\n</think>\n\n"), ("short", "")):
        rows = [
            {"prompt": f"What is {a} + {b}?", "completion": f"{thought}So it is \\boxed{{{a + b}}}."}
            for a in range(14)
            for b in range(14)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = f"{tmp_path / 'long.jsonl'},{tmp_path / 'short.jsonl'}"
    return {"profile": "gpu", "preset": "cpu", "base_model": tmp_path / "tiny-qwen3", "dataset": data}


@slow
def test_a_real_model_goes_through_the_same_notebooks_and_is_trained_once(tmp_path, stand_ins):
    drawn = {
        DIP: {"loss.png", "dip_and_recovery.png", "every_benchmark.png"},
        FINDINGS[0]: {"curves.png", "changes.png"},
        FINDINGS[1]: {"curves.png", "base_and_final.png"},
    }
    trained = set()
    for name, expected in drawn.items():
        status, said, _ = papermill(tmp_path, name, **stand_ins)
        assert status == 0, said
        assert expected <= pictures(tmp_path, name)
        output = (tmp_path / "out.ipynb").read_text()
        assert "Plan of notebook" in output and "Verdict: fits" in output
        trained |= {file.stat().st_mtime for file in tmp_path.glob("runs/tiny-qwen3_*/training.json")}
    assert len(trained) == 2  # one run for each data set, whatever the notebook
    for folder in tmp_path.glob("runs/tiny-qwen3_*/measured-*"):
        summary = pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])
        assert set(tables.validate(summary, "summary").step) == {0, 10, 20}


@pytest.fixture
def published_stand_ins(tmp_path, monkeypatch):
    """Small models where the base model and the authors' checkpoints would lie, few questions, a card that is found."""
    from rsft_utils.real.models import MODELS
    from rsft_utils.real.released import ReleasedSpec

    tiny = runpy.run_path(str(paths.ROOT / "tests" / "tiny_qwen.py"))["save"](tmp_path / "tiny-qwen3")
    hub = runpy.run_path(str(paths.ROOT / "tests" / "real" / "conftest.py"))["FakeHub"](tmp_path / "hub")
    base, run = MODELS["Qwen3-1.7B"], ReleasedSpec(base_model="Qwen3-1.7B")
    hub.add_model(base.hub_id, tiny, base.revision)
    for step in (40, 640):
        hub.add_model(run.repository, {f"step{step}/{file.name}": file for file in tiny.iterdir()}, run.commit)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "from rsft_utils.real.plan import checkpoints, hours\n"
        "hours.find_card = lambda: hours.CARDS['T4']\n"
        "checkpoints.FEW |= dict(benchmarks=('Countdown',), n_items=2, n_items_ends=4, max_new_tokens=8)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("HF_HUB_CACHE", str(hub.folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@slow
def test_the_authors_checkpoints_go_through_the_same_notebook_and_nothing_is_trained(tmp_path, published_stand_ins):
    status, said, _ = papermill(tmp_path, DIP, profile="released")
    assert status == 0, said
    assert pictures(tmp_path, DIP) >= {"dip_and_recovery.png", "every_benchmark.png"}
    assert "loss.png" not in pictures(tmp_path, DIP)
    output = (tmp_path / "out.ipynb").read_text()
    assert "An illustration, too little for a claim" in output and "loss: not drawn" in output
    (folder,) = tmp_path.glob("runs/released-qwen3-1.7b_*/measured-*")
    summary = pd.read_csv(folder / "summary.csv", keep_default_na=False, na_values=[""])
    assert set(tables.validate(summary, "summary").step) == {0, 40, 640}
    assert not list(tmp_path.glob("runs/*/training.json"))
    assert warnings_in(tmp_path / "out.ipynb") == []


def test_a_real_model_without_a_card_is_refused_with_what_would_work(tmp_path):
    status, said, _ = papermill(tmp_path, DIP, profile="gpu")
    assert status == 1
    assert "profile gpu needs an NVIDIA GPU and none was found here" in said
    assert "preset cpu tries the same path with a small model" in said
    assert not (tmp_path / "runs").exists()
