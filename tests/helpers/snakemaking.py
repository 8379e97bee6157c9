"""A tiny grid, the command that makes it, and what its tables must be."""

import subprocess
import sys
import time

import nbformat
import pandas as pd

from rsft_utils import paths, store
from rsft_utils.grid import jobs

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
