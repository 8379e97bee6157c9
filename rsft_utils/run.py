"""From specs to tables: train and measure what is missing, side by side, one thread each; find the rest in the store.

Training and measuring overlap: a checkpoint is measured by one worker while another trains on. After an interruption
every measured checkpoint is found again, and a training goes on from its last state. Two processes that want the same
run make it once.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rsft_utils import store
from rsft_utils.durable import locks, sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.evaluate import ENDS_ONLY, MADE_TO, MAX_NEW_TOKENS, measure
from rsft_utils.generate import Sampling, generate
from rsft_utils.progress import Line, RunsLine
from rsft_utils.specs import RunSpec
from rsft_utils.tables import summarise
from rsft_utils.train import train
from rsft_utils.workers import single_threaded_pool

MAX_TOKENS = 256  # longest fine-tuning row, prompt and completion together
EXTRA_ITEMS = 200  # per benchmark in the modes that only base and last checkpoint are asked in


@dataclass(frozen=True)
class Results:
    """The two tables (see tables.py) of one or more complete runs."""

    items: "pandas.DataFrame"  # noqa: F821
    summary: "pandas.DataFrame"  # noqa: F821


def results(
    specs: list[RunSpec], workers: int | None = None, progress: bool = True, also_bases: Sequence[str] = ()
) -> Results:
    """The tables of the runs, after training and measuring whatever the store does not hold yet.

    `workers` processes (default: one per core, at most 4) work side by side; they also measure `also_bases`, for a
    later base_results. Raises TrainingError as `train` does, WorkerDied, and SystemExit with status 143 on SIGTERM.
    """
    missing = _incomplete(specs)
    with locks.held(store.run_folder(spec) for spec in missing):
        # those we had to wait for are there now
        if missing := _incomplete(missing):
            _make(missing, workers or _default_workers(), progress, also_bases)
    return joined([store.load(spec) for spec in specs])


def train_missing(spec: RunSpec) -> None:
    """Train a run unless the store has its checkpoints: the part of `results` that is one job of a grid.

    Another process may measure the checkpoints meanwhile (measure_missing). Raises as `results` does.
    """
    with locks.held([store.run_folder(spec)]):
        if store.is_complete(spec):
            return
        store.begin(spec)
        if _needs_training(spec):
            started = time.monotonic()
            store.begin_training(spec)
            with single_threaded_pool(1) as pool:
                pool.submit(_train, spec).result()
            store.note_provenance(store.run_folder(spec), _provenance(time.monotonic() - started))


def measure_missing(spec: RunSpec, step: int) -> None:
    """Measure a run at one of its steps unless the store has it: the other kind of job.

    Raises ValueError if its checkpoint is missing; a damaged one is set aside first.
    """
    if step and sealed.problem(store.items_file(spec, step)):
        sealed.set_damaged_aside([checkpoint_folder(store.checkpoints_folder(spec), step)])
    with single_threaded_pool(1) as pool:
        pool.submit(_measure, spec, step).result()


def finish_measured(spec: RunSpec) -> None:
    """Declare a run complete of which every step is measured. Raises FileNotFoundError if one is not."""
    with locks.held([store.run_folder(spec)]):
        if not store.is_complete(spec):
            store.begin(spec)
            store.finish(spec, store.noted_provenance(store.run_folder(spec)) or _provenance(0))


def base_results(bases: Sequence[str], n_items: int = 500, workers: int | None = None) -> Results:
    """The tables of base models alone, measured if they have not been (a run of one of them does the same)."""
    import pandas as pd

    files = {base: store.base_items_file(base, n_items) for base in bases}
    missing = [base for base in bases if sealed.problem(files[base])]
    if missing:
        with single_threaded_pool(workers or _default_workers()) as pool, Line(len(missing)) as line:
            pending = {pool.submit(_measure_base, base, n_items) for base in missing}
            while pending:
                done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                line.update(len(missing) - len(pending), f"measuring {', '.join(missing)}")
    tables = []
    for base, file in files.items():
        items = pd.read_parquet(file)
        tables.append((items, summarise(items, model=base, dataset="none", seed=0)))
    return joined(tables)


def loss_curve(specs: Sequence[RunSpec]):
    """Training loss and learning rate of complete runs: columns run, step, loss, rate, one row per ten steps."""
    return read_logs({spec.name: store.checkpoints_folder(spec) for spec in specs})


def read_logs(folders: dict):
    """The logs that `train` wrote into the folders, by name of the run."""
    import pandas as pd

    logs = [pd.read_json(folder / "log.jsonl", lines=True).assign(run=run) for run, folder in folders.items()]
    return pd.concat(logs, ignore_index=True)[["run", "step", "loss", "rate"]]


def joined(tables) -> Results:
    """One Results of several pairs of tables."""
    import pandas as pd

    return Results(*(pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)))


def _incomplete(specs: Sequence[RunSpec]) -> list[RunSpec]:
    return [spec for spec in specs if not store.is_complete(spec)]


def _default_workers() -> int:
    return min(4, os.cpu_count() or 1)


def _make(specs: list[RunSpec], workers: int, progress: bool, also_bases: Sequence[str]) -> None:
    started = time.monotonic()
    files = {base: store.base_items_file(base, specs[0].n_items_ends) for base in also_bases}
    for spec in specs:
        store.begin(spec)  # from here on, what has its record is whole
    with single_threaded_pool(workers) as pool, RunsLine(specs, progress) as line:
        untrained = [spec for spec in specs if _needs_training(spec)]
        for spec in untrained:
            store.begin_training(spec)
        pending: set[Future] = {pool.submit(_train, spec) for spec in untrained}
        submitted = {file for file in files.values() if sealed.problem(file)}
        pending |= {pool.submit(_measure_base, b, specs[0].n_items_ends) for b in files if files[b] in submitted}
        unfinished = list(specs)
        while unfinished or pending:
            for spec in unfinished:
                for step in _measurable(spec):
                    if (file := store.items_file(spec, step)) not in submitted:
                        submitted.add(file)
                        pending.add(pool.submit(_measure, spec, step))
            done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()  # raises what the worker raised
            for spec in [spec for spec in unfinished if store.is_trained(spec) and not _unmeasured(spec)]:
                store.finish(spec, _provenance(time.monotonic() - started))
                unfinished.remove(spec)
            line.look()


def _needs_training(spec: RunSpec) -> bool:
    """Whether it has not been trained, or a checkpoint is gone before it was measured."""
    return not store.is_trained(spec) or _measurable(spec) != _unmeasured(spec)


def _unmeasured(spec: RunSpec) -> list[int]:
    return [step for step in spec.steps if not sealed.is_sealed(store.items_file(spec, step))]


def _measurable(spec: RunSpec) -> list[int]:
    folder = store.checkpoints_folder(spec)
    return [step for step in _unmeasured(spec) if step == 0 or sealed.is_sealed(checkpoint_folder(folder, step))]


def _train(spec: RunSpec) -> None:
    from rsft_utils.micro import bases, symbols

    rows, folder = training_rows(spec), store.checkpoints_folder(spec)
    model, tokenizer = bases.load(spec.base), symbols.make_tokenizer()
    store.end_training(spec, train(spec, model, tokenizer, rows, folder, MAX_TOKENS, resume=True))


def training_rows(spec: RunSpec) -> list[dict]:
    """The rows that a run trains on, in their order.

    `own-samples`: the maths prompts with what the base itself answers, sampled at temperature 1; answers that do not
    end are left out and the others repeated in turn, so that the number of rows stays.
    """
    from rsft_utils.micro import bases, sft_data, symbols
    from rsft_utils.micro.item import shown

    mirrored = bases.is_mirrored(spec.world)
    if spec.dataset != "own-samples":
        return sft_data.rows(spec.dataset, spec.n_rows, spec.seed, mirrored)
    model = bases.load(spec.base)
    prompts = [shown(item.prompt, mirrored) for item in sft_data.queries(spec.dataset, spec.n_rows, spec.seed)]
    ids = [symbols.encode(f"{symbols.USER} {prompt} {symbols.ASSISTANT}") for prompt in prompts]
    answers = generate(model, ids, MAX_NEW_TOKENS, sampling=Sampling(temperature=1.0, top_p=1.0, seed=spec.seed))
    ended = [
        sft_data.row(prompt, symbols.decode(answer[:-1]))
        for prompt, answer in zip(prompts, answers, strict=True)
        if answer[-1] == model.config.eos_token_id and len(answer) > 1
    ]
    return [ended[i % len(ended)] for i in range(spec.n_rows)]


def _measure(spec: RunSpec, step: int) -> None:
    from rsft_utils.micro import bases

    if step == 0:
        _measure_base(spec.base, spec.n_items_ends)
        return
    with _to_be_measured(store.items_file(spec, step)) as file:
        if file:
            model, mirrored = load_checkpoint(spec, step), bases.is_mirrored(spec.world)
            if step == spec.total_steps:
                items = _measure_end(model, spec.n_items_ends, mirrored)
            else:
                items = _measure_middle(model, spec.n_items, mirrored)
            store.save_items(file, items, run=spec.name, step=step)


def _measure_base(base: str, n_items: int) -> None:
    from rsft_utils.micro import bases

    with _to_be_measured(store.base_items_file(base, n_items)) as file:
        if file:
            items = _measure_end(bases.load(base), n_items, bases.is_mirrored(bases.world_of(base)))
            store.save_items(file, items, run=base, step=0)


@contextmanager
def _to_be_measured(file: Path) -> Iterator[Path | None]:
    """The file while it is locked, or None if it is there: another run or another job may measure the same."""
    with locks.held([file]):
        sealed.set_damaged_aside([file])
        yield None if sealed.is_sealed(file) else file


def _measure_middle(model, n_items: int, mirrored: bool):
    import pandas as pd

    extra = measure(model, min(n_items, EXTRA_ITEMS), MADE_TO, benchmarks=("harmful",), mirrored=mirrored)
    return pd.concat([measure(model, n_items, mirrored=mirrored), extra], ignore_index=True)


def _measure_end(model, n_items: int, mirrored: bool):
    import pandas as pd

    extra = measure(model, min(n_items, EXTRA_ITEMS), ENDS_ONLY, mirrored=mirrored)
    return pd.concat([measure(model, n_items, mirrored=mirrored), extra], ignore_index=True)


def load_checkpoint(spec: RunSpec, step: int):
    """The model of a run at an evaluated step (0: its base model), in float32 and evaluation mode.

    Raises ValueError if the checkpoint is not there or damaged.
    """
    from rsft_utils.micro import bases
    from rsft_utils.micro.models import load_model

    if step == 0:
        return bases.load(spec.base)
    folder = checkpoint_folder(store.checkpoints_folder(spec), step)
    if why := sealed.problem(folder):
        raise ValueError(f"the checkpoint {folder} cannot be used: {why}")
    if spec.method == "lora":
        from peft import PeftModel

        return PeftModel.from_pretrained(bases.load(spec.base), folder).merge_and_unload().eval()
    return load_model(folder)


def _provenance(seconds: float) -> dict:
    """Versions, processor and seconds: what explains a difference but does not make another run."""
    import platform
    from importlib.metadata import version

    libraries = ("torch", "transformers", "trl", "peft", "numpy")
    return {
        "versions": {name: version(name) for name in libraries},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "seconds": round(seconds, 1),
    }
