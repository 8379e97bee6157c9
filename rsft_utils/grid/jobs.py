"""The jobs of a grid, each a process of its own that can be killed and started again: train, evaluate, collect, draw.

What is done follows from the store alone. A workflow engine wants files to look at, so every job leaves a marker, and
`prepare` makes the markers agree with the store before an engine looks:

    runs/jobs/<run>/spec.json    what the run is
    runs/jobs/<run>/trained      names its checkpoints; as old as what it names
    runs/jobs/<run>/step-00010   names the answers of a checkpoint
    runs/jobs/bases/<base>       names the answers of a base model, which runs share
    runs/grids/<grid>/fetched    the runs of the grid whose models and data were fetched (real models)
    runs/grids/<grid>/           summary.csv items.parquet loss.csv: the tables of all its runs
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rsft_utils import paths
from rsft_utils.durable import checkpoints, sealed
from rsft_utils.durable.sealed import written_whole
from rsft_utils.grid.grids import Grid, Spec, base_id, run_id, to_json
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.specs import RunSpec
from rsft_utils.store import TRAINING

TABLES = ("summary.csv", "items.parquet", "loss.csv")


class JobError(RuntimeError):
    """A job cannot be done; the message says why and what to do."""


@dataclass(frozen=True)
class Job:
    """One call of the command line: `command` is what stands behind `python -m rsft_utils`."""

    command: str
    marker: Path


def folder() -> Path:
    return paths.RUNS / "jobs"


def spec_file(spec: Spec) -> Path:
    return folder() / run_id(spec) / "spec.json"


def trained_marker(spec: Spec) -> Path:
    return folder() / run_id(spec) / "trained"


def measured_marker(spec: Spec, step: int) -> Path:
    """Step 0 is the base model, measured once for all runs that start from it."""
    return folder() / run_id(spec) / f"step-{step:05d}" if step else folder() / "bases" / base_id(spec)


def fetched_marker(grid: Grid) -> Path:
    return tables_folder(grid) / "fetched"


def tables_folder(grid: Grid) -> Path:
    return paths.RUNS / "grids" / grid.name


def figures_folder(grid: Grid) -> Path:
    return paths.FIGURES_LOCAL / f"grid-{grid.name}"


def of(spec: Spec) -> Iterator[Job]:
    """The jobs of one run: a training, and one measurement for each of its steps."""
    yield Job(f"train {spec_file(spec)}", trained_marker(spec))
    for step in spec.steps:
        yield Job(f"evaluate {spec_file(spec)} --step {step}", measured_marker(spec, step))


def to_do(grid: Grid) -> list[Job]:
    """The trainings and measurements that the store lacks, in an order in which they can be done."""
    prepare(grid)
    every: dict[Path, Job] = {}
    for job in (job for spec in grid.specs for job in of(spec)):
        every.setdefault(job.marker, job)
    return [job for marker, job in every.items() if not marker.exists()]


def prepare(grid: Grid) -> None:
    """Make the markers of a grid agree with the store, and write down what its runs are."""
    for spec in grid.specs:
        if not spec_file(spec).exists():
            _write(spec_file(spec), to_json(spec))
    # without its data a run of a real model has no key yet, and they may have to be fetched
    known = grid.profile == "micro" or _is_fetched(grid)
    for spec in grid.specs:
        _mark(trained_marker(spec), _training(spec) if known else None)
        for step in spec.steps:
            _mark(measured_marker(spec, step), _measurement(spec, step) if known else None)
    tables = [tables_folder(grid) / name for name in TABLES]
    if any(map(sealed.problem, tables)) or not all(_store(spec).is_complete(spec) for spec in grid.specs):
        for table in tables:
            sealed.remove(table)


def fetch(grid: Grid) -> None:
    """Get models and data of all runs from the hub, where there is a network, and refuse what cannot work."""
    for spec in grid.specs:
        if not isinstance(spec, RunSpec):
            _maker(spec).fetch(spec)
    _write(fetched_marker(grid), _fetched(grid))


def train(spec: Spec) -> None:
    """Train a run unless that is done. Raises JobError if the store denies it afterwards."""
    _maker(spec).train_missing(spec)
    _mark_done(trained_marker(spec), _training(spec), f"{spec.name} is trained")


def evaluate(spec: Spec, step: int) -> None:
    """Measure a run at one of its steps unless that is done. Raises JobError if the store denies it afterwards."""
    if step not in spec.steps:
        raise JobError(f"{spec.name} is not measured at step {step}; allowed: {', '.join(map(str, spec.steps))}")
    _maker(spec).measure_missing(spec, step)
    _mark_done(measured_marker(spec, step), _measurement(spec, step), f"{spec.name} is measured at step {step}")


def collect(grid: Grid) -> None:
    """Write the tables of all runs of a grid, with the columns of tables.py. Raises JobError for what is missing."""
    from rsft_utils import run

    missing = [spec.name for spec in grid.specs for step in spec.steps if not _measurement(spec, step)]
    if missing:
        raise JobError(
            f"{len(missing)} measurements of {grid.name} are missing, the first of {missing[0]}: run the workflow again"
        )
    for spec in grid.specs:
        _maker(spec).finish_measured(spec)
    found = run.joined([_store(spec).load(spec) for spec in grid.specs])
    trained = {spec.name: _store(spec).checkpoints_folder(spec) for spec in grid.specs if _is_trained_here(spec)}
    with sealed.written_sealed(tables_folder(grid) / "summary.csv") as aside:
        found.summary.to_csv(aside, index=False)
    with sealed.written_sealed(tables_folder(grid) / "items.parquet") as aside:
        found.items.to_parquet(aside, index=False)
    with sealed.written_sealed(tables_folder(grid) / "loss.csv") as aside:
        (run.read_logs(trained) if trained else found.summary.iloc[:0]).to_csv(aside, index=False)


def drawn(grid: Grid) -> list[Path]:
    """The figures that `draw` makes: two for every name under `runs`."""
    return [figures_folder(grid) / f"{name}_{what}.png" for name in grid.groups for what in ("curves", "changes")]


def draw(grid: Grid) -> None:
    """Draw the figures of a grid from its collected tables."""
    import pandas as pd

    from rsft_utils import figures, plots
    from rsft_utils.tables import validate

    file = tables_folder(grid) / "summary.csv"
    if why := sealed.problem(file):
        raise JobError(f"the table {file} cannot be drawn: {why}. Collect it first.")
    summary = validate(pd.read_csv(file, keep_default_na=False, na_values=[""]), "summary")
    for name, group in grid.groups.items():
        of_group = {text: summary[summary.run.isin([spec.name for spec in runs])] for text, runs in group.items()}
        pictures = figures.finding(grid.profile, figures.DATA, of_group)
        for what in ("curves", "changes"):
            plots.save(pictures[what], figures_folder(grid), f"{name}_{what}")


def _training(spec: Spec) -> Path | None:
    """Where a run was trained, if every checkpoint is there that is still to be measured."""
    store = _store(spec)
    if not store.is_trained(spec):
        return None
    if _is_trained_here(spec):
        if any(sealed.problem(store.run_folder(spec) / name) for name in TRAINING):
            return None
        unmeasured = [step for step in spec.steps if step and not _measurement(spec, step)]
        folder = store.checkpoints_folder(spec)
        if not all(sealed.is_sealed(checkpoints.checkpoint_folder(folder, step)) for step in unmeasured):
            return None
    return store.run_folder(spec)


def _measurement(spec: Spec, step: int) -> Path | None:
    """Where the answers of a step lie, if they are whole."""
    file = _store(spec).items_file(spec, step)
    return None if sealed.problem(file) else file


def _mark(marker: Path, found: Path | None) -> None:
    """A marker names what was found and is as old as that; where nothing was found there is none."""
    if found is None:
        marker.unlink(missing_ok=True)
        return
    said = f"{found.relative_to(paths.RUNS).as_posix()}\n"
    if not marker.exists() or marker.read_text() != said:
        _write(marker, said)
        written = sealed.record(found).stat() if found.is_file() else found.stat()
        os.utime(marker, ns=(written.st_mtime_ns, written.st_mtime_ns))


def _mark_done(marker: Path, found: Path | None, said: str) -> None:
    if found is None:
        raise JobError(f"the store denies that {said}: see {paths.RUNS / 'damaged'}, and run the same again")
    marker.unlink(missing_ok=True)
    _mark(marker, found)
    print(f"{said}: {found}", flush=True)


def _is_fetched(grid: Grid) -> bool:
    marker = fetched_marker(grid)
    if marker.exists() and marker.read_text() != _fetched(grid):
        marker.unlink()
    return marker.exists()


def _fetched(grid: Grid) -> str:
    return "".join(f"{run_id(spec)}\n" for spec in grid.specs)


def _is_trained_here(spec: Spec) -> bool:
    return not isinstance(spec, ReleasedSpec)


def _store(spec: Spec):
    """The module that keeps runs of this kind."""
    if isinstance(spec, RunSpec):
        from rsft_utils import store
    else:
        from rsft_utils.real import store
    return store


def _maker(spec: Spec):
    """The module that makes runs of this kind."""
    if isinstance(spec, RunSpec):
        from rsft_utils import run
    else:
        from rsft_utils.real import run
    return run


def _write(file: Path, text: str) -> None:
    with written_whole(file) as aside:
        aside.write_text(text, encoding="utf-8")
