"""The paper's claims about short and long training (C1-C8): summary tables and a role map in, effects and verdict out.

A role map says which benchmark counts as in-domain (ID), out of domain (OOD) or general (GEN). No claim knows a model
or a data set by name: the caller says which table holds which kind of run. Definitions stand in notebooks/PREREG.md.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from rsft_utils.effects import Effect, joint_verdict, over_bases
from rsft_utils.tables import HALVES

EARLY = 0.25  # share of the steps in which a dip counts
Roles = dict[str, str]
COLUMNS = (
    "claim", "statement", "part", "effect", "low", "high", "bases", "runs", "p", "part_verdict", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A claim, the effects that it needs (each in the direction that the claim says), and what they amount to."""

    id: str
    statement: str
    parts: dict[str, Effect]

    @property
    def verdict(self) -> str:
        return joint_verdict(list(self.parts.values()))


def as_table(claims: list[Claim]):
    """One row per part of every claim, with COLUMNS."""
    import pandas as pd

    rows = [
        {
            "claim": claim.id,
            "statement": claim.statement,
            "part": part,
            **asdict(effect),
            "part_verdict": effect.verdict,
            "verdict": claim.verdict,
        }
        for claim in claims
        for part, effect in claim.parts.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def c1_short_runs_look_like_memorising(one_epoch, roles: Roles) -> Claim:
    """After one epoch the maths is better than the base's and the other reasoning is worse."""
    return Claim(
        "C1",
        "after one epoch: better in domain, worse out of domain",
        {"ID gain": over_bases(gain(one_epoch, roles, "ID")), "OOD loss": over_bases(-gain(one_epoch, roles, "OOD"))},
    )


def c2_smaller_rate_is_weaker(one_epoch, slower: dict[str, "pandas.DataFrame"], roles: Roles) -> Claim:  # noqa: F821
    """A fifth of the rate gains less out of domain than the full rate does in one epoch; `slower`: label -> table."""
    full = gain(one_epoch, roles, "OOD")
    return Claim(
        "C2",
        "at a fifth of the rate: less gain out of domain",
        {label: over_bases(full - gain(table, roles, "OOD")) for label, table in slower.items()},
    )


def c3_dip_and_recovery(long_run, roles: Roles, role: str = "OOD") -> Claim:
    """The score falls below the base early and ends above it."""
    return Claim(
        f"C3 {role}",
        f"{role}: falls below the base in the first quarter, ends above it",
        {"dip": over_bases(dip(long_run, roles, role)), "gain": over_bases(gain(long_run, roles, role))},
    )


def c4_length_surges_then_shrinks(long_run, roles: Roles, role: str = "OOD") -> Claim:
    """Answers grow early and shrink while the score rises. Lengths are relative: 1.0 is twice as long."""
    surge, shrink, rise = length_wave(long_run, roles, role)
    return Claim(
        f"C4 {role}",
        f"{role}: answers grow early, then shrink while accuracy rises",
        {"surge": over_bases(surge), "shrink": over_bases(shrink), "score after the peak": over_bases(rise)},
    )


def c5_holds_for_another_teacher(second_teacher, roles: Roles, role: str = "OOD") -> Claim:
    """C3 and C4 with the same queries answered in another teacher's style."""
    same = (c3_dip_and_recovery, c4_length_surges_then_shrinks)
    parts = {part: effect for claim in same for part, effect in claim(second_teacher, roles, role).parts.items()}
    return Claim("C5", f"{role}: dip, recovery and length wave with a second teacher", parts)


def c6_repetition_beats_one_pass(repeated, one_pass, roles: Roles) -> Claim:
    """At equal steps, a few rows seen eight times end higher than eight times the rows seen once."""
    return Claim(
        "C6",
        "equal steps: eight passes over an eighth of the rows end higher than one pass over all",
        _differences(repeated, one_pass, roles, ("ID", "OOD", "GEN")),
    )


def c7_diversity_still_helps(diverse, repeated, roles: Roles) -> Claim:
    """At equal steps and epochs, eight times the rows (and the batch) end higher."""
    return Claim(
        "C7",
        "equal steps and epochs: eight times the rows end higher (batch eight times as large)",
        _differences(diverse, repeated, roles, ("ID", "OOD", "GEN")),
    )


def c8_overfitting_needs_an_aggressive_schedule(default, aggressive, roles: Roles) -> Claim:
    """Only the aggressive schedule ends clearly below its own best, and its answers grow again."""
    parts = {}
    for role in ("ID", "OOD"):
        drop = late_drop(aggressive, roles, role)
        parts[f"{role} below its best"] = over_bases(drop)
        parts[f"{role} more so than by default"] = over_bases(drop - late_drop(default, roles, role))
    growth = regrowth(aggressive, roles, "OOD")
    parts["answers grow again"] = over_bases(growth)
    parts["answers grow more so than by default"] = over_bases(growth - regrowth(default, roles, "OOD"))
    return Claim("C8", "only an aggressive schedule overfits", parts)


def gain(summary, roles: Roles, role: str):
    """Last minus base, a Series over runs (model, seed)."""
    curve = curves(summary, roles, role, "score_common")
    return curve[curve.columns.max()] - curve[0]


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
    rows = summary[
        (summary["mode"] == mode)
        & (summary.decoding == "greedy")
        & (summary.metric == metric)
        & (summary.benchmark.map(roles) == role)
    ]
    return rows.pivot_table(index=["model", "seed"], columns="step", values="mean", aggfunc="mean")


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


def _differences(first, second, roles: Roles, which: tuple[str, ...]) -> dict[str, Effect]:
    """Last score of the first table minus that of the second, paired by base and seed, for each role."""
    last = {
        role: [curves(table, roles, role, "score_common").iloc[:, -1] for table in (first, second)] for role in which
    }
    return {role: over_bases(one - other) for role, (one, other) in last.items()}
