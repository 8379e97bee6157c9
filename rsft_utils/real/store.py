"""Where the results of real models lie, as rsft_utils/store.py keeps those of the micro world.

runs/bases/<base>-<key>-answers/   what a base model answered: step 0 of every run that starts from it
runs/<name>-<key>/
    checkpoints/step-00010/   adapter or model; trainer/ holds what training goes on from
    training.json             written when training has finished
    commit.txt                in place of these two where nothing is trained: the commit of the published weights
    answers/step-00010/       what was answered, a file per benchmark, written as it comes
    measured-<key>/           the tables of one way of measuring: other benchmarks or limits train nothing again
        items/step-00010.parquet  summary.csv  result.json (written last)
"""

import json
from dataclasses import asdict
from pathlib import Path

from rsft_utils import paths, tables
from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.identity import base_key, data_fingerprint
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec, measuring_key
from rsft_utils.sealed import written_sealed, written_whole
from rsft_utils.store import save_items, write_json

Spec = RealSpec | ReleasedSpec
__all__ = ["save_items"]


def run_folder(spec: Spec) -> Path:
    return paths.RUNS / f"{spec.name}-{spec.key(data_fingerprint(spec))}"


def checkpoints_folder(spec: Spec) -> Path:
    return run_folder(spec) / "checkpoints"


def answers_folder(spec: Spec, step: int) -> Path:
    """Where the raw answers lie, whatever else is asked."""
    if step == 0:
        return paths.RUNS / "bases" / f"{spec.base}-{base_key(spec)}-answers"
    return run_folder(spec) / "answers" / f"step-{step:05d}"


def results_folder(spec: Spec) -> Path:
    return run_folder(spec) / f"measured-{measuring_key(spec)}"


def items_file(spec: Spec, step: int) -> Path:
    """Where the judged answers of a checkpoint lie; step 0 is the base model, measured once for all runs."""
    if step == 0:
        return paths.RUNS / "bases" / f"{spec.base}-{base_key(spec)}-{measuring_key(spec)}.parquet"
    return results_folder(spec) / "items" / f"step-{step:05d}.parquet"


def is_trained(spec: Spec) -> bool:
    return isinstance(spec, ReleasedSpec) or (run_folder(spec) / "training.json").exists()


def is_complete(spec: Spec) -> bool:
    return (results_folder(spec) / "result.json").exists() and items_file(spec, 0).exists()


def commit(spec: ReleasedSpec) -> str | None:
    """The commit of the published weights that answer here, None if none is known or was found yet.

    It stays the one of the first answer: later steps ask the hub for this commit alone, which fails if it is gone, so
    the steps of a run are never of different uploads.
    """
    file = run_folder(spec) / "commit.txt"
    return file.read_text().strip() if file.exists() else spec.commit


def keep_commit(spec: ReleasedSpec, found: str) -> None:
    with written_whole(run_folder(spec) / "commit.txt") as aside:
        aside.write_text(f"{found}\n")


def end_training(spec: RealSpec, outcome: dict) -> None:
    write_json(run_folder(spec) / "training.json", outcome)


def finish(spec: Spec, provenance: dict) -> None:
    """Summarise the answers of all steps and declare the run complete."""
    named = {"model": spec.base, "dataset": spec.dataset, "seed": spec.seed}
    summary = tables.summarise(_items(spec), **named, benchmarks=BENCHMARKS, limits=(), samples=spec.samples)
    with written_sealed(results_folder(spec) / "summary.csv") as aside:
        summary.to_csv(aside, index=False)
    if isinstance(spec, ReleasedSpec):
        made = {"weights": {"repository": spec.repository, "commit": commit(spec)}}
    else:
        made = {"training": json.loads((run_folder(spec) / "training.json").read_text())}
    result = {"spec": asdict(spec), **made, "provenance": provenance}
    write_json(results_folder(spec) / "result.json", result)


def load(spec: Spec):
    """(items, summary) of a complete run, both validated."""
    import pandas as pd

    summary = pd.read_csv(results_folder(spec) / "summary.csv", keep_default_na=False, na_values=[""])
    return tables.validate(_items(spec), "items"), tables.validate(summary, "summary")


def _items(spec: Spec):
    import pandas as pd

    steps = [pd.read_parquet(items_file(spec, step)) for step in spec.steps]
    return pd.concat(steps, ignore_index=True).assign(run=spec.name)
