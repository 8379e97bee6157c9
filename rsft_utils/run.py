"""From specs to tables: train and measure what is missing, side by side, one thread each; find the rest in the store.

Training and measuring overlap: a checkpoint is measured by one worker while another trains on. After an interruption
every finished training and every measured checkpoint is found again.
"""

import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from rsft_utils import store
from rsft_utils.specs import RunSpec
from rsft_utils.train import checkpoint_folder

MAX_TOKENS = 320  # longest fine-tuning row, prompt and completion together
# work units of the progress bar, in training steps: what measuring one checkpoint costs
UNITS_MIDDLE, UNITS_END = 40, 200


@dataclass(frozen=True)
class Results:
    """The two tables (see tables.py) of one or more complete runs."""

    items: "pandas.DataFrame"  # noqa: F821
    summary: "pandas.DataFrame"  # noqa: F821


def results(specs: list[RunSpec], workers: int | None = None, progress: bool = True) -> Results:
    """The tables of the runs, after training and measuring whatever the store does not hold yet.

    `workers` processes (default: one per core, at most 4) work side by side. Raises TrainingError as `train` does.
    """
    import pandas as pd

    missing = [spec for spec in specs if not store.is_complete(spec)]
    if missing:
        _make(missing, workers or min(4, os.cpu_count() or 1), progress)
    tables = [store.load(spec) for spec in specs]
    return Results(*(pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)))


def _make(specs: list[RunSpec], workers: int, progress: bool) -> None:
    started = time.monotonic()
    with _single_threaded_pool(workers) as pool, _Progress(specs, progress) as bar:
        untrained = [spec for spec in specs if not store.is_trained(spec)]
        for spec in untrained:
            store.begin_training(spec)
        pending: set[Future] = {pool.submit(_train, spec) for spec in untrained}
        measuring: dict[tuple[RunSpec, int], Future] = {}
        unfinished = list(specs)
        while unfinished:
            for spec in unfinished:
                for step in spec.steps:
                    if (spec, step) not in measuring and _can_be_measured(spec, step):
                        measuring[spec, step] = pool.submit(_measure, spec, step)
                        pending.add(measuring[spec, step])
            done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()  # raises what the worker raised
            for spec in [s for s in unfinished if store.is_trained(s) and _all_measured(s)]:
                store.finish(spec, _provenance(time.monotonic() - started))
                unfinished.remove(spec)
            bar.update()


def _can_be_measured(spec: RunSpec, step: int) -> bool:
    if store.items_file(spec, step).exists():
        return False
    return step == 0 or checkpoint_folder(store.checkpoints_folder(spec), step).exists()


def _all_measured(spec: RunSpec) -> bool:
    return all(store.items_file(spec, step).exists() for step in spec.steps)


def _train(spec: RunSpec) -> None:
    from rsft_utils.micro import bases, sft_data, symbols
    from rsft_utils.train import train

    rows = sft_data.rows(spec.dataset, spec.n_rows, spec.seed)
    folder = store.checkpoints_folder(spec)
    store.end_training(spec, train(spec, bases.load(spec.base), symbols.make_tokenizer(), rows, folder, MAX_TOKENS))


def _measure(spec: RunSpec, step: int) -> None:
    from rsft_utils.evaluate import ENDS, EVERY_STEP, measure

    at_end = step in (0, spec.total_steps)
    model = load_checkpoint(spec, step)
    items = measure(model, spec.n_items_ends if at_end else spec.n_items, ENDS if at_end else EVERY_STEP)
    store.save_items(spec, step, items)


def load_checkpoint(spec: RunSpec, step: int):
    """The model of a run at an evaluated step (0: its base model), in float32 and evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM

    from rsft_utils.micro import bases

    if step == 0:
        return bases.load(spec.base)
    folder = checkpoint_folder(store.checkpoints_folder(spec), step)
    if spec.method == "lora":
        from peft import PeftModel

        return PeftModel.from_pretrained(bases.load(spec.base), folder).merge_and_unload().eval()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


@contextmanager
def _single_threaded_pool(workers: int):
    # One thread per worker: for models this small two processes beat two threads by far, and results repeat bit for
    # bit. OpenMP reads the variable when a worker starts.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_quiet_worker)
    try:
        yield pool
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _quiet_worker() -> None:
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


class _Progress:
    """One line: share done, time left, and what every unfinished run is doing."""

    def __init__(self, specs: list[RunSpec], shown: bool):
        from tqdm import tqdm

        self.specs = specs
        total = sum(spec.total_steps + self._units(spec, spec.steps) for spec in specs)
        self.bar = tqdm(
            total=total,
            disable=not shown,
            file=sys.stdout,
            mininterval=1,
            bar_format="{percentage:3.0f} % |{bar:20}| {elapsed} gone, about {remaining} left  {desc}",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()

    @staticmethod
    def _units(spec: RunSpec, steps) -> int:
        return sum(UNITS_END if step in (0, spec.total_steps) else UNITS_MIDDLE for step in steps)

    def update(self) -> None:
        done, words = 0, []
        for spec in self.specs:
            measured = [step for step in spec.steps if store.items_file(spec, step).exists()]
            trained = spec.total_steps if store.is_trained(spec) else _last_logged_step(spec)
            done += trained + self._units(spec, measured)
            words.append(f"seed {spec.seed}: step {trained}/{spec.total_steps}, {len(measured)}/{len(spec.steps)} measured")
        self.bar.n = done
        self.bar.set_description_str("; ".join(words), refresh=False)
        self.bar.refresh()


def _last_logged_step(spec: RunSpec) -> int:
    log = store.checkpoints_folder(spec) / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


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
