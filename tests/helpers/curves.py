"""Summary tables of runs whose curves are told by role or benchmark."""

import pandas as pd

from rsft_utils import tables
from rsft_utils.micro.benchmarks import BENCHMARKS

STEPS = (0, 10, 320, 640)
WAVE = (40, 80, 60, 30)  # tokens per answer


def summary(specs, scores, lengths=WAVE, steps=STEPS):
    """A table with the same curve for all benchmarks of a role, and flat ones where none is given."""
    rows = []
    for spec in specs:
        for name, benchmark in BENCHMARKS.items():
            score = scores.get(name, scores.get(benchmark.role, (0.5,) * len(steps)))
            for kind, curve in {"score": score, "length": lengths}.items():
                for metric in (f"{kind}_common" if kind == "score" else kind, f"{kind}_a", f"{kind}_b"):
                    rows += [
                        [spec.name, spec.base, spec.dataset, spec.seed, step, name, benchmark.role, "free", "greedy"]
                        + [metric, benchmark.higher_is_better, 0.1, float(value), 100, 1]
                        for step, value in zip(steps, curve, strict=True)
                    ]
    return tables.validate(pd.DataFrame(rows, columns=list(tables.SUMMARY_COLUMNS)), "summary")
