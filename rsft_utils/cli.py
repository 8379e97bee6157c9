"""The command line, `python -m rsft_utils figures` and its neighbours. What the Makefile calls."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from rsft_utils import notebook, paths, profiles, report, runner, specs
from rsft_utils.grid import commands as grid_commands
from rsft_utils.grid.commands import refuse_bad

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    help="Fine-tune small language models on this computer, measure them, and draw what happens. Begin with `figures`.",
)
YOURS, COMMITTED, AGAIN = "Runs of your own", "What is committed, in a minute", "What is committed, made again (hours)"
app.add_typer(grid_commands.app)

NOTEBOOKS = (
    "00_micro_world",
    "01_dip_and_recovery",
    "02_data_quality_and_structure",
    "03_model_capability",
    "04_safety_asymmetry",
    "05_scorecard",
)

Size = Annotated[str, typer.Option(help=f"Size of the base model: {', '.join(specs.SIZES)}.")]
Seeds = Annotated[int, typer.Option(help="How many runs of each kind, with seeds 0, 1, ...")]
Notebook = Annotated[
    str, typer.Argument(metavar="NOTEBOOK [-p NAME VALUE]...", help="Such as notebooks/01_dip_and_recovery.ipynb.")
]
WITH_PARAMETERS = {
    "rich_help_panel": YOURS,
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
}


@app.command(rich_help_panel=YOURS)
def figures(
    size: Size = "S",
    seeds: Seeds = 1,
    profile: Annotated[
        str, typer.Option(help="micro: train here; published: the paper's numbers, no training.")
    ] = "micro",
) -> None:
    """Train and measure what is missing, then run all notebooks: about 15 minutes the first time.

    The figures go to figures/local/, the executed notebooks to runs/notebooks/. Finished runs are found again; after
    an interruption the same command goes on.
    """
    refuse_bad(lambda: specs.seed_specs(size, seeds))
    refuse_bad(lambda: specs.one_of("profile", profile, profiles.WITHOUT_CARD))
    started = time.monotonic()
    if profile == "micro":
        _make_core_runs(size, seeds)
    training = (time.monotonic() - started) / 60
    given = {"profile": profile, "size": size, "seeds": seeds}
    executed = []
    for name in NOTEBOOKS:
        asked = notebook.declared_parameters(name)
        executed.append(_execute(runner.find(name), {key: given[key] for key in given if key in asked}))
    if profile == "micro":
        _beside_reference(size, seeds)
    print(f"\n{report.summary(executed)}\n")
    runs = f", {training:.1f} of them for the runs" if profile == "micro" else ""
    print(f"All figures drawn in {(time.monotonic() - started) / 60:.1f} minutes{runs}.")


def core_runs(size: str, seeds: int) -> list[specs.RunSpec]:
    """The runs that the notebooks ask for, each once. `size` is notebook 01's; the others bring their own."""
    runs = specs.seed_specs(size, seeds)
    for name in NOTEBOOKS:
        asked = notebook.default_parameters(name)
        if "sizes" in asked:
            of_notebook = specs.groups(asked["sizes"], asked["datasets"], seeds).values()
            runs += [spec for group in of_notebook for spec in group]
    return list(dict.fromkeys(runs))


def _make_core_runs(size: str, seeds: int) -> None:
    from rsft_utils.reference import BASES, UNTRAINED
    from rsft_utils.run import results

    runs = core_runs(size, seeds)
    print(f"Training and measuring {len(runs)} runs, those that are not there yet:")
    for spec in runs:
        print(f"  {spec.name}")
    results(runs, also_bases=UNTRAINED[BASES])


def _beside_reference(size: str, seeds: int) -> None:
    from rsft_utils.reference import finished
    from rsft_utils.run import results
    from rsft_utils.verdicts import beside_reference

    if size in finished():
        print("Your run beside the reference runs (low to high: where 95 of 100 more runs would fall)")
        mine = results(specs.seed_specs(size, seeds), progress=False).summary
        print(beside_reference(mine, size).round(2).to_string(index=False))


@app.command(**WITH_PARAMETERS)
def run(
    context: typer.Context,
    name: Notebook,
    deadline: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="End the notebook and all it started after so many minutes.")
    ] = None,
) -> None:
    """Run one notebook from top to bottom without a browser, and check that it really finished.

    Parameters follow the notebook, such as -p size XS -p seeds 3; its first code cell says which there are, and a wrong
    one is refused before anything starts. The executed notebook goes to runs/notebooks/, its figures to figures/local/.
    If it fails, the last good copy stays, and runs/notebooks/failed/ has the cells up to the error.
    """
    file = refuse_bad(lambda: runner.find(name))
    given = refuse_bad(lambda: runner.typed(file, _pairs(context.args)))
    executed = _execute(file, given, deadline)
    print(report.summary([executed]))


@app.command(**WITH_PARAMETERS)
def plan(
    context: typer.Context,
    name: Notebook,
    probe: Annotated[bool, typer.Option("--probe", help="Time a stand-in on this card for 20 steps first.")] = False,
) -> None:
    """Say what a notebook's runs of real models (Qwen3 on a GPU) will cost, before anything large is fetched.

    Parameters follow the notebook, such as -p profile released -p preset t4-16gb; without a profile it is gpu.
    """
    name = Path(name).stem
    refuse_bad(lambda: specs.one_of("notebook", name, NOTEBOOKS[1:-1]))
    given = refuse_bad(lambda: notebook.typed(name, _pairs(context.args)))
    asked = {**notebook.default_parameters(name), "profile": "gpu", **given}
    refuse_bad(lambda: specs.one_of("profile", asked["profile"], profiles.WITH_CARD))
    print(refuse_bad(lambda: profiles.plan(name, asked, asked["profile"], probe)))


def _pairs(arguments: list[str]) -> dict[str, str]:
    """Names and values in `-p name value -p name value`."""
    if len(arguments) % 3 or any(option != "-p" for option in arguments[::3]):
        raise ValueError(f"{' '.join(arguments)!r}; allowed: -p name value, as often as needed")
    return dict(zip(arguments[1::3], arguments[2::3], strict=True))


@app.command(rich_help_panel=COMMITTED)
def redraw() -> None:
    """Draw figures/micro/ and figures/published/ again from the tables in data/."""
    from rsft_utils.figures import redraw_committed

    for picture in redraw_committed():
        print(f"  {paths.shown(picture)}")


@app.command(rich_help_panel=YOURS)
def site() -> None:
    """Run all notebooks and make a web site of them and the documents in site/. Trains nothing.

    The pages show the runs of `figures` if all of them are there, else the paper's numbers and the reference runs.
    """
    from rsft_utils.site import build

    started = time.monotonic()
    profile = build.profile_for(core_runs("S", 1))
    copies = {name: _execute(runner.find(name), {"profile": profile}).output for name in NOTEBOOKS}
    first = build.build(copies, profile)
    print(f"Built and checked in {(time.monotonic() - started) / 60:.1f} minutes. Open {paths.shown(first)}")


@app.command(rich_help_panel=AGAIN)
def reference(
    arms: Annotated[
        list[str] | None, typer.Argument(help="Kinds of runs, such as S or XS-calm; all when left out.")
    ] = None,
) -> None:
    """Make the reference runs, which the claims are judged by, and write data/reference/.

    Takes hours; what is finished is kept, and the same command goes on where it stopped.
    """
    from rsft_utils import reference as study

    known = [*study.arms(), *study.UNTRAINED]
    for name in arms or known:
        refuse_bad(lambda name=name: specs.one_of("arm", name, known))
    study.make(arms or known)


@app.command(rich_help_panel=COMMITTED)
def claims() -> None:
    """Judge the paper's claims by the reference runs: effects, intervals and verdicts, from the tables in data/."""
    from rsft_utils import verdicts

    table = verdicts.table().round(3)
    if table.empty:
        print("no reference runs yet: python -m rsft_utils reference")
        raise typer.Exit(1)
    print(table.drop(columns=["statement"]).to_string(index=False))


@app.command(rich_help_panel=AGAIN)
def designs(size: Size = "XS") -> None:
    """Pre-train and fine-tune a base model of every design that notebook 01 maps, and write designs.csv.

    Takes hours; what is finished is kept, and the same command goes on where it stopped.
    """
    refuse_bad(lambda: specs.one_of("size", size, specs.SIZES))
    from rsft_utils import designs as pilots

    pilots.make(pilots.grid(size), workers=2)
    pilots.write_table(size)


@app.command(rich_help_panel=AGAIN)
def bases(
    names: Annotated[
        list[str] | None, typer.Argument(help="Such as S-seed0 (size S, seed 0); all when left out.")
    ] = None,
) -> None:
    """Pre-train the small base models that lie in data/micro/, by the recipe in the package."""
    from rsft_utils.micro import bases as micro_bases

    for name in names or micro_bases.NAMES:
        refuse_bad(lambda name=name: specs.one_of("base model", name, micro_bases.NAMES))
    for name in names or micro_bases.NAMES:
        micro_bases.build(name)


@app.command(rich_help_panel=YOURS)
def runs(
    action: Annotated[
        str,
        typer.Argument(
            help="list, or gc: remove what is in runs/damaged/ and runs/notebooks/failed/, what killed processes left "
            "half written, and states of trainings that have finished. In a terminal it asks first."
        ),
    ] = "list",
) -> None:
    """List the runs in runs/ with state, age and size, or remove what is not needed any more.

    Every result is compared with its hash.
    """
    from rsft_utils import inventory

    refuse_bad(lambda: specs.one_of("action", action, ("list", "gc")))
    if action == "list":
        for run in inventory.runs():
            print(f"{(time.time() - run.written) / 86400:5.1f} days {_megabytes(run.size)}  {run.name}: {run.state}")
    found = list(inventory.garbage())
    if found:
        print("Not needed any more (python -m rsft_utils runs gc):" if action == "list" else "To be removed:")
    for path, what, size in found:
        print(f"{_megabytes(size)}  {paths.shown(path)}: {what}")
    if found and action == "gc" and (not _at_a_terminal() or typer.confirm("Remove this?")):
        for path, _, _ in found:
            inventory.remove(path)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:8.1f} MB"


@app.command(rich_help_panel=YOURS)
def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="speed, scaling (minutes) and commands (40 minutes) when left out; card: on an NVIDIA card."
        ),
    ] = None,
) -> None:
    """Measure how fast this computer trains and generates, and what the commands take in time and memory."""
    from rsft_utils.bench import card, commands, scaling, speed

    parts = {"speed": speed.main, "scaling": scaling.main, "commands": commands.main, "card": card.main}
    for name in what or ():
        refuse_bad(lambda name=name: specs.one_of("what to measure", name, parts))
    for name in what or ("speed", "scaling", "commands"):
        refuse_bad(parts[name])


def _execute(file: Path, parameters: dict, deadline: float | None = None) -> runner.Executed:
    """Run a notebook and say how it went."""
    try:
        executed = runner.run(file, parameters, deadline)
    except runner.NotebookFailed as failed:
        print(failed, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"  {file.stem}: {executed.seconds:.0f} s, executed copy in {paths.shown(executed.output)}")
    return executed
