"""The command line: `python -m rsft_utils figures` and its neighbours. What the Makefile calls."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from rsft_utils import notebook, paths, profiles, specs

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, help=__doc__)

NOTEBOOKS = (
    "00_micro_world",
    "01_dip_and_recovery",
    "02_data_quality_and_structure",
    "03_model_capability",
    "04_safety_asymmetry",
    "05_scorecard",
)

Size = Annotated[str, typer.Option(help=f"Size of the base model: {', '.join(specs.SIZES)}.")]
Seeds = Annotated[int, typer.Option(help="How many runs, with seeds 0, 1, ...")]


@app.command()
def figures(
    size: Size = "S",
    seeds: Seeds = 1,
    profile: Annotated[
        str, typer.Option(help="micro: train here; published: the paper's numbers, in seconds.")
    ] = "micro",
) -> None:
    """Train and measure what is missing, then run every notebook and draw its figures into figures/local/."""
    _refuse_bad(lambda: specs.seed_specs(size, seeds))
    _refuse_bad(lambda: specs.one_of("profile", profile, profiles.WITHOUT_CARD))
    started = time.monotonic()
    if profile == "micro":
        _make_core_runs(size, seeds)
    for name in NOTEBOOKS:
        given = {"profile": profile, "size": size, "seeds": seeds}
        asked = notebook.declared_parameters(name)
        _execute(name, [text for key in given if key in asked for text in ("-p", key, str(given[key]))])
    if profile == "micro":
        _beside_reference(size, seeds)
    print(f"All figures drawn in {(time.monotonic() - started) / 60:.1f} minutes. They lie in:")
    for picture in sorted(paths.FIGURES_LOCAL.glob("*/*.png")):
        print(f"  {_shown(picture)}")


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


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def plan(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NOTEBOOK", help="Such as notebooks/01_dip_and_recovery.ipynb.")],
    probe: Annotated[bool, typer.Option("--probe", help="Time a stand-in on this card for 20 steps first.")] = False,
) -> None:
    """Say what a notebook's runs of real models will cost, before anything large is fetched.

    Parameters follow as for papermill: -p profile released -p preset t4-16gb. Unless said otherwise profile gpu.
    """
    name = Path(name).stem
    _refuse_bad(lambda: specs.one_of("notebook", name, NOTEBOOKS[1:-1]))
    given = _refuse_bad(lambda: notebook.typed(name, _pairs(context.args)))
    asked = {**notebook.default_parameters(name), "profile": "gpu", **given}
    _refuse_bad(lambda: specs.one_of("profile", asked["profile"], profiles.WITH_CARD))
    print(_refuse_bad(lambda: profiles.plan(name, asked, asked["profile"], probe)))


def _pairs(arguments: list[str]) -> dict[str, str]:
    """Names and values in `-p name value -p name value`."""
    if len(arguments) % 3 or any(option != "-p" for option in arguments[::3]):
        raise ValueError(f"{' '.join(arguments)!r}; allowed: -p name value, as often as needed")
    return dict(zip(arguments[1::3], arguments[2::3], strict=True))


@app.command()
def redraw() -> None:
    """Redraw the committed figures from the committed tables (figures/micro/ and figures/published/)."""
    from rsft_utils.figures import redraw_committed

    for picture in redraw_committed():
        print(f"  {_shown(picture)}")


@app.command()
def reference(
    arms: Annotated[list[str] | None, typer.Argument(help="Such as S or XS-calm; all when left out.")] = None,
) -> None:
    """Make the reference runs and write their tables to data/reference/ (hours; goes on where it stopped)."""
    from rsft_utils import reference as study

    known = [*study.arms(), *study.UNTRAINED]
    for name in arms or known:
        _refuse_bad(lambda name=name: specs.one_of("arm", name, known))
    study.make(arms or known)


@app.command()
def claims() -> None:
    """Judge every claim whose reference runs are there: effects, intervals and verdicts, from the committed tables."""
    from rsft_utils import verdicts

    table = verdicts.table().round(3)
    if table.empty:
        print("no reference runs yet: python -m rsft_utils reference")
        raise typer.Exit(1)
    print(table.drop(columns=["statement"]).to_string(index=False))


@app.command()
def designs(size: Size = "XS") -> None:
    """Make the pilots of the map of designs and write data/reference/designs.csv (hours; goes on where it stopped)."""
    _refuse_bad(lambda: specs.one_of("size", size, specs.SIZES))
    from rsft_utils import designs as pilots

    pilots.make(pilots.grid(size), workers=2)
    pilots.write_table(size)


@app.command()
def bases(
    names: Annotated[list[str] | None, typer.Argument(help="Such as S-seed0; all when left out.")] = None,
) -> None:
    """Pre-train base models of the micro world again, by the recipe in the package."""
    from rsft_utils.micro import bases as micro_bases

    for name in names or micro_bases.NAMES:
        _refuse_bad(lambda name=name: specs.one_of("base model", name, micro_bases.NAMES))
    for name in names or micro_bases.NAMES:
        micro_bases.build(name)


@app.command()
def runs(
    action: Annotated[
        str,
        typer.Argument(
            help="list, or gc: remove what is in runs/damaged/, what killed processes left half written, and states of "
            "trainings that have finished. A terminal asks first."
        ),
    ] = "list",
) -> None:
    """List the runs in the store, with state, age and size, after comparing every result with its hash."""
    from rsft_utils import inventory

    _refuse_bad(lambda: specs.one_of("action", action, ("list", "gc")))
    if action == "list":
        for run in inventory.runs():
            print(f"{(time.time() - run.written) / 86400:5.1f} days {_megabytes(run.size)}  {run.name}: {run.state}")
    found = list(inventory.garbage())
    if found:
        print("Not needed any more (python -m rsft_utils runs gc):" if action == "list" else "To be removed:")
    for path, what, size in found:
        print(f"{_megabytes(size)}  {_shown(path)}: {what}")
    if found and action == "gc" and (not _at_a_terminal() or typer.confirm("Remove this?")):
        for path, _, _ in found:
            inventory.remove(path)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:8.1f} MB"


@app.command()
def bench(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="speed, scaling (minutes) and commands (half an hour) when left out; card: on an NVIDIA card."
        ),
    ] = None,
) -> None:
    """Measure this machine: training and generation against the libraries' own ways, and what the commands take."""
    from rsft_utils.bench import card, commands, scaling, speed

    parts = {"speed": speed.main, "scaling": scaling.main, "commands": commands.main, "card": card.main}
    for name in what or ():
        _refuse_bad(lambda name=name: specs.one_of("what to measure", name, parts))
    for name in what or ("speed", "scaling", "commands"):
        _refuse_bad(parts[name])


def _refuse_bad(check):
    """What a check returns, or its ValueError as a message for people."""
    try:
        return check()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _execute(name: str, parameters: list[str]) -> None:
    """Run a notebook through papermill in a process of its own; only the exit status says whether it went well."""
    output = paths.RUNS / "notebooks" / f"{name}.ipynb"
    output.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "papermill", str(paths.NOTEBOOKS / f"{name}.ipynb"), str(output), *parameters]
    done = subprocess.run([*command, "--no-progress-bar", "--log-level", "ERROR"], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(done.stderr[-4000:], file=sys.stderr)
        print(f"{name} failed; the cells up to the error are in {_shown(output)}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"  {name}: {time.monotonic() - started:.0f} s, executed copy in {_shown(output)}")


def _shown(path: Path) -> str:
    """A path as the reader would type it."""
    return str(path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path)
