"""How cost grows: two workers against one, runs and checkpoints from 1 to 8, and how much of the processor is used.

Small runs of size XS in a store of their own. Times include the start of the workers, which a longer run hides.
"""

import os
import statistics
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rsft_utils import paths
from rsft_utils.bench.machine import keep
from rsft_utils.bench.training import trained
from rsft_utils.specs import RunSpec, default_spec

COUNTS = (1, 2, 4, 8)
RUN = RunSpec(size="XS", learning_rate=3e-4, n_rows=640, epochs=2, n_items=20, n_items_ends=20)  # 40 steps
WORKERS_RUNS = 4
MATRIX = 1024
TRAINED_ROWS = 320


def main() -> None:
    """Measure, print a table, and write data/bench/scaling.csv."""
    import pandas as pd

    os.environ["OMP_NUM_THREADS"] = "1"
    _runs(1, workers=1)  # what is read from the disk or set up once, by anything, is nobody's cost
    _checkpoints((1,))
    rows = [
        *_growth("runs one after the other", {n: _runs(n, workers=1) for n in COUNTS}),
        *_growth("checkpoints measured", _checkpoints(COUNTS)),
        *_workers(),
        *_share(),
    ]
    table = pd.DataFrame(rows, columns=["what", "n", "value", "unit", "ratio"]).round(3)
    keep(table, "scaling")


def _growth(what: str, seconds: dict[int, float]) -> list[tuple]:
    """`ratio`: seconds per one, relative to a single one. 1 is linear, below 1 is better."""
    return [(what, n, taken, "seconds", taken / n / seconds[1]) for n, taken in seconds.items()]


def _workers() -> list[tuple]:
    """`ratio`: how many times faster than one worker."""
    seconds = {workers: _runs(WORKERS_RUNS, workers) for workers in (1, 2)}
    return [
        (f"{WORKERS_RUNS} runs by so many workers", workers, taken, "seconds", seconds[1] / taken)
        for workers, taken in seconds.items()
    ]


def _runs(n: int, workers: int) -> float:
    """Seconds that `n` runs take from nothing to their tables."""
    from rsft_utils.run import results

    with _own_store():
        specs = [replace(RUN, seed=seed) for seed in range(n)]
        started = time.monotonic()
        results(specs, workers=workers, progress=False)
        return time.monotonic() - started


def _checkpoints(counts: tuple[int, ...]) -> dict[int, float]:
    """Seconds that measuring so many models takes, all alike."""
    import torch

    from rsft_utils.evaluate import measure
    from rsft_utils.micro import bases

    torch.set_num_threads(1)
    found = {}
    for n in counts:
        started = time.monotonic()
        for _ in range(n):
            measure(bases.load(RUN.base), RUN.n_items)
        found[n] = time.monotonic() - started
    return found


def _share() -> list[tuple]:
    """What training does in products of matrices per second, beside the rate of one large product (`ratio`: share)."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for size in ("XS", "S"):
        flops, rate = _training_flops(size), _matrix_flops()
        rows.append((f"training {size}, useful products of matrices", 1, flops / 1e9, "GFLOP/s", flops / rate))
    return [("a product of two large float32 matrices", 1, rate / 1e9, "GFLOP/s", 1.0), *rows]


def _matrix_flops() -> float:
    import torch

    a, b = torch.rand(2, MATRIX, MATRIX)
    seconds = []
    for _ in range(20):
        started = time.monotonic()
        a @ b
        seconds.append(time.monotonic() - started)
    return 2 * MATRIX**3 / statistics.median(seconds)


def _training_flops(size: str) -> float:
    """Floating point operations per second in the linear layers, forwards and backwards, on tokens of rows alone."""
    import torch

    model, outcome = trained(default_spec(size, n_rows=TRAINED_ROWS, epochs=1))
    linear = sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, torch.nn.Linear))
    return 6 * linear * outcome["tokens"] / outcome["seconds"]


@contextmanager
def _own_store():
    """A run store that nothing is found in and that is gone afterwards; workers read the variable."""
    before, variable = paths.RUNS, os.environ.get("RSFT_RUNS")
    with tempfile.TemporaryDirectory() as folder:
        paths.RUNS, os.environ["RSFT_RUNS"] = Path(folder), folder
        try:
            yield
        finally:
            paths.RUNS = before
            if variable is None:
                del os.environ["RSFT_RUNS"]
            else:
                os.environ["RSFT_RUNS"] = variable
