"""The run store: one folder per run, found again by name and key; a result counts only when it is complete.

    runs/bases/<name>-n500-<key>.parquet   answers of a base model: step 0 of every run that starts from it
    runs/<name>-<key>/
        checkpoints/step-00010/   model or adapter, moved into place when complete
        checkpoints/log.jsonl     loss and rate every 10 steps and at the last
        training.json             written when training has finished
        items/step-00010.parquet  answers of one checkpoint
        summary.csv
        result.json               written last: its existence means that the run is complete

Everything is written beside its place and then moved into it, so an interruption leaves whole files or none.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

from rsft_utils import paths, tables
from rsft_utils.specs import EVALUATION_VERSION, RunSpec


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; moved onto `path` when the block ends well, removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    with written_whole(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n")


@cache
def data_fingerprint(spec: RunSpec) -> str:
    """Hash of everything a run reads: its rows, its base model and the benchmark items."""
    from rsft_utils.micro.bases import is_mirrored
    from rsft_utils.micro.sft_data import fingerprint, rows

    # a base's own samples follow from the base and the prompts
    dataset = "math-answer" if spec.dataset == "own-samples" else spec.dataset
    read = rows(dataset, spec.n_rows, spec.seed, is_mirrored(spec.world))
    return _hash(fingerprint(read), _base_key(spec.base, spec.n_items_ends))


@cache
def _base_key(base: str, n_items: int) -> str:
    from rsft_utils.micro import bases
    from rsft_utils.micro.benchmarks import BENCHMARKS, items

    asked = [item.id for name in BENCHMARKS for item in items(name, n_items)]
    return _hash(bases.sha256(base), str(EVALUATION_VERSION), *asked)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def run_folder(spec: RunSpec) -> Path:
    return paths.RUNS / f"{spec.name}-{spec.key(data_fingerprint(spec))}"


def checkpoints_folder(spec: RunSpec) -> Path:
    return run_folder(spec) / "checkpoints"


def is_trained(spec: RunSpec) -> bool:
    return (run_folder(spec) / "training.json").exists()


def is_complete(spec: RunSpec) -> bool:
    return (run_folder(spec) / "result.json").exists() and items_file(spec, 0).exists()


def begin_training(spec: RunSpec) -> None:
    """Make an empty checkpoints folder. What an unfinished training left, and answers measured on it, are removed."""
    folder = checkpoints_folder(spec)
    (run_folder(spec) / "training.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(run_folder(spec) / "items", ignore_errors=True)
    folder.mkdir(parents=True)


def end_training(spec: RunSpec, outcome: dict) -> None:
    write_json(run_folder(spec) / "training.json", outcome)


def base_items_file(base: str, n_items: int) -> Path:
    return paths.RUNS / "bases" / f"{base}-n{n_items}-{_base_key(base, n_items)[:8]}.parquet"


def items_file(spec: RunSpec, step: int) -> Path:
    """Where the answers of a checkpoint lie. Step 0 is the base model, measured once for all runs."""
    if step == 0:
        return base_items_file(spec.base, spec.n_items_ends)
    return run_folder(spec) / "items" / f"step-{step:05d}.parquet"


def save_items(file: Path, items, *, run: str, step: int) -> None:
    items = tables.validate(items.assign(run=run, step=step), "items")
    with written_whole(file) as aside:
        items.to_parquet(aside, index=False)


def finish(spec: RunSpec, provenance: dict) -> None:
    """Summarise the answers of all steps and declare the run complete."""
    folder = run_folder(spec)
    summary = tables.summarise(_items(spec), model=spec.base, dataset=spec.dataset, seed=spec.seed)
    with written_whole(folder / "summary.csv") as aside:
        summary.to_csv(aside, index=False)
    training = json.loads((folder / "training.json").read_text())
    write_json(folder / "result.json", {"spec": asdict(spec), "training": training, "provenance": provenance})


def load(spec: RunSpec):
    """(items, summary) of a complete run, both validated. Raises FileNotFoundError when it is not complete."""
    import pandas as pd

    if not is_complete(spec):
        raise FileNotFoundError(f"the run {spec.name} is not complete ({run_folder(spec)})")
    summary = pd.read_csv(run_folder(spec) / "summary.csv", keep_default_na=False, na_values=[""])
    return tables.validate(_items(spec), "items"), tables.validate(summary, "summary")


def _items(spec: RunSpec):
    import pandas as pd

    steps = [pd.read_parquet(items_file(spec, step)) for step in spec.steps]
    return pd.concat(steps, ignore_index=True).assign(run=spec.name)
