"""A secret in a notebook is shown to nobody."""

import pytest
from notebook_runs import TOKEN, record, slow, the_last_good_output_stays

from rsft_utils import paths, runner


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
