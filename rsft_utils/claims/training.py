"""C1 to C8: short and long training."""

from rsft_utils.claims.claim import Claim, by_role
from rsft_utils.claims.measures import Roles, dip, ends_above, gain, late_drop, length_wave, regrowth
from rsft_utils.effects import over_bases


def c1_short_runs_look_like_memorising(one_epoch, roles: Roles) -> Claim:
    """After one epoch the maths is better than the base's and the other reasoning is worse."""
    return Claim(
        "C1",
        {"ID gain": over_bases(gain(one_epoch, roles, "ID")), "OOD loss": over_bases(-gain(one_epoch, roles, "OOD"))},
    )


def c2_smaller_rate_is_weaker(one_epoch, slower: dict[str, "pandas.DataFrame"], roles: Roles) -> Claim:  # noqa: F821
    """A fifth of the rate gains less out of domain than the full rate does in one epoch; `slower`: label -> table."""
    full = gain(one_epoch, roles, "OOD")
    return Claim(
        "C2",
        {label: over_bases(full - gain(table, roles, "OOD")) for label, table in slower.items()},
    )


def c3_dip_and_recovery(long_run, roles: Roles, role: str = "OOD") -> Claim:
    """The score falls below the base early and ends above it."""
    return Claim(
        f"C3 {role}",
        {"dip": over_bases(dip(long_run, roles, role)), "gain": over_bases(gain(long_run, roles, role))},
    )


def c4_length_surges_then_shrinks(long_run, roles: Roles, role: str = "OOD") -> Claim:
    """Answers grow early and shrink while the score rises. Lengths are relative: 1.0 is twice as long."""
    surge, shrink, rise = length_wave(long_run, roles, role)
    return Claim(
        f"C4 {role}",
        {"surge": over_bases(surge), "shrink": over_bases(shrink), "score after the peak": over_bases(rise)},
    )


def c5_holds_for_another_teacher(second_teacher, roles: Roles, role: str = "OOD") -> Claim:
    """C3 and C4 with the same queries answered in another teacher's style."""
    same = (c3_dip_and_recovery, c4_length_surges_then_shrinks)
    parts = {part: effect for claim in same for part, effect in claim(second_teacher, roles, role).parts.items()}
    return Claim("C5", parts)


def c6_repetition_beats_one_pass(repeated, one_pass, roles: Roles) -> Claim:
    """At equal steps, a few rows seen eight times end higher than eight times the rows seen once."""
    return Claim(
        "C6",
        by_role(ends_above(repeated, one_pass), roles, ("ID", "OOD", "GEN")),
    )


def c7_diversity_still_helps(diverse, repeated, roles: Roles) -> Claim:
    """At equal steps and epochs, eight times the rows (and the batch) end higher."""
    return Claim(
        "C7",
        by_role(ends_above(diverse, repeated), roles, ("ID", "OOD", "GEN")),
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
    return Claim("C8", parts)
