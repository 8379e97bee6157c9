"""Which arm of the reference runs bears on which claim: the one place where claims and runs meet."""

from collections.abc import Callable

from rsft_utils import claims, reference
from rsft_utils.claims import Claim
from rsft_utils.effects import prediction_interval
from rsft_utils.micro.benchmarks import ROLE_OF

# Claim -> the arms that it reads, and how. Only arms that were run give a verdict.
CHECKS: tuple[tuple[tuple[str, ...], Callable[..., Claim]], ...] = (
    (("S-one-epoch",), lambda short: claims.c1_short_runs_look_like_memorising(short, ROLE_OF)),
    (
        ("S-one-epoch", "S-slow-one-epoch", "S-slow-two-epochs"),
        lambda short, slow, slow2: claims.c2_smaller_rate_is_weaker(
            short, {"against one epoch": slow, "against two epochs": slow2}, ROLE_OF
        ),
    ),
    *(
        (("S",), lambda table, role=role, check=check: check(table, ROLE_OF, role))
        for check in (claims.c3_dip_and_recovery, claims.c4_length_surges_then_shrinks)
        for role in ("ID", "OOD")
    ),
    (("S-teacher2",), lambda table: claims.c5_holds_for_another_teacher(table, ROLE_OF)),
    (("XS", "XS-one-pass"), lambda many, once: claims.c6_repetition_beats_one_pass(many, once, ROLE_OF)),
    (("XS-diverse", "XS"), lambda diverse, few: claims.c7_diversity_still_helps(diverse, few, ROLE_OF)),
    (
        ("XS", "XS-aggressive"),
        lambda default, hard: claims.c8_overfitting_needs_an_aggressive_schedule(default, hard, ROLE_OF),
    ),
)


def judged() -> list[Claim]:
    """The verdict on every claim whose arms are in data/reference/."""
    there = set(reference.finished())
    ready = [(arms, check) for arms, check in CHECKS if there.issuperset(arms)]
    tables = {arm: reference.load(arm) for arm in {arm for arms, _ in ready for arm in arms}}
    return [check(*(tables[arm] for arm in arms)) for arms, check in ready]


def beside_reference(summary, arm: str):
    """A reader's run beside the reference runs of an arm: one row per quantity.

    Columns: quantity, yours (mean over your runs), reference, low, high, inside. `low` to `high` is where one more run
    would fall with 95 % probability: a run outside means another world, another machine's arithmetic, or bad luck. Your
    runs, of the same number of steps, are measured in the company of the reference runs, so that their lowest step is
    found in the same way.
    """
    import pandas as pd

    rows = []
    table = reference.load(arm)
    together = pd.concat([table, summary], ignore_index=True)
    mine = pd.MultiIndex.from_frame(summary[["model", "seed"]].drop_duplicates())
    for quantity, measure in QUANTITIES.items():
        yours, theirs = measure(together).loc[mine].mean(), measure(table)
        low, high = prediction_interval(theirs)
        rows.append([quantity, yours, theirs.mean(), low, high, low <= yours <= high])
    return pd.DataFrame(rows, columns=["quantity", "yours", "reference", "low", "high", "inside"])


QUANTITIES = {
    **{
        f"{role} {name}": lambda summary, role=role, measure=measure: measure(summary, ROLE_OF, role)
        for role in ("ID", "OOD", "GEN")
        for name, measure in (("dip", claims.dip), ("gain", claims.gain))
    },
    "attack success gain": lambda summary: claims.gain(summary, {"harmful": "SAFE"}, "SAFE"),
}
