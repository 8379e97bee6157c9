"""From specs of real models to tables: one run after the other, since one card holds one model.

Training and measuring happen in child processes, so that the card is free afterwards, Unsloth is imported first, and a
crash takes nothing with it. What is finished is found again: a training goes on at its last checkpoint, an evaluation
at its next answer. Of published checkpoints nothing is trained; one step after the other is downloaded (only if an
answer is missing), answers, and is deleted again, unless the hub's cache held it before. Two processes that want the
same run make it once.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path

from rsft_utils import processes, workers
from rsft_utils.durable import locks, sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.progress import Line, last_logged_step
from rsft_utils.real import backends, benchmarks, hub, identity, store
from rsft_utils.real.evaluate import answers_file, counted, n_items_at
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec
from rsft_utils.run import Results, joined, read_logs
from rsft_utils.store import note_provenance, noted_provenance


class RunError(RuntimeError):
    """A run cannot go on; the message says why, what is kept, and what to do."""


class _CheckpointLost(Exception):
    """The checkpoint that should answer is not there, or was damaged and is set aside: it has to be trained again."""


def results(specs: Sequence[RealSpec | ReleasedSpec], backend: str = "auto") -> Results:
    """The tables of the runs, after training and measuring whatever the store does not hold yet.

    Prints a line per stage. Raises RunError, and what training and measuring raise; SystemExit with status 143 on
    SIGTERM.
    """
    identity.look_again()
    for spec in specs:
        if not store.is_complete(spec):
            with locks.held([store.run_folder(spec)]):
                if not store.is_complete(spec):  # one that we had to wait for is there now
                    _make(spec, backends.choose(backend, spec.method))
    return joined([store.load(spec) for spec in specs])


def _make(spec: RealSpec | ReleasedSpec, backend: str) -> None:
    started = time.monotonic()
    _fetch_and_check(spec, backend)
    store.begin(spec)
    if not store.is_trained(spec):
        _make_checkpoints(spec, backend)
    # of published weights only a download tells whether they are there: the base model last
    order = (*spec.steps[1:], 0) if isinstance(spec, ReleasedSpec) else spec.steps
    for step in order:
        # other runs share the answers of the base; those of a checkpoint may be the job of another process
        with locks.held([store.answers_folder(spec, step)]):
            if not store.is_measured(spec, step):
                _make_answers(spec, step, backend)
    store.finish(
        spec, _in_child(backends.provenance, backend, spec.method) | {"seconds": round(time.monotonic() - started)}
    )


def _make_checkpoints(spec: RealSpec, backend: str) -> None:
    print(f"{spec.name}: training, {spec.total_steps} steps ({backend})", flush=True)
    store.begin_training(spec)
    steps = partial(last_logged_step, store.checkpoints_folder(spec))
    _in_child(_train, spec, backend, store.run_folder(spec).name, shown=(spec.total_steps, steps, "steps trained"))
    shutil.rmtree(store.checkpoints_folder(spec) / "trainer")  # what a training goes on from


def _make_answers(spec: RealSpec | ReleasedSpec, step: int, backend: str) -> None:
    print(f"{spec.name}: measuring step {step}", flush=True)
    total = spec.samples * sum(len(benchmarks.items(name, n_items_at(spec, step))) for name in spec.benchmarks)
    folder = store.answers_folder(spec, step)
    there = counted([answers_file(spec, name, folder) for name in spec.benchmarks])
    measure = partial(_in_child, _measure, spec, step, store.run_folder(spec).name, shown=(total, there, "answers"))
    try:
        measure()
    except _CheckpointLost:
        _make_checkpoints(spec, backend)
        measure()


def _fetch_and_check(spec: RealSpec | ReleasedSpec, backend: str) -> None:
    """Get what is small and refuse what cannot work, in this process: in Colab only the notebook can read a token."""
    backends.check(spec, backend)
    backends.check(spec, "transformers")  # which measures
    fetch(spec)


def _in_child(function: Callable, *arguments, shown: tuple[int, Callable[[], int], str] | None = None):
    """What a function returns in a child process. `shown` by a progress line: the total, how much is done, of what."""
    try:
        with workers.pool(1) as pool:
            future = pool.submit(function, *arguments)
            if shown:
                _watch(future, *shown)
            return future.result()
    except workers.WorkerDied:
        raise RunError(
            f"the process that was {function.__name__.strip('_').removesuffix('e')}ing died (out of memory?). "
            "What was finished is kept: run the same again, or take a smaller preset."
        ) from None


def _watch(future: Future, total: int, count: Callable[[], int], what: str) -> None:
    with Line(total, min(count(), total)) as line:
        ended = False
        while not ended:
            ended = bool(wait([future], timeout=1).done)
            done = min(count(), total)  # other runs may have had more answers of a base
            line.update(done, f"{done}/{total} {what}")


def _check_is(run: str, spec: RealSpec | ReleasedSpec) -> None:
    """In a child: nothing of what the run is made from may have changed since its runner found it."""
    if store.run_folder(spec).name != run:
        raise RunError(
            f"the data or the base model of {spec.name} changed while it was made. What was finished is kept: run the "
            "same again for a new run of what lies there now, or restore what was there to go on with this one."
        )


def _train(spec: RealSpec, backend: str, run: str) -> None:
    from rsft_utils.real import datasets
    from rsft_utils.real.identity import base_folder

    _check_is(run, spec)
    folder = base_folder(spec)
    model, tokenizer = backends.load_for_training(spec, folder, backend)
    from rsft_utils.train import train  # only now: Unsloth must be imported before transformers

    found = datasets.rows(spec.dataset, spec.n_rows, spec.seed, max_length=spec.max_length, tokenizer=tokenizer)
    checkpoints, device = store.checkpoints_folder(spec), backends.device(spec, backend)
    outcome = train(spec, model, tokenizer, found.rows, checkpoints, spec.max_length, device, resume=True)
    if processes.is_first():
        store.end_training(spec, outcome | {"rows_kept": found.kept, "rows_read": found.of})


def _measure(spec: RealSpec | ReleasedSpec, step: int, run: str) -> None:
    from rsft_utils.real import generate
    from rsft_utils.real.evaluate import measure
    from rsft_utils.real.identity import base_folder

    _check_is(run, spec)
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

    if step == 0:
        return Weights(base_folder(spec))
    if isinstance(spec, ReleasedSpec):
        checkpoint = hub.model_folder(spec.repository, store.commit(spec), f"step{step}")
        store.keep_commit(spec, checkpoint.parent.name)
    else:
        checkpoint = checkpoint_folder(store.checkpoints_folder(spec), step)
        sealed.set_damaged_aside([checkpoint])
        if not checkpoint.exists():
            raise _CheckpointLost
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
    """Get what a run needs from the hub, the steps of a published run excepted; it may be used on another machine."""
    from rsft_utils.real.identity import base_folder

    for name in spec.benchmarks:
        benchmarks.check_scorable(name, benchmarks.items(name, spec.n_items_ends))
    store.run_folder(spec)  # reads the data file
    base_folder(spec)


def train_missing(spec: RealSpec | ReleasedSpec) -> None:
    """As run.train_missing."""
    backend = backends.choose("auto", spec.method)
    with locks.held([store.run_folder(spec)]):
        if store.is_complete(spec):
            return
        _fetch_and_check(spec, backend)
        store.begin(spec)
        if not store.is_trained(spec):
            _make_checkpoints(spec, backend)
            note_provenance(store.run_folder(spec), _in_child(backends.provenance, backend, spec.method))


def measure_missing(spec: RealSpec | ReleasedSpec, step: int) -> None:
    """As run.measure_missing. Raises RunError if the checkpoint is lost."""
    _fetch_and_check(spec, backends.choose("auto", spec.method))
    with locks.held([store.answers_folder(spec, step)]):
        if not store.is_measured(spec, step):
            try:
                _in_child(_measure, spec, step, store.run_folder(spec).name)
            except _CheckpointLost:
                raise RunError(f"the checkpoint of step {step} of {spec.name} is lost: train the run again") from None


def finish_measured(spec: RealSpec | ReleasedSpec) -> None:
    """As run.finish_measured."""
    with locks.held([store.run_folder(spec)]):
        if not store.is_complete(spec):
            store.begin(spec)
            backend = backends.choose("auto", spec.method)
            noted = noted_provenance(store.run_folder(spec))
            store.finish(spec, noted or _in_child(backends.provenance, backend, spec.method))
