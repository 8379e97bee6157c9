"""The commands for a grid of runs: `python -m rsft_utils train` and its neighbours, which workflow/Snakefile calls."""

from pathlib import Path
from typing import Annotated

import typer

from rsft_utils.grid import grids, jobs

app = typer.Typer(no_args_is_help=True, add_completion=False)
PANEL = {"rich_help_panel": "Many runs as jobs (docs/scale.md)"}

GridFile = Annotated[Path, typer.Argument(metavar="GRID", help="Such as workflow/grids/micro.yaml.")]
SpecFile = Annotated[
    Path, typer.Argument(metavar="SPEC", help="A run, as the command jobs writes it: runs/jobs/<run>/spec.json.")
]


@app.command("jobs", **PANEL)
def list_jobs(file: GridFile) -> None:
    """Print the jobs of a grid that are not done yet, one command a line, in an order in which they can be done."""
    asked = _grid(file)
    for job in jobs.to_do(asked):
        print(job.command)


@app.command(**PANEL)
def fetch(file: GridFile) -> None:
    """Get models and data of a grid from the hub: for machines whose other nodes have no network."""
    jobs.fetch(_grid(file))


@app.command(**PANEL)
def train(file: SpecFile) -> None:
    """Train a run, unless the store has it."""
    jobs.train(_spec(file))


@app.command(**PANEL)
def evaluate(file: SpecFile, step: Annotated[int, typer.Option(help="One of the steps that are measured.")]) -> None:
    """Measure one checkpoint of a run, unless the store has its answers. Step 0 is the base model."""
    jobs.evaluate(_spec(file), step)


@app.command(**PANEL)
def collect(file: GridFile) -> None:
    """Write the tables of a grid, all of whose runs are measured, to runs/grids/GRID/."""
    asked = _grid(file)
    jobs.collect(asked)
    print(f"tables of {len(asked.specs)} runs: {jobs.tables_folder(asked)}")


@app.command(**PANEL)
def draw(file: GridFile) -> None:
    """Draw the figures of a grid from its collected tables into figures/local/."""
    asked = _grid(file)
    jobs.draw(asked)
    for picture in jobs.drawn(asked):
        print(f"  {picture}")


@app.command(**PANEL)
def cost(file: GridFile) -> None:
    """Say what a grid of real models takes on a cluster: jobs, hours of its cards, disk. Nothing is fetched."""
    from rsft_utils.grid.costs import describe

    asked = _grid(file)
    print(refuse_bad(lambda: describe(asked)))


def _grid(file: Path) -> grids.Grid:
    return refuse_bad(lambda: grids.read(file))


def _spec(file: Path) -> grids.Spec:
    return refuse_bad(lambda: grids.from_json(file.read_text(encoding="utf-8")))


def refuse_bad(check):
    """What a check returns, or its error as a message for people."""
    try:
        return check()
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
