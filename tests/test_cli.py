import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from rsft_utils import cli, figures, paths, reference, run, specs
from rsft_utils.micro import bases

COMMANDS = ("figures", "redraw", "reference", "bases", "bench")


@pytest.fixture
def started(monkeypatch):
    """Everything that would start work only notes that it was asked to."""
    calls = []
    monkeypatch.setattr(run, "results", lambda runs, also_bases: calls.append(("results", runs)))
    monkeypatch.setattr(cli, "_execute", lambda *arguments: calls.append(("notebook", *arguments)))
    monkeypatch.setattr(bases, "build", lambda name: calls.append(("build", name)))
    monkeypatch.setattr(reference, "make", lambda: calls.append(("reference",)))
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
        (("figures", "--size", "XL"), "size is 'XL'; allowed: XS, S, M"),
        (("figures", "--seeds", "0"), "seeds is 0; allowed: a whole number, 1 or more"),
        (("figures", "--seeds", "-2"), "seeds is -2; allowed: a whole number, 1 or more"),
        (("figures", "--seeds", "two"), "Invalid value for '--seeds'"),
        (("figures", "--sedes", "2"), "No such option"),
        (("figure",), "No such command"),
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
    assert started == [
        ("results", specs.seed_specs("XS", 2)),
        ("notebook", "00_micro_world", []),
        ("notebook", "01_dip_and_recovery", ["-p", "size", "XS", "-p", "seeds", "2"]),
    ]
    assert "2 run(s) on base XS" in output


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


def test_reference_makes_the_reference_runs(started):
    assert invoke("reference")[0] == 0
    assert started == [("reference",)]


@pytest.mark.parametrize("code", [0, 1])
def test_only_the_exit_status_says_whether_a_notebook_went_well(monkeypatch, capsys, code):
    commands = []

    def papermill(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, code, stderr="what went wrong")

    monkeypatch.setattr(cli.subprocess, "run", papermill)
    if code:
        with pytest.raises(cli.typer.Exit):
            cli._execute("00_micro_world", ["-p", "n_items", "4"])
        assert "what went wrong" in capsys.readouterr().err
    else:
        cli._execute("00_micro_world", ["-p", "n_items", "4"])
        assert "00_micro_world" in capsys.readouterr().out
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", "papermill"]
    assert command[3] == str(paths.NOTEBOOKS / "00_micro_world.ipynb")
    assert command[5:8] == ["-p", "n_items", "4"]
