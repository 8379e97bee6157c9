import json
import re

import pytest
from matplotlib.figure import Figure

from rsft_utils import notebook, paths

DIP = "01_dip_and_recovery"


@pytest.fixture
def good():
    """What the cell tagged `parameters` declares, as it stands there."""
    return {
        "profile": "micro",
        "size": "S",
        "seeds": 1,
        "method": "full",
        "rows": 2560,
        "epochs": 8,
        "n_items": 200,
        "preset": "t4-16gb",
        "base_model": "",
        "dataset": "",
    }


@pytest.fixture
def made_up_notebook(tmp_path, monkeypatch):
    """A notebook `made_up` with a parameter of every type."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# title"]},
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": [
                "rate: float = 0.1  # a share\n",
                "quick: bool = False\n",
                "size: str = 'S'\n",
                "seeds: int = 1",
            ],
        },
        {"cell_type": "code", "metadata": {}, "source": ["other: int = 1"]},
    ]
    (tmp_path / "made_up.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)


def test_parameters_are_read_from_the_notebook(good):
    assert notebook.declared_parameters(DIP) == {name: type(value) for name, value in good.items()}
    assert notebook.declared_parameters("00_micro_world") == {"profile": str, "n_items": int}


def test_only_the_tagged_cell_declares_parameters(made_up_notebook):
    assert notebook.declared_parameters("made_up") == {"rate": float, "quick": bool, "size": str, "seeds": int}


@pytest.mark.parametrize("file", sorted(paths.NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_parameters_comment_names_the_values_that_are_allowed(file):
    cells = json.loads(file.read_text())["cells"]
    (cell,) = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    comments = {line.split(":")[0]: line.partition("#")[2] for line in cell["source"]}
    allowed = notebook.allowed(file.stem)
    for name in allowed.keys() & comments.keys():
        assert re.findall(r'"([\w-]+)"', comments[name]) == list(allowed[name]), name


@pytest.mark.parametrize(
    "change", [{}, {"size": "XS"}, {"size": "XS", "seeds": 3}, {"method": "lora"}, {"epochs": 1, "n_items": 2}]
)
def test_good_parameters_pass(good, change):
    notebook.check_parameters(DIP, good | change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"sedes": 3},
            r"unknown parameter 'sedes' of 01_dip_and_recovery \(did you mean seeds\?\); allowed: profile, size",
        ),
        ({"zzz": 3}, "unknown parameter 'zzz' of 01_dip_and_recovery; allowed: profile, size"),
        ({"size": "XL"}, "size is 'XL'; allowed: XS, S$"),
        ({"size": "M"}, "size is 'M'; allowed: XS, S$"),
        ({"profile": "gpus"}, "profile is 'gpus'; allowed: micro, gpu, released, published$"),
        ({"preset": "t4"}, "preset is 't4'; allowed: cpu, t4-16gb, 24gb, 40gb, 80gb$"),
        ({"method": "qlora"}, "method is 'qlora'; allowed: full, lora"),
        ({"seeds": 0}, "seeds is 0; allowed: 1 or more"),
        ({"epochs": -1}, "epochs is -1; allowed: 1 or more"),
        ({"n_items": 0}, "n_items is 0; allowed: [12] or more"),
        ({"seeds": "3"}, r"seeds is '3' \(str\); allowed: a value of type int"),
        ({"seeds": True}, r"seeds is True \(bool\); allowed: a value of type int"),
        ({"rows": 64.0}, r"rows is 64.0 \(float\); allowed: a value of type int"),
        ({"size": None}, r"size is None \(NoneType\); allowed: a value of type str"),
    ],
)
def test_a_bad_parameter_is_refused_and_the_allowed_named(good, change, said):
    with pytest.raises(ValueError, match=said):
        notebook.check_parameters(DIP, good | change)


def test_a_whole_number_passes_for_a_float_and_nothing_else_does(made_up_notebook):
    notebook.check_parameters("made_up", {"rate": 1})
    for value in (True, "1", None):
        with pytest.raises(ValueError, match="allowed: a value of type float"):
            notebook.check_parameters("made_up", {"rate": value})


def test_a_notebook_begins_when_its_parameters_are_good(good):
    scope = good | {"In": ["", "profile: str = 'micro'"], "sys": object(), "helper": 3, "_": "x"}
    assert notebook.begin(DIP, scope) == DIP


def test_what_papermill_injects_is_checked(good):
    injected = "# Parameters\nseeds = 2\nsedes = 3\n"
    with pytest.raises(ValueError, match="did you mean seeds"):
        notebook.begin(DIP, good | {"seeds": 2, "sedes": 3, "In": ["", injected]})
    with pytest.raises(ValueError, match=r"size is 'XL'; allowed: XS, S$"):
        notebook.begin(DIP, good | {"size": "XL", "In": ["", '# Parameters\nsize = "XL"\n']})
    notebook.begin(DIP, good | {"seeds": 2, "In": ["", "# Parameters\nseeds = 2\n"]})


def test_a_parameter_changed_by_hand_is_checked(good):
    with pytest.raises(ValueError, match="seeds is '2'"):
        notebook.begin(DIP, good | {"seeds": "2"})


def test_a_readers_own_cell_is_no_parameter_cell(good):
    own = "# Parameters of mine\nimport math\nlimit: int = 3\nfor i in range(3):\n    limit += i\n"
    notebook.begin(DIP, good | {"limit": 6, "i": 2, "In": ["", own, "%matplotlib inline", "!ls"]})


def test_a_figure_is_shown_from_the_file_that_was_saved():
    figure = Figure()
    figure.subplots().plot([1, 2])
    image = notebook.show({"a_figure": figure}, DIP, "a_figure")
    folder = paths.FIGURES_LOCAL / DIP
    assert image.data == (folder / "a_figure.png").read_bytes()
    assert (folder / "a_figure.svg").exists()


def test_a_figure_that_is_not_there_is_said_to_be_missing_and_nothing_is_saved(capsys):
    assert notebook.show({}, DIP, "no_such_figure") is None
    assert capsys.readouterr().out.startswith("no_such_figure: not drawn")
    assert not (paths.FIGURES_LOCAL / DIP / "no_such_figure.png").exists()


def test_defaults_are_read_from_the_notebook(good, made_up_notebook):
    assert notebook.default_parameters("made_up") == {"rate": 0.1, "quick": False, "size": "S", "seeds": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sizes": "S XL"}, "a part of sizes is 'XL'; allowed: XS, S"),
        ({"sizes": ""}, "a part of sizes is ''; allowed: XS, S"),
        ({"datasets": "math-cot mine.json"}, "a part of datasets is 'mine.json'; allowed: math-cot, "),
        ({"sizes": "mine.jsonl"}, "a part of sizes is 'mine.jsonl'; allowed: XS, S"),
        ({"datasets": "math-cot,math-nocot"}, "a part of datasets is 'math-cot,math-nocot'; allowed: math-cot, "),
    ],
)
def test_every_one_of_several_names_is_checked(change, said):
    good = notebook.default_parameters("02_data_quality_and_structure")
    notebook.check_parameters("02_data_quality_and_structure", good | {"sizes": "S XS", "datasets": "math-answer"})
    notebook.check_parameters("02_data_quality_and_structure", good | {"datasets": "math-cot ../mine.jsonl"})
    with pytest.raises(ValueError, match=re.escape(said)):
        notebook.check_parameters("02_data_quality_and_structure", good | change)


def test_what_is_typed_gets_the_types_that_the_notebook_declares(made_up_notebook):
    texts = {"rate": "2e-4", "quick": "True", "size": "XS", "seeds": "3"}
    assert notebook.typed("made_up", texts) == {"rate": 2e-4, "quick": True, "size": "XS", "seeds": 3}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"seeds": "many"}, r"seeds is 'many' \(str\); allowed: a value of type int"),
        ({"quick": "yes"}, r"quick is 'yes' \(str\); allowed: a value of type bool"),
        ({"sizes": "S"}, r"unknown parameter 'sizes' of made_up \(did you mean size\?\)"),
    ],
)
def test_what_is_typed_wrongly_is_refused(made_up_notebook, texts, said):
    with pytest.raises(ValueError, match=said):
        notebook.typed("made_up", texts)


@pytest.fixture
def result(tmp_path, monkeypatch):
    """Function that reads what the last cell of a notebook wrote."""
    monkeypatch.setattr(paths, "FIGURES_LOCAL", tmp_path)
    return lambda: json.loads((tmp_path / DIP / "result.json").read_text())


def picture():
    figure = Figure()
    figure.subplots().plot([1, 2])
    return figure


def test_a_notebook_ends_with_its_parameters_its_figures_and_its_verdicts(good, result, monkeypatch):
    monkeypatch.setenv(notebook.RUN_ID, "an id")
    notebook.begin(DIP, good | {"seeds": 2})
    for name in ("loss", "curves", "loss", "not_drawn"):
        notebook.show({"loss": picture(), "curves": picture()}, DIP, name)
    notebook.end(DIP, {"C1": "held"})
    assert result() == {
        "run": "an id",
        "notebook": DIP,
        "parameters": good | {"seeds": 2},
        "figures": ["loss", "curves"],
        "verdicts": {"C1": "held"},
    }


def test_a_notebook_that_nobody_waits_for_ends_as_well(good, result, monkeypatch):
    monkeypatch.delenv(notebook.RUN_ID, raising=False)
    notebook.begin(DIP, good)
    notebook.show({"loss": picture()}, DIP, "loss")
    notebook.begin(DIP, good)  # all cells again, in the same kernel
    notebook.end(DIP)
    assert result() == {"run": None, "notebook": DIP, "parameters": good, "figures": [], "verdicts": {}}


def test_a_notebook_elsewhere_is_asked_for_by_its_path(made_up_notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "another folder")
    file = str(tmp_path / "made_up.ipynb")
    assert notebook.typed(file, {"seeds": "3"}) == {"seeds": 3}
    with pytest.raises(ValueError, match="unknown parameter 'sedes' of made_up "):
        notebook.typed(file, {"sedes": "3"})


def test_a_notebook_without_parameters_has_none(tmp_path):
    file = tmp_path / "plain.ipynb"
    file.write_text(json.dumps({"cells": [{"cell_type": "code", "metadata": {}, "source": ["x: int = 1"]}]}))
    assert notebook.declared_parameters(str(file)) == {}
