import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from rsft_utils import cli, designs, figures, notebook, paths, reference, run, runner, specs
from rsft_utils.bench import commands, scaling, speed
from rsft_utils.micro import bases

COMMANDS = ("figures", "run", "plan", "runs", "redraw", "reference", "claims", "designs", "bases", "bench")


@pytest.fixture
def started(monkeypatch, new_reference, made_up_summary):
    """Everything that would start work only notes that it was asked to; there are no reference runs."""
    calls = []

    def results(runs, progress=True, also_bases=()):
        calls.append(("results", runs, *also_bases))
        return run.Results(items=None, summary=made_up_summary())

    def executed(file, parameters, deadline=None):
        calls.append(("notebook", file.stem, parameters, *([deadline] if deadline else [])))
        result = {"notebook": file.stem, "figures": ["a_figure"], "verdicts": {"C1": "held"}}
        return runner.Executed(paths.RUNS / "notebooks" / file.name, result, 60.0)

    monkeypatch.setattr(run, "results", results)
    monkeypatch.setattr(runner, "run", executed)
    monkeypatch.setattr(bases, "build", lambda name: calls.append(("build", name)))
    monkeypatch.setattr(reference, "make", lambda names: calls.append(("reference", *names)))
    monkeypatch.setattr(designs, "make", lambda pilots, workers: calls.append(("designs", *pilots)))
    monkeypatch.setattr(designs, "write_table", lambda size: calls.append(f"the map of {size} is written"))
    monkeypatch.setattr(speed, "main", lambda: calls.append("speed"))
    monkeypatch.setattr(scaling, "main", lambda: calls.append("scaling"))
    monkeypatch.setattr(commands, "main", lambda: calls.append("commands"))
    monkeypatch.setattr(figures, "redraw_committed", lambda: [paths.FIGURES / "micro" / "a.png"])
    return calls


def invoke(*arguments):
    """Exit code and output, without the frame that typer draws around a message."""
    done = CliRunner().invoke(cli.app, list(arguments))
    return done.exit_code, re.sub(r"[\s│╭╮╰╯─]+", " ", done.output)


def test_help_lists_the_commands():
    code, output = invoke("--help")
    assert code == 0
    assert all(command in output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, started):
    code, output = invoke(command, "--help")
    assert code == 0
    assert "Usage" in output
    assert started == []


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "rsft_utils", "--help"], cwd=paths.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "python -m rsft_utils" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("figures", "--size", "XL"), "size is 'XL'; allowed: XS, S "),
        (("figures", "--size", "M"), "size is 'M'; allowed: XS, S "),
        (("figures", "--seeds", "0"), "seeds is 0; allowed: a whole number, 1 or more"),
        (("figures", "--seeds", "-2"), "seeds is -2; allowed: a whole number, 1 or more"),
        (("figures", "--seeds", "two"), "Invalid value for '--seeds'"),
        (("figures", "--sedes", "2"), "No such option"),
        (("figures", "--profile", "gpus"), "profile is 'gpus'; allowed: micro, published"),
        (("figure",), "No such command"),
        (("reference", "XXS"), f"arm is 'XXS'; allowed: {', '.join([*reference.arms(), *reference.UNTRAINED])} "),
        (("reference", "S", "XS-calm", "M"), "arm is 'M'; allowed: S, S-one-epoch, "),
        (("designs", "--size", "XL"), "size is 'XL'; allowed: XS, S "),
        (("bases", "NOPE"), f"base model is 'NOPE'; allowed: {', '.join(bases.NAMES)}"),
        (("bases", "S-seed0", "S-seed9"), "base model is 'S-seed9'; allowed: "),
    ],
)
def test_a_bad_request_is_refused_before_anything_starts(started, arguments, said):
    code, output = invoke(*arguments)
    assert code == 2
    assert said in output
    assert started == []


def test_figures_makes_the_runs_and_then_every_notebook_with_the_same_parameters(started):
    code, output = invoke("figures", "--size", "XS", "--seeds", "2")
    assert code == 0
    (what, runs, *bases_too), *notebooks = started
    assert (what, bases_too) == ("results", ["XS-seed0", "S-seed0"])
    assert runs == cli.core_runs("XS", 2) and all(run.name in output for run in runs)
    assert [name for _, name, _ in notebooks] == list(cli.NOTEBOOKS)
    given = {name: arguments for _, name, arguments in notebooks}
    assert given["00_micro_world"] == given["05_scorecard"] == {"profile": "micro"}
    assert given["01_dip_and_recovery"] == {"profile": "micro", "size": "XS", "seeds": 2}
    assert given["03_model_capability"] == {"profile": "micro", "seeds": 2}
    assert output.count("a_figure.png") == len(cli.NOTEBOOKS) == output.count("held: C1")
    assert "beside the reference" not in output  # there is none


def test_the_core_runs_are_those_that_the_notebooks_ask_for_each_once():
    runs = cli.core_runs("S", 1)
    assert len(runs) == len(set(runs)) <= 8
    assert {(run.size, run.dataset) for run in runs} == {
        ("S", "math-cot"), ("S", "math-nocot"), ("S", "math-numina-like"), ("XS", "math-cot"), ("XS", "math-nocot"),
    }  # fmt: skip
    for name in cli.NOTEBOOKS:
        asked = notebook.default_parameters(name)
        if "sizes" in asked:
            rows = {"n_rows": asked["rows"], "epochs": asked["epochs"], "n_items": asked["n_items"]}
            groups = specs.groups(asked["sizes"], asked["datasets"], asked["seeds"], **rows)
            assert {spec for group in groups.values() for spec in group} <= set(runs), name
    assert cli.core_runs("XS", 2)[:2] == specs.seed_specs("XS", 2)


def test_the_published_profile_trains_nothing(started):
    code, output = invoke("figures", "--profile", "published")
    assert code == 0
    assert [what for what, *_ in started] == ["notebook"] * len(cli.NOTEBOOKS)
    assert all(arguments["profile"] == "published" for _, _, arguments in started)
    assert "beside the reference" not in output


def test_a_readers_run_is_shown_beside_the_reference_runs_of_its_size(started, keep_arms):
    keep_arms("XS")
    code, output = invoke("figures", "--size", "XS", "--seeds", "2")
    assert code == 0
    assert started[-1] == ("results", specs.seed_specs("XS", 2))
    assert "quantity yours reference low high inside ID dip" in output
    assert "attack success gain" in output
    assert "beside the reference" not in invoke("figures", "--size", "S")[1]


def test_every_notebook_of_the_project_is_run():
    assert sorted(cli.NOTEBOOKS) == sorted(file.stem for file in paths.NOTEBOOKS.glob("*.ipynb"))


def test_bases_are_built_as_named_or_all(started):
    assert invoke("bases", "S-seed0", "XS-seed0")[0] == 0
    assert started == [("build", "S-seed0"), ("build", "XS-seed0")]
    started.clear()
    assert invoke("bases")[0] == 0
    assert started == [("build", name) for name in bases.NAMES]


def test_redraw_tells_what_it_drew(started):
    code, output = invoke("redraw")
    assert code == 0
    assert "figures/micro/a.png" in output


def test_reference_makes_the_arms_that_are_named_or_all(started):
    assert invoke("reference", "XS-calm", "S")[0] == 0
    assert invoke("reference")[0] == 0
    assert started == [("reference", "XS-calm", "S"), ("reference", *reference.arms(), *reference.UNTRAINED)]


def test_claims_prints_the_verdicts_on_the_arms_that_are_there(started, keep_arms):
    keep_arms("S-one-epoch")
    code, output = invoke("claims")
    assert code == 0
    assert "claim part effect low high bases runs p part_verdict verdict" in output
    assert "C1 ID gain" in output and "C1 OOD loss" in output and " 5 5 " in output
    assert "C3" not in output
    assert started == []


def test_claims_without_reference_runs_says_how_to_make_them(started):
    code, output = invoke("claims")
    assert code == 1
    assert "python -m rsft_utils reference" in output


def test_designs_makes_the_pilots_of_a_size_and_writes_the_map(started):
    assert invoke("designs")[0] == 0
    assert started == [("designs", *designs.grid("XS")), "the map of XS is written"]
    started.clear()
    assert invoke("designs", "--size", "S")[0] == 0
    assert started[0] == ("designs", *designs.grid("S"))


def test_bench_measures(started):
    assert invoke("bench")[0] == 0
    assert started == ["speed", "scaling", "commands"]


def test_bench_measures_one_part_alone(started):
    assert invoke("bench", "speed")[0] == 0
    assert started == ["speed"]


def test_bench_says_what_it_can_measure(started):
    code, output = invoke("bench", "speed", "everything")
    assert code == 2
    assert "'everything'" in output and "commands" in output
    assert started == []


def test_run_gives_a_notebook_its_parameters_and_tells_what_came_of_it(started):
    code, output = invoke("run", "notebooks/01_dip_and_recovery.ipynb", "-p", "size", "XS", "-p", "seeds", "3")
    assert code == 0
    assert started == [("notebook", "01_dip_and_recovery", {"size": "XS", "seeds": 3})]
    assert "executed copy in" in output and "01_dip_and_recovery/a_figure.png 1.0 held: C1" in output
    started.clear()
    assert invoke("run", "05_scorecard", "--deadline", "2.5")[0] == 0
    assert started == [("notebook", "05_scorecard", {}, 2.5)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("06_more",), "there is no notebook '06_more'; allowed: the path of an .ipynb file, or one of 00_micro_world"),
        (("05_scorecard", "-p", "profil", "micro"), "unknown parameter 'profil' of 05_scorecard"),
        (("01_dip_and_recovery", "-p", "seeds", "many"), "seeds is 'many' (str); allowed: a value of type int"),
        (("01_dip_and_recovery", "-p", "seeds"), "'-p seeds'; allowed: -p name value"),
        (("01_dip_and_recovery", "--seeds", "3"), "'--seeds 3'; allowed: -p name value"),
        (("01_dip_and_recovery", "-p", "hf_token", "x"), "hf_token looks like a secret"),
        (("01_dip_and_recovery", "--deadline", "soon"), "Invalid value for '--deadline'"),
    ],
)
def test_a_notebook_that_cannot_be_run_is_refused_in_a_sentence(started, arguments, said):
    code, output = invoke("run", *arguments)
    assert code == 2
    assert said in output
    assert started == []


@pytest.mark.parametrize("command", [("run", "05_scorecard"), ("figures", "--profile", "published")])
def test_a_notebook_that_fails_ends_a_command_with_the_reason(started, monkeypatch, command):
    def fails(file, parameters, deadline=None):
        raise runner.NotebookFailed(f"{file.stem} failed (dead kernel): its kernel died.")

    monkeypatch.setattr(runner, "run", fails)
    code, output = invoke(*command)
    assert code == 1
    assert "failed (dead kernel): its kernel died." in output


def test_plan_says_what_a_notebook_will_cost_with_a_real_model():
    code, output = invoke("plan", "notebooks/01_dip_and_recovery.ipynb", "-p", "profile", "gpu", "-p", "preset", "24gb")
    assert code == 0
    assert "Plan of notebook 01_dip_and_recovery with preset 24gb" in output
    assert "Qwen3-4B" in output and "Verdict: fits" in output


def test_plan_says_what_the_authors_checkpoints_will_cost():
    code, output = invoke("plan", "01_dip_and_recovery", "-p", "profile", "released", "-p", "preset", "t4-16gb")
    assert code == 0
    assert "Qwen3-1.7B: 2 steps 6.9 GB" in output and "An illustration" in output and "Verdict: fits" in output


def test_plan_says_that_a_probe_needs_a_card():
    code, output = invoke("plan", "01_dip_and_recovery", "--probe", "-p", "preset", "24gb")
    assert code == 2
    assert "--probe trains for a few steps and needs an NVIDIA card" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("05_scorecard",), "notebook is '05_scorecard'; allowed: 01_dip_and_recovery"),
        (("01_dip_and_recovery", "-p", "preset", "t4"), "preset is 't4'; allowed: cpu, t4-16gb"),
        (("01_dip_and_recovery", "-p", "profile", "micro"), "profile is 'micro'; allowed: gpu, released"),
        (
            ("01_dip_and_recovery", "-p", "profile", "released", "-p", "preset", "cpu"),
            "preset cpu has no published runs",
        ),
        (("01_dip_and_recovery", "-p", "seeds"), "'-p seeds'; allowed: -p name value"),
        (("01_dip_and_recovery", "-p", "base_model", "nobody/nothing"), "nobody/nothing"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused_in_a_sentence(arguments, said):
    code, output = invoke("plan", *arguments)
    assert code == 2
    assert said in output
