"""From a summary table to effects with intervals and verdicts: what the claims are made of.

An effect is measured once per run and then averaged: runs on one base first, bases after that, so that the interval
(95 %, Student's t) is over base models, the level at which runs are independent. `Effect.verdict` carries the margin.
"""

import math
from dataclasses import dataclass

MARGIN = 0.03  # three points: what a reader would call a difference
MIN_BASES = 3  # below this there is an effect and no verdict


@dataclass(frozen=True)
class Effect:
    """Mean over base models, 95 % interval, and how much stands behind it (one base: the interval is not a number)."""

    effect: float
    low: float
    high: float
    bases: int
    runs: int
    p: float = math.nan  # one-sided, that the effect is above zero

    @property
    def is_opposite(self) -> bool:
        """Whether the effect is surely the other way, and by the margin."""
        return self.high < 0 and self.effect <= -MARGIN

    @property
    def verdict(self) -> str:
        """`held`: above zero and at least the margin. `did not hold`: surely below the margin. Else inconclusive."""
        if self.bases < MIN_BASES:
            return "too few bases"
        if self.low > 0 and self.effect >= MARGIN:
            return "held"
        return "did not hold" if self.high < MARGIN else "inconclusive"


def joint_verdict(effects: list[Effect]) -> str:
    """All must hold; one that does not hold decides against."""
    verdicts = {effect.verdict for effect in effects}
    for verdict in ("too few bases", "did not hold", "inconclusive"):
        if verdict in verdicts:
            return verdict
    return "held"


def over_bases(values) -> Effect:
    """Effect of per-run values, a Series indexed by (model, seed); runs without a value are left out."""
    from scipy import stats

    values = values.dropna()
    means = values.groupby(level="model").mean()
    n, mean = len(means), float(means.mean()) if len(means) else math.nan
    if n < 2:
        return Effect(mean, math.nan, math.nan, n, len(values))
    test = stats.ttest_1samp(means, 0, alternative="greater")
    half = float(stats.t.ppf(0.975, n - 1) * stats.sem(means))
    return Effect(mean, mean - half, mean + half, n, len(values), float(test.pvalue))


def between_bases(first, second) -> Effect:
    """Effect of per-run values of one kind of base model minus another's (Welch's test over base models)."""
    from scipy import stats

    groups = [values.dropna().groupby(level="model").mean() for values in (first, second)]
    n = min(map(len, groups))
    difference, runs = float(groups[0].mean() - groups[1].mean()), len(first.dropna()) + len(second.dropna())
    if n < 2:
        return Effect(difference, math.nan, math.nan, n, runs)
    test = stats.ttest_ind(*groups, equal_var=False, alternative="two-sided")
    low, high = test.confidence_interval()
    above = stats.ttest_ind(*groups, equal_var=False, alternative="greater")
    return Effect(difference, float(low), float(high), n, runs, float(above.pvalue))


def prediction_interval(values) -> tuple[float, float]:
    """Where one more run would fall with 95 % probability, given the per-run values of the others (normal model)."""
    from scipy import stats

    values = values.dropna()
    n = len(values)
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) * (1 + 1 / n) ** 0.5) if n > 1 else math.inf
    return float(values.mean()) - half, float(values.mean()) + half
