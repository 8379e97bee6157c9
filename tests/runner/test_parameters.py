"""What may be asked: parameters and names of notebooks."""

import pytest
from notebook_runs import TOKEN

from rsft_utils import paths, runner


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
