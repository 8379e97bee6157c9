"""From a summary table to one number per run: dip, gain, wave of length (definitions: notebooks/PREREG.md)."""

from collections.abc import Callable

from rsft_utils.tables import HALVES, main_decoding, of_kind

EARLY = 0.25  # share of the steps in which a dip counts
Roles = dict[str, str]  # benchmark -> ID, OOD, GEN
REASONING = ("ID", "OOD")


def gain(summary, roles: Roles, role: str):
    """Last minus base, a Series over runs (model, seed)."""
    curve = curves(summary, roles, role, "score_common")
    return curve[curve.columns.max()] - curve[0]


def last(summary, roles: Roles, role: str, metric: str = "score_common"):
    """The last step's value, a Series over runs."""
    curve = curves(summary, roles, role, metric)
    return curve[curve.columns.max()]


def ends_above(first, second) -> Callable:
    """A measure of (roles, role): last score of the first table minus that of the second, paired by base and seed."""
    return lambda *of: last(first, *of) - last(second, *of)


def dip(summary, roles: Roles, role: str, mode: str = "free"):
    """Base minus the lowest early score, per run (see `_at_chosen_step` for how the lowest step is found).

    A plain minimum lies below the base by chance alone.
    """
    return _at_chosen_step(summary, roles, role, lowest_early, lambda read, step: read[0] - read[step], mode=mode)


def recovery(summary, roles: Roles, role: str):
    """Last minus the lowest early score, per run (descriptive: a part of no claim)."""
    return _at_chosen_step(summary, roles, role, lowest_early, lambda read, step: read.iloc[-1] - read[step])


def late_drop(summary, roles: Roles, role: str):
    """Highest score at any trained step minus the last one, per run."""
    return _at_chosen_step(
        summary, roles, role, lambda curve: curve.iloc[1:].idxmax(), lambda read, step: read[step] - read.iloc[-1]
    )


def length_wave(summary, roles: Roles, role: str):
    """(peak / base - 1, 1 - last / peak, score gained after the peak), each a Series over runs; an early peak."""
    wave = (summary, roles, role, _longest_early)
    return (
        _at_chosen_step(*wave, lambda read, step: read[step] / read[0] - 1, "length", "length"),
        _at_chosen_step(*wave, lambda read, step: 1 - read.iloc[-1] / read[step], "length", "length"),
        _at_chosen_step(*wave, lambda read, step: read.iloc[-1] - read[step], "length", "score"),
    )


def regrowth(summary, roles: Roles, role: str):
    """Last length over the shortest one after the early peak, minus 1, per run."""

    def shortest_after_peak(curve):
        return curve[curve.index > _longest_early(curve)].idxmin()

    return _at_chosen_step(
        summary, roles, role, shortest_after_peak, lambda read, step: read.iloc[-1] / read[step] - 1, "length", "length"
    )


def curves(summary, roles: Roles, role: str, metric: str, mode: str = "free"):
    """Plain mean over a role's benchmarks: one row per run (model, seed), one column per step."""
    rows = of_kind(summary, mode, main_decoding(summary), metric)
    rows = rows[(rows.benchmark.map(roles) == role) & rows["mean"].notna()]
    return rows.groupby(["model", "seed", "step"])["mean"].mean().unstack("step")


def _early(curve):
    """The part of a curve (a Series over steps) in which a dip counts: trained steps up to the first quarter.

    A very short run has no step measured there, so its first one counts.
    """
    trained = curve[curve.index > 0]
    return trained[trained.index <= max(EARLY * trained.index.max(), trained.index.min())]


def lowest_early(curve):
    """The step with the lowest score of the early window."""
    return _early(curve).idxmin()


def _longest_early(curve):
    return _early(curve).idxmax()


def _at_chosen_step(
    summary,
    roles: Roles,
    role: str,
    choose: Callable,
    measure: Callable,
    chosen_on: str = "score",
    read_from: str = "score",
    mode: str = "free",
):
    """`measure(curve, step)` per run, where the step was not chosen on the numbers that it is read from.

    `choose(curve)` picks the step on one half of the items, from the mean of the runs on all other bases (with a single
    base: from the run itself); `measure` reads the other half of this run. The halves are swapped and the two averaged.
    Items' noise and a checkpoint's own wobble are thus both left out of the choice.
    """
    import pandas as pd

    chosen = {half: curves(summary, roles, role, f"{chosen_on}_{half}", mode) for half in HALVES}
    read = {half: curves(summary, roles, role, f"{read_from}_{half}", mode) for half in HALVES}
    values = {}
    for model, seed in read["a"].index:
        both = []
        for here, there in (HALVES, HALVES[::-1]):
            others = chosen[here].drop(index=model, level="model")
            step = choose(others.mean() if len(others) else chosen[here].loc[model, seed])
            both.append(measure(read[there].loc[model, seed], step))
        values[model, seed] = sum(both) / 2
    return pd.Series(values, dtype=float).rename_axis(["model", "seed"])
