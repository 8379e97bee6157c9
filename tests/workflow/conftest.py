"""Shared by the tests of the workflow: a tiny grid, and the tables that one process makes of it."""

import pytest
from snakemaking import TINY

from rsft_utils import paths, run
from rsft_utils.grid import grids


@pytest.fixture(scope="session")
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
