import pytest

from rsft_utils.grid import grids


@pytest.fixture
def read(tmp_path):
    """Function that reads a grid from the text of its file."""

    def from_text(text):
        (tmp_path / "mine.yaml").write_text(text)
        return grids.read(tmp_path / "mine.yaml")

    return from_text
