import ast
import json
from pathlib import Path

import pytest

from rsft_utils import notebook, paths, specs
from rsft_utils.grid import grids
from rsft_utils.real.plan import presets
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec
from rsft_utils.specs import RunSpec

GRIDS = sorted((paths.ROOT / "workflow" / "grids").glob("*.yaml"))


def test_every_combination_is_a_run_and_a_legend_says_in_what_they_differ(read):
    found = read("""
profile: micro
defaults: {size: XS, n_rows: 640}
runs:
  data: {dataset: [math-cot, math-nocot], seed: [0, 1]}
  epochs: {epochs: [1, 2], dataset: math-cot}
""")
    assert found.name == "mine"
    assert list(found.groups) == ["data", "epochs"]
    assert list(found.groups["data"]) == ["math-cot", "math-nocot"]
    assert list(found.groups["epochs"]) == ["epochs 1", "epochs 2"]
    assert found.groups["data"]["math-nocot"] == [
        specs.default_spec("XS", n_rows=640, dataset="math-nocot", seed=seed, base_seed=seed) for seed in (0, 1)
    ]
    assert len(found.specs) == 6


def test_a_run_under_two_names_is_made_once(read):
    found = read("profile: micro\nruns: {a: {epochs: 1}, b: {epochs: [1, 2]}}")
    assert len(found.specs) == 2


def test_a_name_may_hold_several_lists_of_combinations(read):
    found = read("profile: micro\nruns: {a: [{epochs: 1, seed: [0, 1]}, {epochs: 2, learning_rate: 5e-5}]}")
    runs = [(spec.epochs, spec.seed, spec.learning_rate) for group in found.groups["a"].values() for spec in group]
    assert runs == [(1, 0, 1e-4), (1, 1, 1e-4), (2, 0, 5e-5)]
    assert list(found.groups["a"]) == ["epochs 1, learning_rate 0.0001", "epochs 2, learning_rate 5e-05"]


def test_a_seed_has_the_base_that_a_notebook_gives_it_unless_one_is_named(read):
    found = read("profile: micro\nruns: {a: {size: XS, seed: [0, 1, 2, 3, 4]}}")
    assert found.specs == specs.seed_specs("XS", 5)
    assert read("profile: micro\nruns: {a: {seed: 101, base_seed: 1}}").specs[0].base_seed == 1


def test_real_and_published_runs_are_read_too(read):
    real = read("""
profile: gpu
card: L4
runs: {a: {base_model: Qwen3-4B, benchmarks: [MATH500, IFEval], dataset: [Math-CoT-20k, Countdown-words]}}
""")
    both = [RealSpec(base_model="Qwen3-4B", benchmarks=("MATH500", "IFEval"), dataset=d) for d in real.groups["a"]]
    assert real.specs == both and (real.card, real.vllm) == ("L4", False)
    published = read("profile: released\ncard: L4\nvllm: true\nruns: {a: {steps: [0, 10, 640]}}")
    assert published.specs == [ReleasedSpec(steps=(0, 10, 640))] and published.vllm


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile: mikro", "profile is 'mikro'; allowed: micro, gpu, released"),
        ("- micro", "a grid is .*; allowed: names and values"),
        ("profile: micro\nrun: {}", r"unknown name 'run' in a grid \(did you mean runs\?\); allowed: profile"),
        ("profile: micro\nruns: {a: {sede: 1}}", r"unknown name 'sede' in runs of a \(did you mean seed\?\)"),
        ("profile: micro\nruns: {a: {size: M}}", "size is 'M'; allowed: XS, S"),
        ("profile: micro\nruns: {a: {learning_rate: fast}}", "learning_rate is 'fast'; allowed: a number"),
        ("profile: micro\nruns: {a: {n_rows: 33}}", r"n_rows \(33\) must be a multiple of batch_size"),
        ("profile: micro\nruns: {a: 3}", "runs of a is 3; allowed: names and values"),
        ("profile: micro", "there are no runs in it"),
        ("profile: micro\nnotebooks: {00_micro_world: {}}", "there are no runs in it"),
        ("profile: micro\nnotebooks: {01: {}}", "a notebook is 1; allowed: 00_micro_world"),
        ("profile: micro\nnotebooks: {01_dip_and_recovery: {sedes: 2}}", "unknown parameter 'sedes'"),
        ("profile: gpu\nruns: {a: {}}", "card is None; allowed: T4, L4"),
        ("profile: gpu\ncard: L4\nruns: {a: {dataset: none.jsonl}}", "'none.jsonl', and there is no such file"),
        ("profile: gpu\ncard: L4\nruns: {a: {dataset: Math}}", "dataset is 'Math'; allowed: Math-CoT-20k"),
        ("profile: micro\nvllm: 3\nruns: {a: {}}", "vllm is 3; allowed: 0, 1"),
        ("profile: micro\nlongest_job: 5\nruns: {a: {}}", "longest_job is 5; allowed: a whole number, 30 or more"),
        ("profile: [", "is not YAML: while parsing"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_what_is_allowed(read, text, said):
    with pytest.raises(ValueError, match=rf"mine\.yaml.*{said}"):
        read(text)


def test_a_grid_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match=r"there is no grid .*none\.yaml"):
        grids.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("spec", [specs.default_spec("XS", "lora"), RealSpec(), ReleasedSpec()], ids=lambda s: s.name)
def test_a_run_is_the_same_after_it_was_written_down(spec):
    assert grids.from_json(grids.to_json(spec)) == spec


def test_a_written_run_is_checked_like_any_other():
    written = json.loads(grids.to_json(RunSpec()))
    with pytest.raises(ValueError, match="size is 'M'"):
        grids.from_json(json.dumps({**written, "spec": {**written["spec"], "size": "M"}}))
    with pytest.raises(ValueError, match="unknown name 'speed' in the run"):
        grids.from_json(json.dumps({**written, "spec": {"speed": 3}}))


def test_what_is_measured_otherwise_has_another_id_though_the_name_is_the_same():
    one, other = RealSpec(), RealSpec(max_new_tokens=99)
    assert one.name == other.name
    assert grids.run_id(one) != grids.run_id(other)
    assert grids.base_id(one) != grids.base_id(other)
    assert grids.base_id(RealSpec(epochs=3)) == grids.base_id(one)
    assert grids.base_id(RealSpec(base_model="a/one")) != grids.base_id(RealSpec(base_model="b/one"))


def cell_with_groups(name):
    """The lines of a notebook that say which runs it asks for."""
    cells = json.loads((paths.NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    (cell,) = (cell for cell in cells if "profiles.groups(" in "".join(cell["source"]))
    lines = ast.parse("".join(cell["source"])).body
    last = max(i for i, line in enumerate(lines) if "profiles.groups(" in ast.unparse(line))
    return ast.unparse(ast.Module(lines[: last + 1], []))


@pytest.mark.parametrize("name", presets.NOTEBOOKS)
def test_the_runs_of_a_notebook_are_those_that_it_asks_for(name):
    given = {"seeds": 2, "rows": 640, "epochs": 1, "n_items": 20}
    given |= (
        {"size": "XS", "method": "lora"} if name.startswith("01") else {"sizes": "XS S", "datasets": "countdown-cot"}
    )
    scope = {**notebook.default_parameters(name), **given, "NAME": name}
    exec(cell_with_groups(name), scope)
    asked = [spec for group in scope["groups"].values() for spec in group]
    assert grids.asked_by(name, {"profile": "micro", **given}) == asked
    assert len(asked) == (2 if name.startswith("01") else 4)


def test_notebooks_of_real_models_ask_for_their_presets_runs():
    name = "02_data_quality_and_structure"
    given = {"profile": "gpu", "preset": "24gb", "seeds": 2}
    groups = presets.groups(name, "24gb", seeds=2).values()
    assert grids.asked_by(name, given) == [spec for group in groups for spec in group]
    assert {type(spec) for spec in grids.asked_by(name, {"profile": "released", "preset": "24gb"})} == {ReleasedSpec}


@pytest.mark.parametrize("file", GRIDS, ids=lambda file: file.name)
def test_the_grids_that_come_with_the_project_are_read(file):
    found = grids.read(file)
    assert found.specs
    assert len({grids.run_id(spec) for spec in found.specs}) == len(found.specs)


def test_the_micro_grids_runs_are_those_of_its_notebook():
    found = grids.read(Path(paths.ROOT / "workflow/grids/micro.yaml"))
    ((name, parameters),) = found.notebooks.items()
    assert set(found.specs) == set(grids.asked_by(name, parameters))


def test_the_papers_grid_has_its_runs_on_qwen3():
    found = grids.read(paths.ROOT / "workflow/grids/paper.yaml")
    assert len(found.specs) == 24
    assert {spec.total_steps for spec in found.specs} == {80, 160, 640, 1280}
    assert {spec.dataset for spec in found.specs if spec.base_model == "Qwen3-8B"} == set(presets.DATASETS)
    repeated = found.groups["repetition"].values()
    assert [(s.n_rows, s.batch_size, s.epochs, s.total_steps) for (s,) in repeated] == [
        (20480, 256, 8, 640), (2560, 32, 8, 640), (20480, 32, 1, 640),
    ]  # fmt: skip
    assert [(s.learning_rate, s.epochs, s.schedule) for (s,) in found.groups["overfitting"].values()] == [
        (5e-5, 8, "cosine"), (5e-5, 16, "cosine"), (5e-5, 16, "constant"), (1e-4, 16, "constant"),
    ]  # fmt: skip
