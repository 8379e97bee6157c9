"""Intervals for shares and for means over benchmarks and seeds (95 %)."""

from rsft_utils.tables import main_decoding, of_kind


def wilson(hits, n):
    """Wilson score interval (low, high) of a share; scalars or arrays. Of no items there is none: not a number."""
    import numpy as np
    from statsmodels.stats.proportion import proportion_confint

    return proportion_confint(hits, np.where(np.asarray(n) > 0, n, np.nan), alpha=0.05, method="wilson")


def score_curves(summary, mode: str = "free", metric: str = "score_common"):
    """One row per benchmark and step: mean, low, high (role, chance kept).

    With one run the interval is Wilson's, over items: it says nothing about another seed. With several it is a
    t interval over the runs' means.
    """
    rows = _select(summary, mode, metric)
    keys = ["role", "benchmark", "step"]
    if rows.run.nunique() > 1:
        return _over_runs(rows, keys)
    curves = rows.reset_index(drop=True)
    curves["low"], curves["high"] = wilson(curves["mean"] * curves.n_items, curves.n_items)
    return curves[[*keys, "chance", "mean", "low", "high"]]


def role_curves(summary, mode: str = "free", metric: str = "score_common"):
    """One row per role and step: the plain mean over the role's benchmarks, with its interval and mean chance.

    With one run, items of different benchmarks are independent, so the variance of the mean of B shares is the sum of
    p(1-p)/n over B squared (normal interval, items only). With several, a t interval over the runs' means.
    """
    runs = role_means(summary, mode, metric)
    unknown = runs.pop("unknown")
    if runs.run.nunique() > 1:
        return _over_runs(runs, ["role", "step"])
    half = 1.96 * runs.variance.mask(unknown) ** 0.5 / runs.benchmarks
    return runs.assign(low=runs["mean"] - half, high=runs["mean"] + half).drop(
        columns=["run", "variance", "benchmarks"]
    )


def role_means(summary, mode: str = "free", metric: str = "score_common"):
    """One row per run, role and step: the plain mean over the role's benchmarks, and what its interval is made of."""
    rows = _select(summary, mode, metric)
    variance = rows["mean"] * (1 - rows["mean"]) / rows.n_items.where(rows.n_items > 0)
    return (
        rows.assign(variance=variance, unknown=variance.isna())
        .groupby(["run", "role", "step"], as_index=False)
        .agg(
            mean=("mean", "mean"),
            chance=("chance", "mean"),
            variance=("variance", "sum"),
            unknown=("unknown", "any"),
            benchmarks=("mean", "size"),
        )
    )


def elicited_and_learned(summary):
    """How much of each benchmark's gain the base had already, once made to think, and how much came by training.

    elicited = base forced to think - base free; learned = last checkpoint forced - base forced. One row per run and
    benchmark. Both are needed for a claim about generalisation: what was only elicited was not learned.
    """
    import pandas as pd

    scores = summary[(summary.metric == "score_common") & (summary.decoding == "greedy") & summary.higher_is_better]
    last = scores.step.max()
    wide = scores.pivot_table(index=["run", "role", "benchmark"], columns=["mode", "step"], values="mean", sort=False)
    return pd.DataFrame(
        {
            "base": wide["free", 0],
            "elicited": wide["forced", 0] - wide["free", 0],
            "learned": wide["forced", last] - wide["forced", 0],
            "final": wide["free", last],
        }
    ).reset_index()


def design_gate(summary, low: float = 0.2, high: float = 0.8):
    """Whether every ID and OOD benchmark of untrained bases leaves room to fall and to rise.

    `above_chance` is (score - chance) / (1 - chance); the gate asks for `low` to `high`. One row per base, benchmark.
    """
    rows = _select(summary, "free", "score")
    rows = rows[rows.role.isin(["ID", "OOD"]) & (rows.step == 0)]
    above = (rows["mean"] - rows.chance) / (1 - rows.chance)
    gate = rows[["model", "role", "benchmark", "chance"]].assign(
        score=rows["mean"], above_chance=above, passes=above.between(low, high)
    )
    return gate.reset_index(drop=True)


def gains(items, roles: dict[str, str], seed: int = 0):
    """Change from the base to the last checkpoint by role, paired by item, with a bootstrap interval over items.

    `roles` maps benchmarks to roles; every benchmark of a role weighs the same. The interval treats the runs as given:
    it says nothing about another seed. Columns: role, base, lowest (smallest mean at any step, which chance alone
    pushes down), at_step, last, gain, low, high.
    """
    import numpy as np
    import pandas as pd
    from scipy import stats

    columns = ["role", "base", "lowest", "at_step", "last", "gain", "low", "high"]
    free = items[(items["mode"] == "free") & (items.decoding == "greedy") & items.benchmark.isin(roles)]
    right = free.assign(right=free.outcome == "correct", role=free.benchmark.map(roles))
    last = right.step.max()
    rows = []
    for role, group in right.groupby("role", sort=False):
        means = group.groupby(["step", "benchmark"]).right.mean().groupby("step").mean()
        wide = group.pivot_table(index=["benchmark", "item", "run"], columns="step", values="right", aggfunc="first")
        change = (wide[last].astype(float) - wide[0].astype(float)).dropna()
        parts = [values.to_numpy() for _, values in change.groupby(level="benchmark")]
        rng = np.random.default_rng(seed)
        interval = stats.bootstrap(
            parts,
            lambda *samples, axis: np.mean([np.mean(sample, axis=axis) for sample in samples], axis=0),
            vectorized=True,
            n_resamples=2000,
            method="percentile",
            rng=rng,
        ).confidence_interval
        rows.append(
            {
                "role": role,
                "base": means[0],
                "lowest": means.min(),
                "at_step": means.idxmin(),
                "last": means[last],
                "gain": np.mean([part.mean() for part in parts]),
                "low": interval.low,
                "high": interval.high,
            }
        )
    return pd.DataFrame(rows, columns=columns)


def _select(summary, mode: str, metric: str):
    return of_kind(summary, mode, main_decoding(summary), metric)


def _over_runs(rows, keys: list[str]):
    from scipy import stats

    grouped = rows.groupby(keys, as_index=False, sort=False).agg(
        chance=("chance", "first"), mean=("mean", "mean"), error=("mean", "sem"), runs=("mean", "size")
    )
    half = stats.t.ppf(0.975, grouped.runs - 1) * grouped.error
    return grouped.assign(low=grouped["mean"] - half, high=grouped["mean"] + half).drop(columns=["error", "runs"])
