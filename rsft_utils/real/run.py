"""From specs of real models to tables: one run after the other, since one card holds one model.

Training and measuring happen in child processes, so that the card is free afterwards, Unsloth is imported first, and a
crash takes nothing with it. What is finished is found again: a training goes on at its last checkpoint, an evaluation
at its next answer. Of published checkpoints nothing is trained; one step after the other is downloaded (only if an
answer is missing), answers, and is deleted again, unless the hub's cache held it before.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from rsft_utils import locks, sealed
from rsft_utils.real import backends, hub, store
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec
from rsft_utils.run import Results, joined, read_logs
from rsft_utils.store import note_provenance, noted_provenance


class RunError(RuntimeError):
    """A run cannot go on; the message says why, what is kept, and what to do."""


def results(specs: Sequence[RealSpec | ReleasedSpec], backend: str = "auto") -> Results:
    """The tables of the runs, after training and measuring whatever the store does not hold yet.

    Prints a line per stage. Raises RunError, and what training and measuring raise.
    """
    for spec in specs:
        if not store.is_complete(spec):
            _make(spec, backends.choose(backend, spec.method))
    return joined([store.load(spec) for spec in specs])


def _make(spec: RealSpec | ReleasedSpec, backend: str) -> None:
    started = time.monotonic()
    _fetch_and_check(spec, backend)
    if not store.is_trained(spec):
        print(f"{spec.name}: training, {spec.total_steps} steps ({backend})", flush=True)
        _in_child(_train, spec, backend)
    # of published weights only a download tells whether they are there: the base model last
    order = (*spec.steps[1:], 0) if isinstance(spec, ReleasedSpec) else spec.steps
    for step in order:
        if not store.items_file(spec, step).exists():
            print(f"{spec.name}: measuring step {step}", flush=True)
            _in_child(_measure, spec, step)
    store.finish(spec, _in_child(backends.provenance, backend) | {"seconds": round(time.monotonic() - started)})


def _fetch_and_check(spec: RealSpec | ReleasedSpec, backend: str) -> None:
    """Get what is small and refuse what cannot work, in this process: in Colab only the notebook can read a token."""
    from rsft_utils.real import benchmarks
    from rsft_utils.real.identity import base_folder

    backends.check(spec, backend)
    backends.check(spec, "transformers")  # which measures
    for name in spec.benchmarks:
        benchmarks.check_scorable(name, benchmarks.items(name, spec.n_items_ends))
    store.run_folder(spec)  # reads the data file
    base_folder(spec)


def _in_child(function: Callable, *arguments):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise RunError(
                f"the process that was {function.__name__.strip('_').replace('_', ' ')}ing died (out of memory?). "
                "What was finished is kept: run the same again, or take a smaller preset."
            ) from None


def _train(spec: RealSpec, backend: str) -> None:
    from rsft_utils.real import datasets
    from rsft_utils.real.identity import base_folder

    folder = base_folder(spec)
    model, tokenizer = backends.load_for_training(spec, folder, backend)
    from rsft_utils.train import train  # only now: Unsloth must be imported before transformers

    found = datasets.rows(spec.dataset, spec.n_rows, spec.seed, max_length=spec.max_length, tokenizer=tokenizer)
    checkpoints = store.checkpoints_folder(spec)
    checkpoints.mkdir(parents=True, exist_ok=True)
    device = backends.device(spec, backend)
    outcome = train(spec, model, tokenizer, found.rows, checkpoints, spec.max_length, device, resume=True)
    store.end_training(spec, outcome | {"rows_kept": found.kept, "rows_read": found.of})
    shutil.rmtree(checkpoints / "trainer")  # what a training goes on from


def _measure(spec: RealSpec | ReleasedSpec, step: int) -> None:
    from rsft_utils.real import generate
    from rsft_utils.real.evaluate import measure
    from rsft_utils.real.identity import base_folder

    before, ask = _cached_weights(spec, step), None

    def loaded_when_asked(*asked):
        nonlocal ask
        ask = ask or generate.opened(spec, _weights(spec, step))
        return ask(*asked)

    tokenizer = backends.load_tokenizer(base_folder(spec))
    items = measure(spec, step, loaded_when_asked, tokenizer, store.answers_folder(spec, step))
    store.save_items(store.items_file(spec, step), items, run=spec.name, step=step)
    for file in _cached_weights(spec, step) - before:  # links to the files themselves
        file.resolve().unlink()
        file.unlink(missing_ok=True)


def _weights(spec: RealSpec | ReleasedSpec, step: int):
    """What answers at a step of a run."""
    from rsft_utils.real.generate import Weights
    from rsft_utils.real.identity import base_folder
    from rsft_utils.train import checkpoint_folder

    if step == 0:
        return Weights(base_folder(spec))
    if isinstance(spec, ReleasedSpec):
        checkpoint = hub.model_folder(spec.repository, store.commit(spec), f"step{step}")
        store.keep_commit(spec, checkpoint.parent.name)
    else:
        checkpoint = checkpoint_folder(store.checkpoints_folder(spec), step)
    return Weights(base_folder(spec), checkpoint)


def _cached_weights(spec: RealSpec | ReleasedSpec, step: int) -> set[Path]:
    """The files of a published step that lie in the hub's cache."""
    if not isinstance(spec, ReleasedSpec) or step == 0:
        return set()
    folder = hub.cached("model", spec.repository, store.commit(spec))
    return set((folder / f"step{step}").glob("*.safetensors")) if folder else set()


def loss_curve(specs: Sequence[RealSpec]):
    """Training loss and learning rate of finished runs, as run.loss_curve."""
    return read_logs({spec.name: store.checkpoints_folder(spec) for spec in specs})


def fetch(spec: RealSpec | ReleasedSpec) -> None:
    """Get what a run needs from the hub, the steps of a published run excepted; refuse what cannot work."""
    _fetch_and_check(spec, backends.choose("auto", spec.method))


def train_missing(spec: RealSpec | ReleasedSpec) -> None:
    """As run.train_missing."""
    backend = backends.choose("auto", spec.method)
    with locks.held([store.run_folder(spec)]):
        if not store.is_trained(spec):
            _fetch_and_check(spec, backend)
            _in_child(_train, spec, backend)
            note_provenance(store.run_folder(spec), _in_child(backends.provenance, backend))


def measure_missing(spec: RealSpec | ReleasedSpec, step: int) -> None:
    """As run.measure_missing."""
    file = store.items_file(spec, step)
    with locks.held([file]):
        sealed.set_damaged_aside([file])
        if not file.exists():
            _fetch_and_check(spec, backends.choose("auto", spec.method))
            _in_child(_measure, spec, step)


def finish_measured(spec: RealSpec | ReleasedSpec) -> None:
    """As run.finish_measured."""
    with locks.held([store.results_folder(spec)]):
        if not store.is_complete(spec):
            backend = backends.choose("auto", spec.method)
            noted = noted_provenance(store.run_folder(spec))
            store.finish(spec, noted or _in_child(backends.provenance, backend))
