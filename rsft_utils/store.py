"""The run store: one folder per run, found again by name and key; a result counts only when it is complete.

    runs/bases/<name>-n500-<key>.parquet   answers of a base model: step 0 of every run that starts from it
    runs/<name>-<key>/
        checkpoints/step-00010/   model or adapter
        checkpoints/log.jsonl     loss and rate every 10 steps and at the last
        checkpoints/trainer/      while it is trained: the state that training goes on from
        training.json             written when training has finished
        provenance.json           where jobs of a grid made the run: versions and machine of its training
        items/step-00010.parquet  answers of one checkpoint
        summary.csv
        result.json               written last

All of these have a record of their hashes (see sealed.py). A run counts as complete when everything that is read from
it agrees with its record; what does not is made again, and nothing else.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from pathlib import Path

from rsft_utils import jsonl, paths, tables
from rsft_utils.durable import locks, sealed
from rsft_utils.durable.sealed import written_sealed, written_whole
from rsft_utils.specs import EVALUATION_VERSION, RunSpec, is_own

__all__ = ["written_whole"]

TRAINING = ("training.json", "checkpoints/log.jsonl")  # what stays of a training beside its checkpoints


def write_json(path: Path, content: dict) -> None:
    with written_sealed(path) as aside:
        aside.write_text(json.dumps(content, indent=2) + "\n")


def data_fingerprint(spec: RunSpec) -> str:
    """Hash of everything a run reads: its rows, its base model and the benchmark items."""
    # remembered until the reader's own file is written again
    return _data_fingerprint(spec, jsonl.written(spec.dataset) if is_own(spec.dataset) else 0)


@cache
def _data_fingerprint(spec: RunSpec, written: int) -> str:
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
    return sealed.is_sealed(run_folder(spec) / "training.json")


def is_complete(spec: RunSpec) -> bool:
    """Whether everything that is read from a run later is there and whole; its checkpoints are not needed any more."""
    read = [run_folder(spec) / name for name in ("result.json", "summary.csv", *TRAINING)]
    return not any(map(sealed.problem, [*read, *(items_file(spec, step) for step in spec.steps)]))


def begin(spec: RunSpec) -> None:
    """Put a run in order that is not complete and that this process has locked: what is damaged is set aside."""
    put_in_order(run_folder(spec), run_folder(spec))
    sealed.set_damaged_aside(checkpoints_folder(spec).glob("step-*"))
    for items in (items_file(spec, step) for step in spec.steps):
        if items.exists() and sealed.problem(items):
            with locks.held([items]):  # another process may just be writing it
                sealed.set_damaged_aside([items])


def put_in_order(run: Path, results: Path) -> None:
    """Set aside what is damaged of a training and of the tables in `results`, whose result has to be declared anew."""
    training, log = (run / name for name in TRAINING)
    logged = [log] if sealed.is_sealed(training) or sealed.is_sealed(log) else []  # else it is still being written
    sealed.set_damaged_aside([*logged, training, results / "summary.csv", results / "result.json"])
    sealed.remove(results / "result.json")
    if not log.exists():
        sealed.remove(training)  # only a training makes the log


def begin_training(spec: RunSpec) -> None:
    """Make the folder for checkpoints. What an unfinished training left there is gone on from."""
    make_untrained(run_folder(spec))


def make_untrained(run: Path) -> None:
    training, log = (run / name for name in TRAINING)
    log.parent.mkdir(parents=True, exist_ok=True)
    sealed.remove(training)
    sealed.record(log).unlink(missing_ok=True)


def end_training(spec: RunSpec, outcome: dict) -> None:
    write_json(run_folder(spec) / "training.json", outcome)


def note_provenance(folder: Path, provenance: dict) -> None:
    """Keep in the folder of a run what trained it, where another process will declare it complete."""
    write_json(folder / "provenance.json", provenance)


def noted_provenance(folder: Path) -> dict | None:
    file = folder / "provenance.json"
    return json.loads(file.read_text()) if file.exists() else None


def base_items_file(base: str, n_items: int) -> Path:
    return paths.RUNS / "bases" / f"{base}-n{n_items}-{_base_key(base, n_items)[:8]}.parquet"


def items_file(spec: RunSpec, step: int) -> Path:
    """Where the answers of a checkpoint lie. Step 0 is the base model, measured once for all runs."""
    if step == 0:
        return base_items_file(spec.base, spec.n_items_ends)
    return run_folder(spec) / "items" / f"step-{step:05d}.parquet"


def save_items(file: Path, items, *, run: str, step: int) -> None:
    items = tables.validate(items.assign(run=run, step=step), "items")
    with written_sealed(file) as aside:
        items.to_parquet(aside, index=False)


def finish(spec: RunSpec, provenance: dict) -> None:
    """Summarise the answers of all steps and declare the run complete."""
    folder = run_folder(spec)
    summary = tables.summarise(_items(spec), model=spec.base, dataset=spec.dataset, seed=spec.seed)
    with written_sealed(folder / "summary.csv") as aside:
        summary.to_csv(aside, index=False)
    training = json.loads((folder / "training.json").read_text())
    write_json(folder / "result.json", {"spec": asdict(spec), "training": training, "provenance": provenance})
    shutil.rmtree(checkpoints_folder(spec) / "trainer", ignore_errors=True)  # what training went on from


def load(spec: RunSpec):
    """(items, summary) of a complete run, both validated. Raises FileNotFoundError when it is not complete."""
    if not is_complete(spec):
        raise FileNotFoundError(f"the run {spec.name} is not complete ({run_folder(spec)})")
    return tables.validate(_items(spec), "items"), read_summary(run_folder(spec) / "summary.csv")


def read_summary(file: Path):
    import pandas as pd

    return tables.validate(pd.read_csv(file, keep_default_na=False, na_values=[""]), "summary")


def _items(spec: RunSpec):
    return read_items((items_file(spec, step) for step in spec.steps), spec.name)


def read_items(files: Iterable[Path], run: str):
    """One table of the answers at several steps, all under the name of the run."""
    import pandas as pd

    return pd.concat(map(pd.read_parquet, files), ignore_index=True).assign(run=run)
