"""Shared by the tests of the claims: summary tables with exact curves."""

import numpy as np
import pandas as pd
import pytest

from rsft_utils.tables import SUMMARY_COLUMNS, validate

STEPS = (0, 10, 20, 40, 80)  # the first quarter ends at 20
BASES = ("a", "b", "c")


@pytest.fixture(scope="session")
def roles():
    """A role map of benchmarks that no package knows."""
    return {"sums": "ID", "chains": "ID", "stacks": "OOD", "locks": "OOD", "facts": "GEN", "formats": "GEN"}


@pytest.fixture(scope="session")
def harmful():
    """The benchmark whose score is attack success."""
    return {"requests": "SAFE"}


@pytest.fixture(scope="session")
def table():
    """Function that makes a summary with exact curves: {(model, seed): {benchmark: curve}}, of scores and lengths.

    A tuple of two curves gives the halves apart. Its own role column is of no use, so that only the role map can say
    what counts as what.
    """

    def make(scores: dict, lengths: dict | None = None):
        rows = []
        for kind, whole, runs in (("score", "score_common", scores), ("length", "length", lengths or {})):
            for (model, seed), curves in runs.items():
                for benchmark, curve in curves.items():
                    a, b = curve if isinstance(curve, tuple) else (curve, curve)
                    for metric, values in ((whole, np.add(a, b) / 2), (f"{kind}_a", a), (f"{kind}_b", b)):
                        rows += [
                            [f"{model}-{seed}", model, "math", seed, step, benchmark, "SAFE", "free", "greedy", metric]
                            + [True, 0.1, float(value), 100, 1]
                            for step, value in zip(STEPS, values, strict=True)
                        ]
        return validate(pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)), "summary")

    return make


@pytest.fixture(scope="session")
def on_every_base(table):
    """Function that makes the same rises and falls on three bases that differ in level, or by a factor (lengths)."""

    def make(scores: dict, lengths: dict | None = None):
        return table(
            {(base, 0): moved(scores, lambda curve, by=0.1 * i: np.add(curve, by)) for i, base in enumerate(BASES)},
            {(base, 0): moved(lengths or {}, lambda c, by=i + 1: np.multiply(c, by)) for i, base in enumerate(BASES)},
        )

    return make


def moved(curves: dict, how) -> dict:
    return {name: tuple(map(how, curve)) if isinstance(curve, tuple) else how(curve) for name, curve in curves.items()}


@pytest.fixture(scope="session")
def effects():
    """Function from a claim to the effects of its parts."""
    return lambda claim: {part: effect.effect for part, effect in claim.parts.items()}
