import ast
import json
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from itertools import chain

import pytest

from rsft_utils import paths

PACKAGE = paths.ROOT / "rsft_utils"
MODULES = {
    ".".join(file.relative_to(paths.ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in PACKAGE.rglob("*.py")
}
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "pandas", "scipy", "matplotlib", "seaborn"}

# Of every folder, from bottom to top: a module imports only from layers below its own. What a folder's __init__ offers
# is made of all of them.
LAYERS = {
    "rsft_utils": [
        {"paths", "recipe", "packing", "generate", "effects", "comparisons", "printable", "jsonl"},
        {"secret_scan", "processes"},
        {"specs", "durable"},
        {"micro", "workers"},
        {"train", "evaluate", "tables"},
        {"stats", "store", "claims", "published"},
        {"progress"},
        {"run", "inventory", "papermill_child", "plots", "published_signs", "ends"},
        {"real"},
        {"reference", "designs", "profiles"},
        {"verdicts", "reader"},
        {"scorecard", "explorer"},
        {"figures", "endpoints"},
        {"bench", "notebook", "site"},
        {"runner"},
        {"report"},
        {"grid"},
        {"cli"},
        {"__main__"},
    ],
    "rsft_utils.micro": [
        {"symbols", "splits"},
        {"item", "models"},
        {"arithmetic", "general", "traces"},
        {"habits", "search", "sequence", "countdown", "safety", "flawed"},
        {"behaviours", "families", "score"},
        {"benchmarks", "corpus", "sft_data"},
        {"pretrain"},
        {"worlds"},
        {"bases"},
    ],
    "rsft_utils.real": [
        {"models", "hub", "answers"},
        {"countdown"},
        {"scoring", "datasets"},
        {"benchmarks"},
        {"spec"},
        {"released"},
        {"backends", "identity"},
        {"generate", "store"},
        {"evaluate"},
        {"run", "plan"},
        {"train_distributed"},
    ],
    "rsft_utils.real.countdown": [{"arithmetic", "phrases", "search"}, {"trace"}, {"game"}],
    "rsft_utils.real.scoring": [
        {"verdict", "limited", "phrases"},
        {"endpoint", "child", "instructions_child", "maths_child"},
        {"choice", "code", "game", "hallucination", "instructions", "maths", "reward", "safety", "truthful"},
    ],
    "rsft_utils.real.benchmarks": [{"definitions"}, {"questions", "page"}, {"judging"}],
    "rsft_utils.real.plan": [
        {"presets", "memory"},
        {"lengths", "hours", "probe"},
        {"checkpoints", "costs"},
        {"planner"},
        {"layout", "cluster"},
        {"text_released"},
        {"text"},
    ],
    "rsft_utils.claims": [{"measures", "statements"}, {"claim"}, {"training", "data", "capability", "safety"}],
    "rsft_utils.plots": [
        {"style"},
        {"bars", "curves", "levels", "reader", "study", "safety", "scorecard"},
        {"findings"},
    ],
    "rsft_utils.site": [
        {"pages", "clean", "check"},
        {"markup", "widgets"},
        {"cells", "overview"},
        {"build"},
    ],
    "rsft_utils.durable": [{"sealed", "locks", "sigterm"}, {"checkpoints"}],
    "rsft_utils.grid": [{"grids"}, {"jobs", "costs"}, {"commands"}],
    "rsft_utils.bench": [{"machine", "training"}, {"speed", "scaling", "commands", "card"}],
}


def imported(module):
    """Modules of the package that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found & set(MODULES)


def layer(folder, name):
    (place,) = (i for i, names in enumerate(LAYERS[folder]) if name in names)
    return place


@pytest.mark.parametrize("module", ["rsft_utils", *(f"rsft_utils.{n}" for n in ("specs", "paths", "cli", "notebook"))])
def test_importing_the_surface_loads_nothing_heavy(module):
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=paths.ROOT, text=True))
    assert module in loaded
    assert HEAVY & set(loaded) == set()


def test_no_module_loads_anything_heavy_before_it_is_used():
    # what runs in a process of its own and nowhere else loads what it needs at once
    names = sorted(name for name in MODULES if not name.endswith(("__main__", "_child")))
    code = f"import sys, json, {', '.join(names)}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=paths.ROOT, text=True))
    assert set(names) <= set(loaded)
    assert HEAVY & set(loaded) == set()


def test_every_module_has_its_layer():
    inside = {}
    for module in MODULES:
        folder, _, name = module.rpartition(".")
        inside.setdefault(folder, []).append(name)
    assert inside.pop("") == ["rsft_utils"]
    assert {folder: sorted(chain(*layers)) for folder, layers in LAYERS.items()} == {
        folder: sorted(names) for folder, names in inside.items()
    }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module):
    for other in imported(module):
        here, there = module.split("."), other.split(".")
        depth = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), None)
        if depth is not None:  # else a folder and what is in it
            folder = ".".join(here[:depth])
            assert layer(folder, there[depth]) < layer(folder, here[depth]), f"{module} imports {other}"


def test_nothing_goes_round_in_a_circle():
    graph = {module: imported(module) for module in MODULES}
    assert any(graph.values())
    assert set(TopologicalSorter(graph).static_order()) == set(MODULES)


def test_every_folder_of_the_package_is_installed():
    listed = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {file.parent.relative_to(paths.ROOT) for file in PACKAGE.rglob("*.py")}
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)
