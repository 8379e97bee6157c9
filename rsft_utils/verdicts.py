"""Which arm of the reference runs bears on which claim: the one place where claims and runs meet."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

from rsft_utils import reference
from rsft_utils.claims import capability, data, measures, safety, training
from rsft_utils.claims.claim import Claim, as_table
from rsft_utils.effects import prediction_interval
from rsft_utils.micro.benchmarks import ROLE_OF

HARMFUL = {"harmful": "SAFE"}  # the benchmark whose score is attack success


def _dip_and_length(arm: str):
    """C3 and C4 of an arm, each in and out of domain."""
    checks = product((training.c3_dip_and_recovery, training.c4_length_surges_then_shrinks), ("ID", "OOD"))
    return tuple(((arm,), partial(check, roles=ROLE_OF, role=role)) for check, role in checks)


# By finding: the arms that a claim reads, and how. Only arms that were run give a verdict.
CHECKS: dict[str, tuple[tuple[tuple[str, ...], Callable[..., Claim]], ...]] = {
    "training": (
        (("S-one-epoch",), lambda short: training.c1_short_runs_look_like_memorising(short, ROLE_OF)),
        (
            ("S-one-epoch", "S-slow-one-epoch", "S-slow-two-epochs"),
            lambda short, slow, slow2: training.c2_smaller_rate_is_weaker(
                short, {"against one epoch": slow, "against two epochs": slow2}, ROLE_OF
            ),
        ),
        *_dip_and_length("S"),
        (("S-teacher2",), lambda table: training.c5_holds_for_another_teacher(table, ROLE_OF)),
        (("XS", "XS-one-pass"), lambda many, once: training.c6_repetition_beats_one_pass(many, once, ROLE_OF)),
        (("XS-diverse", "XS"), lambda diverse, few: training.c7_diversity_still_helps(diverse, few, ROLE_OF)),
        (
            ("XS", "XS-aggressive"),
            lambda default, hard: training.c8_overfitting_needs_an_aggressive_schedule(default, hard, ROLE_OF),
        ),
    ),
    "data": (
        (("S-numina-like",), lambda poor: data.c9_low_quality_hurts_broadly(poor, ROLE_OF)),
        (("S", "S-nocot"), lambda cot, nocot: data.c10_long_cot_beats_no_cot(cot, nocot, ROLE_OF)),
        (("S-nocot", "S"), lambda nocot, cot: data.c11_no_cot_wins_on_general_ability(nocot, cot, ROLE_OF)),
        (("S-countdown",), lambda game: data.c12_a_toy_game_transfers(game, ROLE_OF)),
        (("S-countdown", "S-nocot"), lambda game, nocot: data.c13_a_toy_game_beats_no_cot(game, nocot, ROLE_OF)),
    ),
    "capability": (
        (("S", "XS"), lambda strong, weak: capability.c14_stronger_bases_generalise_more(strong, weak, ROLE_OF)),
        (("XS", "S"), lambda weak, strong: capability.c15_weak_bases_copy_length(weak, strong, ROLE_OF)),
        (("S-qwen2", "XS-qwen2"), lambda strong, weak: capability.c16_holds_for_another_family(strong, weak, ROLE_OF)),
    ),
    "safety": (
        (("S",), lambda cot: safety.c17_reasoning_rises_while_safety_falls(cot, ROLE_OF, HARMFUL)),
        (("S", "S-nocot"), lambda cot, nocot: safety.c18_the_form_of_the_trace_costs_safety(cot, nocot, HARMFUL)),
    ),
}

# The same on micro models with a LoRA adapter: the part of the gpu profile's promise that could be tested.
WITH_LORA: tuple[tuple[tuple[str, ...], Callable[..., Claim]], ...] = (
    *_dip_and_length("XS-lora8"),
    (("XS-lora8",), lambda table: safety.c17_reasoning_rises_while_safety_falls(table, ROLE_OF, HARMFUL)),
)


def judged(findings: Sequence[str] = tuple(CHECKS)) -> list[Claim]:
    """The verdict on every claim of these findings whose arms are in data/reference/."""
    return _judged(tuple(check for name in findings for check in CHECKS[name]))


def judged_with_lora() -> list[Claim]:
    """The verdict on the claims that LoRA runs bear on."""
    return _judged(WITH_LORA)


def _judged(checks) -> list[Claim]:
    there = set(reference.finished())
    ready = [(arms, check) for arms, check in checks if there.issuperset(arms)]
    tables = {arm: reference.load(arm) for arm in {arm for arms, _ in ready for arm in arms}}
    return [check(*(tables[arm] for arm in arms)) for arms, check in ready]


def table(*findings: str):
    """The verdicts on some findings, or on all: one row per part of every claim."""
    return as_table(judged(findings or tuple(CHECKS)))


def beside_reference(summary, arm: str):
    """A reader's run beside the reference runs of an arm: one row per quantity.

    Columns: quantity, yours (mean over your runs), reference, low, high, inside. `low` to `high` is where one more run
    would fall with 95 % probability: a run outside means another world, another machine's arithmetic, or bad luck. Your
    runs, of the same number of steps, are measured in the company of the reference runs, so that their lowest step is
    found in the same way; a reference run of the same base and seed as one of yours is left out.
    """
    import pandas as pd

    rows = []
    mine = pd.MultiIndex.from_frame(summary[["model", "seed"]].drop_duplicates())
    others = reference.load(arm)
    others = others[~pd.MultiIndex.from_frame(others[["model", "seed"]]).isin(mine)]
    together = pd.concat([others, summary], ignore_index=True)
    for quantity, measure in QUANTITIES.items():
        yours, theirs = measure(together).loc[mine].mean(), measure(others)
        low, high = prediction_interval(theirs)
        rows.append([quantity, yours, theirs.mean(), low, high, low <= yours <= high])
    return pd.DataFrame(rows, columns=["quantity", "yours", "reference", "low", "high", "inside"])


QUANTITIES = {
    **{
        f"{role} {name}": lambda summary, role=role, measure=measure: measure(summary, ROLE_OF, role)
        for role in ("ID", "OOD", "GEN")
        for name, measure in (("dip", measures.dip), ("gain", measures.gain))
    },
    "attack success gain": lambda summary: measures.gain(summary, HARMFUL, "SAFE"),
}
