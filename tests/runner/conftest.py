"""Shared by the tests of the runner: folders of their own, and a notebook made up of given cells."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from notebook_runs import END

from rsft_utils import paths

SETUP = """
import os, signal, sys, time
from pathlib import Path
from rsft_utils import notebook, paths

paths.NOTEBOOKS = Path({folder!r})
NAME = notebook.begin("made_up", globals())
"""

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
