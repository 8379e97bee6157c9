"""What every notebook shares: parameters checked before anything starts, figures saved and shown, a result at the end.

Wherever a notebook is asked for by name, the path of an .ipynb file elsewhere will do.
"""

import ast
import difflib
import json
import os
from pathlib import Path

from rsft_utils import paths
from rsft_utils.durable import sealed
from rsft_utils.profiles import PROFILES, WITHOUT_CARD
from rsft_utils.real.plan.presets import PRESETS
from rsft_utils.specs import DATASETS, METHODS, SIZES, is_own, one_of

ALLOWED = {"size": SIZES, "method": METHODS, "preset": PRESETS}
ALLOWED_EACH = {"sizes": SIZES, "datasets": DATASETS}  # several names with blanks between
LEAST = {"seeds": 1, "epochs": 1, "n_items": 1}

RESULT = "result.json"  # what the last cell writes into figures/local/<notebook>/
RUN_ID = "RSFT_RUN_ID"  # environment variable by which `runner` knows a result as that of its own run

_parameters: dict[str, dict] = {}  # of the notebook of this process, checked
_saved: dict[str, list[str]] = {}  # its figures so far


def declared_parameters(name: str) -> dict[str, type]:
    """Names and types in the `parameters` cell of notebooks/<name>.ipynb."""
    types = {"str": str, "int": int, "float": float, "bool": bool}
    return {line.target.id: types[line.annotation.id] for line in _declarations(name)}


def default_parameters(name: str) -> dict:
    """Names and values in the `parameters` cell of notebooks/<name>.ipynb."""
    return {line.target.id: ast.literal_eval(line.value) for line in _declarations(name)}


def _declarations(name: str) -> list[ast.AnnAssign]:
    cells = json.loads((paths.NOTEBOOKS / Path(name).with_suffix(".ipynb")).read_text())["cells"]
    tagged = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    return [line for source in tagged for line in ast.parse(source).body if isinstance(line, ast.AnnAssign)]


def typed(name: str, texts: dict[str, str]) -> dict:
    """Parameters as somebody types them, in the types that the notebook declares, and checked.

    Raises ValueError as check_parameters does.
    """
    declared, found = declared_parameters(name), {}
    for key, text in texts.items():
        kind = declared.get(key, str)
        try:
            found[key] = {"True": True, "False": False}[text] if kind is bool else kind(text)
        except (KeyError, ValueError):
            found[key] = text  # refused below, by its type
    check_parameters(name, found)
    return found


def begin(name: str, scope: dict) -> str:
    """Check the parameters of a running notebook, given its `globals()`, before anything starts; returns the name.

    papermill only warns about a parameter that does not exist, and injects it all the same: the cell that it injects
    is found in the history and its names are checked too.
    """
    injected = [cell for cell in scope.get("In", []) if cell.lstrip().startswith("# Parameters\n")]
    lines = [line for cell in injected for line in ast.parse(cell).body if isinstance(line, ast.Assign)]
    names = {target.id for line in lines for target in line.targets}
    given = {key: scope[key] for key in names | set(declared_parameters(name))}
    check_parameters(name, given)
    _parameters[name], _saved[name] = given, []
    return name


def check_parameters(name: str, given: dict) -> None:
    """Raise ValueError for an unknown name, a wrong type or a value that is not allowed, saying what is."""
    declared = declared_parameters(name)
    for key, value in given.items():
        if key not in declared:
            near = difflib.get_close_matches(key, declared, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"unknown parameter {key!r} of {Path(name).stem}{hint}; allowed: {', '.join(declared)}")
        _check_value(key, value, declared[key], allowed(name).get(key))


def allowed(name: str) -> dict[str, tuple]:
    """The values of those parameters that are one of a few. A notebook with presets has runs of real models, too."""
    return {**ALLOWED, "profile": PROFILES if "preset" in declared_parameters(name) else WITHOUT_CARD}


def _check_value(key: str, value, kind: type, one_of_these) -> None:
    whole_as_float = kind is float and isinstance(value, int) and not isinstance(value, bool)
    if not (type(value) is kind or whole_as_float):
        raise ValueError(f"{key} is {value!r} ({type(value).__name__}); allowed: a value of type {kind.__name__}")
    if one_of_these:
        one_of(key, value, one_of_these)
    if key in ALLOWED_EACH:
        for part in value.split() or [value]:
            if not (key == "datasets" and is_own(part)):
                one_of(f"a part of {key}", part, ALLOWED_EACH[key])
    if key in LEAST and value < LEAST[key]:
        raise ValueError(f"{key} is {value!r}; allowed: {LEAST[key]} or more")


def show(pictures: dict, notebook: str, name: str):
    """Save one of the figures as PNG and SVG in figures/local/<notebook>/ and return the picture for display.

    A figure that is not there is said to be missing: the profile, or the reference runs so far, have no numbers for it.
    """
    if name not in pictures:
        print(f"{name}: not drawn; there are no numbers for it here (another profile, or runs that were not made).")
        return None
    from IPython.display import Image

    from rsft_utils.plots import in_words, save

    folder = paths.FIGURES_LOCAL / notebook
    save(pictures[name], folder, name)
    _saved.setdefault(notebook, []).append(name)
    return Image(folder / f"{name}.png", width=900, alt=in_words(pictures[name]))


def end(name: str, verdicts: dict[str, str] | None = None) -> None:
    """Write what came of a running notebook to figures/local/<name>/result.json: parameters, figures saved, verdicts.

    `verdicts`: claim to `held`, `did not hold`, ... A runner believes only a notebook that got here.
    """
    result = {
        "run": os.environ.get(RUN_ID),
        "notebook": name,
        "parameters": dict(sorted(_parameters[name].items())),
        "figures": list(dict.fromkeys(_saved[name])),
        "verdicts": verdicts or {},
    }
    with sealed.written_whole(paths.FIGURES_LOCAL / name / RESULT) as aside:
        aside.write_text(json.dumps(result, indent=1) + "\n")
