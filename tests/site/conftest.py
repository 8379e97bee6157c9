import pytest

from rsft_utils.site import check


@pytest.fixture
def problems_of(tmp_path):
    """Function that says what is wrong with a site of one page, given what stands on it."""

    def problems(body: str) -> list[str]:
        head = '<!doctype html><html lang="en"><head><title>t</title></head>'
        (tmp_path / "index.html").write_text(f'{head}<body><h1 id="top">t</h1>{body}</body></html>', "utf-8")
        return check.problems(tmp_path)

    return problems
