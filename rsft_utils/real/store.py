"""Where the results of real models lie, as rsft_utils/store.py keeps those of the micro world.

runs/bases/<base>-<key>-answers/   what a base model answered: step 0 of every run that starts from it
runs/<name>-<key>/
    checkpoints/step-00010/   adapter or model; trainer/ holds what training goes on from
    training.json             written when training has finished
    commit.txt                in place of these two where nothing is trained: the commit of the published weights
    answers/step-00010/       what was answered, a file per benchmark, written as it comes
    measured-<key>/           the tables of one way of measuring: other benchmarks or limits train nothing again
        items/step-00010.parquet  summary.csv  result.json (written last)

All but the answers, of which every line has its own, have a record of their hashes (see sealed.py), and what differs
from it is made again. Checkpoints can be large: they are compared only before they are measured or trained on from.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from rsft_utils import paths, tables
from rsft_utils.durable import sealed
from rsft_utils.durable.sealed import written_sealed
from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.identity import base_key, data_fingerprint
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec, measuring_key
from rsft_utils.store import TRAINING, make_untrained, put_in_order, read_items, read_summary, save_items, write_json

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
    return isinstance(spec, ReleasedSpec) or sealed.is_sealed(run_folder(spec) / "training.json")


def is_complete(spec: Spec) -> bool:
    """Whether everything that is read from a run later is there and whole; its checkpoints are not needed any more."""
    read = [results_folder(spec) / name for name in ("result.json", "summary.csv")]
    read += [] if isinstance(spec, ReleasedSpec) else [run_folder(spec) / name for name in TRAINING]
    return not any(map(sealed.problem, [*read, *(items_file(spec, step) for step in spec.steps)]))


def begin(spec: Spec) -> None:
    """Put a run in order that is not complete and that this process has locked: what is damaged is set aside."""
    put_in_order(run_folder(spec), results_folder(spec))
    if isinstance(spec, ReleasedSpec) and spec.commit is None:
        _keep_to_one_upload(spec)


def _keep_to_one_upload(spec: ReleasedSpec) -> None:
    """Without its commit nobody knows which upload the answers of a published run are from."""
    noted = run_folder(spec) / "commit.txt"
    if sealed.record(noted).exists():  # older versions wrote none
        sealed.set_damaged_aside([noted])
    if not noted.exists():
        for made in (run_folder(spec) / "answers", results_folder(spec)):
            if made.exists():
                sealed.set_aside(made, "the commit of the weights that answered is lost")


def is_measured(spec: Spec, step: int) -> bool:
    """Whether the answers of a step are judged, after setting aside a damaged table of them."""
    sealed.set_damaged_aside([items_file(spec, step)])
    return sealed.is_sealed(items_file(spec, step))


def begin_training(spec: RealSpec) -> None:
    """Make the folder for checkpoints. What an unfinished training left there is gone on from."""
    make_untrained(run_folder(spec))


def commit(spec: ReleasedSpec) -> str | None:
    """The commit of the published weights that answer here, None if none is known or was found yet.

    It stays the one of the first answer: later steps ask the hub for this commit alone, which fails if it is gone, so
    the steps of a run are never of different uploads.
    """
    file = run_folder(spec) / "commit.txt"
    return spec.commit or (file.read_text().strip() if file.exists() else None)


def keep_commit(spec: ReleasedSpec, found: str) -> None:
    file = run_folder(spec) / "commit.txt"
    if not file.exists():
        with written_sealed(file) as aside:
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
    shutil.rmtree(checkpoints_folder(spec) / "trainer", ignore_errors=True)  # of a runner that was killed


def load(spec: Spec):
    """(items, summary) of a complete run, both validated."""
    return tables.validate(_items(spec), "items"), read_summary(results_folder(spec) / "summary.csv")


def _items(spec: Spec):
    return read_items((items_file(spec, step) for step in spec.steps), spec.name)
