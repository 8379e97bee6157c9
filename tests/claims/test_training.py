from dataclasses import astuple
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rsft_utils.claims import claim as claim_module
from rsft_utils.claims import measures, training
from rsft_utils.claims.claim import Claim, as_table
from rsft_utils.effects import Effect, joint_verdict
from rsft_utils.specs import RunSpec
from rsft_utils.tables import SUMMARY_COLUMNS, validate

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")

STEPS = (0, 10, 20, 40, 80)  # the first quarter ends at 20
BASES = ("a", "b", "c")
ROLES = {"sums": "ID", "chains": "ID", "stacks": "OOD", "locks": "OOD", "facts": "GEN"}
FLAT, RISING = [0.5] * 5, [0.4, 0.3, 0.35, 0.5, 0.7]
WAVE = [10, 20, 30, 25, 12]  # tokens per answer


def table(scores: dict, lengths: dict | None = None, steps=STEPS):
    """A summary with exact curves: {(model, seed): {benchmark: curve}}; a tuple of two curves gives the halves apart.

    Its own role column is of no use, so that only the role map can say what counts as what.
    """
    rows = []
    for kind, whole, runs in (("score", "score_common", scores), ("length", "length", lengths or {})):
        for (model, seed), curves in runs.items():
            for benchmark, curve in curves.items():
                a, b = curve if isinstance(curve, tuple) else (curve, curve)
                for metric, values in ((whole, np.add(a, b) / 2), (f"{kind}_a", a), (f"{kind}_b", b)):
                    rows += [
                        [f"{model}-{seed}", model, "math", seed, step, benchmark, "SAFE", "free", "greedy", metric]
                        + [True, 0.1, float(value), 100, 1]
                        for step, value in zip(steps, values, strict=True)
                    ]
    return validate(pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)), "summary")


def on_every_base(scores: dict, lengths: dict | None = None):
    """The same rises and falls on three bases that differ in level (scores) or by a factor (lengths)."""
    return table(
        {(base, 0): moved(scores, lambda curve, by=0.1 * i: np.add(curve, by)) for i, base in enumerate(BASES)},
        {(base, 0): moved(lengths or {}, lambda c, by=i + 1: np.multiply(c, by)) for i, base in enumerate(BASES)},
    )


def moved(curves: dict, how) -> dict:
    return {name: tuple(map(how, curve)) if isinstance(curve, tuple) else how(curve) for name, curve in curves.items()}


def effects(claim) -> dict[str, float]:
    return {part: effect.effect for part, effect in claim.parts.items()}


def test_c1_is_a_gain_in_domain_and_a_loss_out_of_domain():
    short = on_every_base(
        {
            "sums": [0.3, 0.9, 0.9, 0.9, 0.5],
            "chains": [0.2, 0.0, 0.0, 0.0, 0.6],
            "stacks": [0.5, 0.9, 0.9, 0.9, 0.4],
            "locks": [0.4, 0.0, 0.0, 0.0, 0.3],
        }
    )
    claim = training.c1_short_runs_look_like_memorising(short, ROLES)
    assert claim.id == "C1"
    assert effects(claim) == pytest.approx({"ID gain": 0.3, "OOD loss": 0.1})
    assert claim.verdict == "held"
    turned = training.c1_short_runs_look_like_memorising(short, {"stacks": "ID", "sums": "OOD"})
    assert effects(turned) == pytest.approx({"ID gain": -0.1, "OOD loss": -0.2})
    assert turned.verdict == "did not hold"


def test_c2_is_how_much_less_is_gained_out_of_domain_at_a_smaller_rate():
    def ends(last):
        return on_every_base({"stacks": [0.4, 0.4, 0.4, 0.4, last], "sums": [0.1, 0.1, 0.1, 0.1, 0.7]})

    claim = training.c2_smaller_rate_is_weaker(ends(0.6), {"once": ends(0.45), "twice": ends(0.7)}, ROLES)
    assert claim.id == "C2"
    assert effects(claim) == pytest.approx({"once": 0.15, "twice": -0.1})
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize("role", ["ID", "OOD"])
def test_c3_is_an_early_fall_below_the_base_and_an_end_above_it(role):
    long_run = on_every_base({name: [0.4, 0.3, 0.35, 0.45, 0.7] for name in ROLES if ROLES[name] == role})
    claim = training.c3_dip_and_recovery(long_run, ROLES, role)
    assert claim.id == f"C3 {role}"
    assert effects(claim) == pytest.approx({"dip": 0.1, "gain": 0.3})
    assert claim.verdict == "held"


@pytest.mark.parametrize(
    ("curve", "dip", "gain"),
    [
        ([0.4, 0.3, 0.3, 0.3, 0.35], 0.1, -0.05),  # falls and stays below
        ([0.4, 0.45, 0.5, 0.6, 0.7], -0.05, 0.3),  # never falls
        ([0.4, 0.3, 0.3, 0.5, 0.4], 0.1, 0.0),  # comes back to where it was
    ],
)
def test_c3_needs_both_the_dip_and_the_gain(curve, dip, gain):
    claim = training.c3_dip_and_recovery(on_every_base({"stacks": curve}), ROLES)
    assert effects(claim) == pytest.approx({"dip": dip, "gain": gain})
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize("role", ["ID", "OOD"])
def test_c4_is_an_early_surge_of_length_that_shrinks_while_the_score_rises(role):
    names = [name for name in ROLES if ROLES[name] == role]
    long_run = on_every_base(
        {name: [0.4, 0.3, 0.2, 0.5, 0.7] for name in names}, {name: [10, 20, 30, 25, 12] for name in names}
    )
    claim = training.c4_length_surges_then_shrinks(long_run, ROLES, role)
    assert claim.id == f"C4 {role}"
    assert effects(claim) == pytest.approx({"surge": 2.0, "shrink": 0.6, "score after the peak": 0.5})
    assert claim.verdict == "held"


def test_c4_does_not_hold_for_answers_that_shrink_early_and_grow_late():
    claim = training.c4_length_surges_then_shrinks(
        on_every_base({"stacks": [0.4, 0.6, 0.5, 0.5, 0.3]}, {"stacks": [10, 8, 6, 30, 12]}), ROLES
    )
    assert effects(claim) == pytest.approx({"surge": -0.2, "shrink": -0.5, "score after the peak": -0.3})
    assert {part.verdict for part in claim.parts.values()} == {"did not hold"}


def test_c5_is_c3_and_c4_on_the_runs_of_a_second_teacher():
    long_run = on_every_base({"stacks": [0.4, 0.3, 0.35, 0.5, 0.7]}, {"stacks": [10, 20, 30, 25, 12]})
    claim = training.c5_holds_for_another_teacher(long_run, ROLES)
    assert claim.id == "C5"
    assert claim.parts == {
        **training.c3_dip_and_recovery(long_run, ROLES).parts,
        **training.c4_length_surges_then_shrinks(long_run, ROLES).parts,
    }
    assert list(claim.parts) == ["dip", "gain", "surge", "shrink", "score after the peak"]
    assert claim.verdict == "held"


@pytest.mark.parametrize("check", [training.c6_repetition_beats_one_pass, training.c7_diversity_still_helps])
def test_c6_and_c7_are_how_much_higher_the_first_arm_ends_than_the_second(check):
    first = on_every_base({"sums": [0.9] * 4 + [0.6], "stacks": FLAT, "facts": [0] * 4 + [0.1]})
    second = on_every_base({"sums": [0.1] * 4 + [0.4], "stacks": FLAT, "facts": [0] * 4 + [0.3]})
    assert effects(check(first, second, ROLES)) == pytest.approx({"ID": 0.2, "OOD": 0.0, "GEN": -0.2})
    assert effects(check(second, first, ROLES)) == pytest.approx({"ID": -0.2, "OOD": 0.0, "GEN": 0.2})
    assert check(first, second, ROLES).id == ("C6" if check is training.c6_repetition_beats_one_pass else "C7")


AGGRESSIVE = {"sums": [0.9, 0.6, 0.8, 0.7, 0.5], "stacks": [0.1, 0.3, 0.4, 0.6, 0.4]}
DEFAULT = {"sums": [0.3, 0.4, 0.5, 0.6, 0.7], "stacks": [0.1, 0.2, 0.3, 0.55, 0.5]}
GROWING = {"stacks": [5, 40, 20, 10, 15]}  # half as long again as at their shortest after the peak


def test_c8_is_an_end_below_the_best_trained_score_and_answers_that_grow_again_both_unlike_the_default():
    default = on_every_base(DEFAULT, {"stacks": [5, 40, 20, 10, 12]})
    claim = training.c8_overfitting_needs_an_aggressive_schedule(default, on_every_base(AGGRESSIVE, GROWING), ROLES)
    assert claim.id == "C8"
    assert effects(claim) == pytest.approx(
        {
            "ID below its best": 0.3,  # the base's own 0.9 was not trained
            "ID more so than by default": 0.3,
            "OOD below its best": 0.2,
            "OOD more so than by default": 0.15,
            "answers grow again": 0.5,
            "answers grow more so than by default": 0.3,
        }
    )
    assert claim.verdict == "held"


def test_c8_does_not_hold_if_answers_grow_again_by_default_too():
    default, aggressive = on_every_base(DEFAULT, GROWING), on_every_base(AGGRESSIVE, GROWING)
    claim = training.c8_overfitting_needs_an_aggressive_schedule(default, aggressive, ROLES)
    failing = [part for part, effect in claim.parts.items() if effect.verdict != "held"]
    assert failing == ["answers grow more so than by default"]
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize(
    "lengths",
    [
        [3, 10, 110, 60, 50],  # a surge that only partly shrinks; at step 10 it has hardly begun
        [30, 20, 25, 15, 12],  # ever shorter after the early peak
        [10, 20, 30, 40, 60],  # ever longer: the last is over a shortest one that is there, at step 40
    ],
)
def test_answers_grow_again_only_from_their_shortest_after_the_early_peak(lengths):
    runs = on_every_base({"stacks": FLAT}, {"stacks": lengths})
    found = measures.regrowth(runs, ROLES, "OOD")
    assert found.tolist() == pytest.approx([lengths[-1] / min(lengths[3:]) - 1] * 3)


def test_only_the_first_quarter_of_the_steps_can_hold_a_dip_or_a_surge():
    late = on_every_base({"stacks": [0.5, 0.5, 0.5, 0.1, 0.5]}, {"stacks": [10, 10, 10, 90, 10]})
    edge = on_every_base({"stacks": [0.5, 0.5, 0.1, 0.5, 0.5]}, {"stacks": [10, 10, 90, 10, 10]})
    assert measures.dip(late, ROLES, "OOD").tolist() == pytest.approx([0, 0, 0])
    assert measures.dip(edge, ROLES, "OOD").tolist() == pytest.approx([0.4, 0.4, 0.4])
    assert measures.length_wave(late, ROLES, "OOD")[0].tolist() == pytest.approx([0, 0, 0])
    assert measures.length_wave(edge, ROLES, "OOD")[0].tolist() == pytest.approx([8, 8, 8])


def test_the_lowest_step_is_chosen_on_one_half_of_the_items_and_read_on_the_other():
    halves = ([0.5, 0.2, 0.4, 0.5, 0.9], [0.5, 0.45, 0.3, 0.5, 0.7])  # lowest at 10, and at 20
    runs = on_every_base({"stacks": halves})
    read = np.mean([0.45, 0.4])  # b at 10, a at 20; the plain minimum would be 0.325
    assert measures.dip(runs, ROLES, "OOD").tolist() == pytest.approx([0.5 - read] * 3)
    assert measures.recovery(runs, ROLES, "OOD").tolist() == pytest.approx([0.8 - read] * 3)


def test_the_best_step_is_chosen_on_one_half_of_the_items_and_read_on_the_other():
    halves = ([0.5, 0.9, 0.6, 0.5, 0.4], [0.5, 0.5, 0.5, 0.8, 0.2])  # best at 10, and at 40
    assert measures.late_drop(on_every_base({"sums": halves}), ROLES, "ID").tolist() == pytest.approx([0.2] * 3)


def test_the_peak_of_length_is_chosen_on_one_half_of_the_items_and_read_on_the_other():
    halves = ([10, 40, 20, 10, 8], [10, 16, 30, 10, 12])  # longest at 10, and at 20
    scores = ([0.5, 0.0, 0.3, 0.5, 0.7], [0.5, 0.4, 0.0, 0.5, 0.9])
    runs = on_every_base({"stacks": scores}, {"stacks": halves})
    surge, shrink, rise = measures.length_wave(runs, ROLES, "OOD")
    assert surge.tolist() == pytest.approx([np.mean([0.6, 1.0])] * 3)
    assert shrink.tolist() == pytest.approx([np.mean([1 - 12 / 16, 1 - 8 / 20])] * 3)
    assert rise.tolist() == pytest.approx([np.mean([0.9 - 0.4, 0.7 - 0.3])] * 3)


def test_the_shortest_answers_are_chosen_on_one_half_of_the_items_and_read_on_the_other():
    halves = ([10, 40, 20, 10, 24], [10, 40, 15, 30, 60])  # shortest after step 10 at 40, and at 20
    runs = on_every_base({"stacks": FLAT}, {"stacks": halves})
    assert measures.regrowth(runs, ROLES, "OOD").tolist() == pytest.approx([np.mean([60 / 30, 24 / 20]) - 1] * 3)


def on_bases(**curves):
    """One run per base, its curve both of the scores and (ten times) of the lengths."""
    runs = {(base, 0): {"stacks": np.array(curve)} for base, curve in curves.items()}
    return table(runs, {run: moved(curve, lambda c: 10 * c) for run, curve in runs.items()})


def test_the_step_of_a_run_is_chosen_by_the_other_bases_and_not_by_its_own():
    alike = [0.5, 0.45, 0.35, 0.5, 0.6]  # lowest at 20
    runs = on_bases(a=[0.5, 0.1, 0.4, 0.5, 0.7], b=alike, c=alike)  # a's low at 10 would be lowest in the mean of all
    assert measures.dip(runs, ROLES, "OOD").tolist() == pytest.approx([0.5 - 0.4, 0.5 - 0.45, 0.5 - 0.45])
    assert measures.recovery(runs, ROLES, "OOD").tolist() == pytest.approx([0.7 - 0.4, 0.6 - 0.45, 0.6 - 0.45])


def test_the_best_step_of_a_run_is_chosen_by_the_other_bases_and_not_by_its_own():
    alike = [0.5, 0.4, 0.5, 0.6, 0.3]  # best at 40
    runs = on_bases(a=[0.5, 0.9, 0.6, 0.5, 0.4], b=alike, c=alike)
    assert measures.late_drop(runs, ROLES, "OOD").tolist() == pytest.approx([0.5 - 0.4, 0.4 - 0.3, 0.4 - 0.3])


def test_the_longest_and_the_shortest_answers_of_a_run_are_chosen_by_the_other_bases_and_not_by_its_own():
    alike = [0.5, 0.6, 0.7, 0.4, 0.6]  # longest at 20, shortest after it at 40
    runs = on_bases(a=[0.5, 1.8, 0.8, 1.0, 1.2], b=alike, c=alike)  # a alone: longest at 10, shortest after it at 20
    surge, shrink, rise = measures.length_wave(runs, ROLES, "OOD")
    assert surge.tolist() == pytest.approx([0.8 / 0.5 - 1, 0.6 / 0.5 - 1, 0.6 / 0.5 - 1])
    assert shrink.tolist() == pytest.approx([1 - 1.2 / 0.8, 0, 0])
    assert rise.tolist() == pytest.approx([1.2 - 0.8, 0, 0])
    # the mean of a and b is longest at 10 and then shortest at 40 (0.7), as b and c are after their peak
    assert measures.regrowth(runs, ROLES, "OOD").tolist() == pytest.approx(
        [1.2 / 1.0 - 1, 0.6 / 0.4 - 1, 0.6 / 0.4 - 1]
    )


def test_a_later_low_of_the_run_itself_does_not_move_where_its_shortest_answers_are_looked_for():
    alike = [0.5, 0.9, 0.2, 0.6, 0.6]  # longest at 10, shortest after it at 20
    runs = on_bases(a=[0.5, 0.6, 0.7, 0.1, 0.6], b=alike, c=alike)  # a alone: longest at 20, shortest at 40
    assert measures.regrowth(runs, ROLES, "OOD").iloc[0] == pytest.approx(0.6 / 0.7 - 1)


def test_two_runs_on_one_base_do_not_choose_for_each_other():
    low_at_10, low_at_20 = [0.5, 0.35, 0.4, 0.5, 0.6], [0.5, 0.4, 0.1, 0.5, 0.6]
    runs = {("a", 0): low_at_20, ("a", 1): low_at_20, ("b", 0): low_at_10}
    found = measures.dip(table({run: {"stacks": curve} for run, curve in runs.items()}), ROLES, "OOD")
    assert found.to_dict() == pytest.approx({("a", 0): 0.1, ("a", 1): 0.1, ("b", 0): 0.1})


def test_all_runs_on_the_other_bases_choose_by_their_mean():
    others = {("b", 0): [0.5, 0.1, 0.4, 0.5, 0.6], ("b", 1): [0.5, 0.4, 0.3, 0.5, 0.6], ("c", 0): [0.5, 0.4, 0.3, 0, 0]}
    runs = {("a", 0): [0.5, 0.4, 0.2, 0.5, 0.6]} | others  # most of the others are lowest at 20, their mean is at 10
    found = measures.dip(table({run: {"stacks": curve} for run, curve in runs.items()}), ROLES, "OOD")
    assert found["a", 0] == pytest.approx(0.1)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_runs_on_a_single_base_fall_back_to_their_own_other_half(seeds):
    runs = {
        ("a", 0): ([0.5, 0.2, 0.4, 0.5, 0.9], [0.5, 0.45, 0.3, 0.5, 0.9]),  # lowest at 10, and at 20
        ("a", 1): ([0.5, 0.4, 0.0, 0.5, 0.9], [0.5, 0.35, 0.1, 0.5, 0.9]),  # lowest at 20, lower than the other
    }
    expected = {("a", 0): 0.5 - (0.45 + 0.4) / 2, ("a", 1): 0.5 - (0.1 + 0.0) / 2}
    found = measures.dip(table({("a", seed): {"stacks": runs["a", seed]} for seed in seeds}), ROLES, "OOD")
    assert found.to_dict() == pytest.approx({("a", seed): expected["a", seed] for seed in seeds})


def test_a_dip_can_be_that_of_another_way_of_asking():
    free = on_every_base({"stacks": [0.5, 0.1, 0.4, 0.5, 0.6]})  # lowest at 10
    closed = on_every_base({"stacks": [0.5, 0.45, 0.3, 0.5, 0.6]}).assign(mode="force_closed")  # and at 20
    both = pd.concat([free, closed])
    assert measures.dip(both, ROLES, "OOD").tolist() == pytest.approx([0.4] * 3)
    assert measures.dip(both, ROLES, "OOD", mode="force_closed").tolist() == pytest.approx([0.2] * 3)


def test_the_lowest_step_is_that_of_the_role_s_mean_and_every_benchmark_weighs_the_same():
    runs = on_every_base({"stacks": [0.5, 0.2, 0.5, 0.5, 0.5], "locks": [0.5, 0.5, 0.3, 0.5, 0.9]})
    assert measures.dip(runs, ROLES, "OOD").tolist() == pytest.approx([0.15] * 3)
    assert measures.gain(runs, ROLES, "OOD").tolist() == pytest.approx([0.2] * 3)


def differing(by: float, extra: dict, order=BASES):
    """Bases that differ much in how high they end: `by` higher than their own height; `extra` runs end as given.

    A run that ends high ends near its best score, and with answers that are hardly longer than at their shortest.
    """
    own = {"a": 0.0, "b": 0.2, "c": 0.3}
    ends = {(base, 0): own[base] + by for base in order} | extra
    return table(
        {run: {name: [0.1, 0.1, 0.1, 1.0, last] for name in ROLES} for run, last in ends.items()},
        {run: {name: [10, 20, 30, 10, 10 * (2 - last)] for name in ROLES} for run, last in ends.items()},
    )


@pytest.mark.parametrize(
    ("check", "parts"),
    [
        (lambda high, low: training.c2_smaller_rate_is_weaker(high, {"slow": low}, ROLES), ["slow"]),
        (lambda high, low: training.c6_repetition_beats_one_pass(high, low, ROLES), ["ID", "OOD", "GEN"]),
        (lambda high, low: training.c7_diversity_still_helps(high, low, ROLES), ["ID", "OOD", "GEN"]),
        (
            lambda high, low: training.c8_overfitting_needs_an_aggressive_schedule(high, low, ROLES),
            ["ID more so than by default", "OOD more so than by default", "answers grow more so than by default"],
        ),
    ],
)
def test_runs_are_compared_in_pairs_of_the_same_base_and_seed(check, parts):
    first = differing(0.4, extra={("d", 0): 0.9, ("a", 1): 0.9})
    second = differing(0.3, extra={("e", 0): 0.0, ("b", 1): 0.0}, order=BASES[::-1])
    claim = check(first, second)
    for part in parts:
        effect = claim.parts[part]
        assert (effect.effect, effect.low, effect.high) == pytest.approx((0.1, 0.1, 0.1)), part
        assert (effect.bases, effect.runs) == (3, 3), part


def every_claim(roles: dict = ROLES, how=lambda summary: summary) -> pd.DataFrame:
    """All claims about runs whose curves differ between bases, benchmarks and arms; `how` changes the tables before."""
    rng = np.random.default_rng(0)
    runs = [(base, seed) for base in BASES for seed in (0, 1)]
    shapes = dict.fromkeys(("long", "short", "slow"), (RISING, WAVE))
    shapes["other"] = ([0.4, 0.3, 0.35, 0.7, 0.5], [10, 20, 30, 12, 18])  # ends below its best; answers grow again
    arm = {
        name: how(
            table(
                {run: {b: tuple(score + rng.normal(0, 0.05, (2, 5))) for b in ROLES} for run in runs},
                {run: {b: tuple(length * rng.uniform(0.8, 1.2, (2, 5))) for b in ROLES} for run in runs},
            )
        )
        for name, (score, length) in shapes.items()
    }
    return as_table(
        [
            training.c1_short_runs_look_like_memorising(arm["short"], roles),
            training.c2_smaller_rate_is_weaker(arm["short"], {"slow": arm["slow"]}, roles),
            *(training.c3_dip_and_recovery(arm["long"], roles, role) for role in ("ID", "OOD")),
            *(training.c4_length_surges_then_shrinks(arm["long"], roles, role) for role in ("ID", "OOD")),
            training.c5_holds_for_another_teacher(arm["other"], roles),
            training.c6_repetition_beats_one_pass(arm["long"], arm["other"], roles),
            training.c7_diversity_still_helps(arm["other"], arm["long"], roles),
            training.c8_overfitting_needs_an_aggressive_schedule(arm["long"], arm["other"], roles),
        ]
    )


@pytest.fixture(scope="module")
def judged():
    return every_claim()


def renamed(summary):
    """Every name another one, in another order; runs stay runs and benchmarks stay benchmarks."""
    return summary.assign(
        run="run-" + summary.run,
        model=summary.model.map({"a": "z", "b": "y", "c": "x"}),
        dataset="something-else",
        benchmark=summary.benchmark.str[::-1],
        seed=summary.seed + 100,
    )


def with_other_measurements(summary):
    """The same beside other ways of asking, other metrics and a benchmark that no role map knows."""
    others = [{"mode": "forced"}, {"decoding": "T0.6"}, {"metric": "answered"}, {"benchmark": "unheard-of"}]
    return pd.concat([summary, *(summary.assign(**other, mean=0.9 * summary.step / 80) for other in others)])


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(with_other_measurements, id="other modes, decodings, metrics and benchmarks"),
        pytest.param(lambda summary: summary.sample(frac=1, random_state=0), id="order of the rows"),
        pytest.param(lambda summary: summary.assign(role="ID"), id="role column"),
    ],
)
def test_no_claim_depends_on(how, judged):
    pd.testing.assert_frame_equal(every_claim(how=how), judged)


def test_no_claim_knows_a_base_a_data_set_or_a_benchmark_by_name(judged):
    roles = {name[::-1]: role for name, role in ROLES.items()}
    pd.testing.assert_frame_equal(every_claim(roles, how=renamed), judged)


def test_a_table_of_claims_has_one_row_per_part(judged):
    assert list(judged.columns) == list(claim_module.COLUMNS)
    assert len(judged) == 2 + 1 + 2 * 2 + 2 * 3 + 5 + 3 + 3 + 6
    assert judged.claim.unique().tolist() == ["C1", "C2", "C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C5", "C6", "C7", "C8"]
    assert set(judged.bases) == {3} and set(judged.runs) == {6}
    assert judged.p.between(0, 1).all()
    assert judged.statement.str.len().min() > 20


def test_a_table_of_claims_repeats_every_number_of_an_effect():
    parts = {"one": Effect(0.1, 0.05, 0.15, 5, 6, 0.004), "other": Effect(0.2, -0.1, 0.5, 3, 3, 0.2)}
    found = as_table([Claim("C0", "says something", parts)])
    columns = "claim statement part effect low high bases runs p part_verdict verdict".split()
    assert found.to_dict("split")["columns"] == columns
    assert found.values.tolist() == [
        ["C0", "says something", "one", 0.1, 0.05, 0.15, 5, 6, 0.004, "held", "inconclusive"],
        ["C0", "says something", "other", 0.2, -0.1, 0.5, 3, 3, 0.2, "inconclusive", "inconclusive"],
    ]


def test_of_no_claims_there_is_an_empty_table_with_the_same_columns():
    found = as_table([])
    assert found.empty and list(found.columns) == list(claim_module.COLUMNS)


def test_a_table_of_claims_says_each_part_s_verdict_and_the_claim_s():
    dip_only = training.c3_dip_and_recovery(on_every_base({"stacks": [0.4, 0.2, 0.3, 0.3, 0.4]}), ROLES)
    found = as_table([dip_only])
    assert found[["part", "part_verdict", "verdict"]].values.tolist() == [
        ["dip", "held", "did not hold"],
        ["gain", "did not hold", "did not hold"],
    ]
    assert found.loc[0, ["effect", "low", "high"]].tolist() == pytest.approx([0.2, 0.2, 0.2])


# --- Under noise: what the definitions promise, by simulation of the steps, items and bases of the reports ---

GRID = np.array(RunSpec().steps)
EARLY_STEPS = np.flatnonzero((GRID > 0) & (RunSpec().total_steps / 4 >= GRID))
N_HALF = 600  # items of a role in one half: six benchmarks of a hundred
SIMULATED_ROLES = {"everything": "OOD"}
LEVEL = np.full(len(GRID), 0.4)
RISE = 0.15 * np.clip((GRID - 160) / 480, 0, 1)  # after the first quarter
DIP = 0.15 * (GRID == 40)
WOBBLE = 0.02
MANY = 2000  # simulated studies; two standard errors of a rate of 5 % are 0.01


class Study:
    """Simulated studies of five bases: base level and gain differ between bases, answers are right by chance.

    The dip is defined here a second time, for all studies at once; a test compares it with what `claims` says of some.
    `truth`: one curve, or one per base. `sd_wobble`: of what a run scores at a checkpoint, the same on all its items.
    """

    def __init__(self, truth, n=MANY, seed=0, bases=5, sd_level=0.03, sd_gain=0.03, sd_dip=0.0, sd_wobble=0.0):
        rng = np.random.default_rng(seed)
        share = truth + rng.normal(0, sd_level, (n, bases, 1)) + rng.normal(0, sd_gain, (n, bases, 1)) * GRID / GRID[-1]
        share = share - rng.normal(0, sd_dip, (n, bases, 1)) * (DIP > 0) + rng.normal(0, sd_wobble, share.shape)
        hits = rng.binomial(N_HALF, share[..., None], (*share.shape, 2)) / N_HALF
        self.halves = hits + rng.uniform(0, 1e-9, hits.shape)  # study, base, step, half; no two alike
        self.gains = (self.halves[:, :, -1] - self.halves[:, :, 0]).mean(-1)

    @cached_property
    def dips(self):
        """As defined: chosen on one half by the other bases, read on the other half."""
        return self._read_where_lowest(self.halves.sum(1, keepdims=True) - self.halves)

    @cached_property
    def own_dips(self):
        """As one would rather not: chosen on the run's own other half."""
        return self._read_where_lowest(self.halves)

    @cached_property
    def plain_dips(self):
        """As one should not: the base minus the lowest of the very same numbers."""
        whole = self.halves.mean(-1)
        return whole[:, :, 0] - whole[:, :, EARLY_STEPS].min(-1)

    def _read_where_lowest(self, chosen):
        step = EARLY_STEPS[chosen[:, :, EARLY_STEPS].argmin(2)][..., ::-1]  # the choice of the other half
        read = np.take_along_axis(self.halves, step[:, :, None], axis=2)[:, :, 0]
        return (self.halves[:, :, 0] - read).mean(-1)

    def held(self, dips=None) -> float:
        """Share of studies in which C3 holds."""
        pairs = zip(judged_over_bases(self.dips if dips is None else dips), judged_over_bases(self.gains), strict=True)
        return np.mean([joint_verdict(list(pair)) == "held" for pair in pairs])

    def summary(self, number: int):
        """The table that `claims` would be given for one of the studies."""
        a, b = np.moveaxis(self.halves[number], -1, 0)
        curves = {"score_common": (a + b) / 2, "score_a": a, "score_b": b}
        names = {"model": range(len(a)), "step": GRID}
        cells = pd.MultiIndex.from_product(names.values(), names=names).to_frame(index=False)
        cells = cells.assign(seed=0, mode="free", decoding="greedy", benchmark="everything")
        return pd.concat([cells.assign(metric=m, mean=v.ravel()) for m, v in curves.items()])


def judged_over_bases(values) -> list[Effect]:
    """One effect per study from an array of studies by bases."""
    bases = values.shape[1]
    test = stats.ttest_1samp(values, 0, axis=1)
    p = stats.t.sf(test.statistic, bases - 1)
    rows = zip(values.mean(1), *test.confidence_interval(0.95), p, strict=True)
    return [Effect(mean, low, high, bases, bases, p) for mean, low, high, p in rows]


def share_above_zero(values) -> float:
    return np.mean([effect.low > 0 for effect in judged_over_bases(values)])


def covered(values, truth: float) -> float:
    return np.mean([effect.low <= truth <= effect.high for effect in judged_over_bases(values)])


@pytest.fixture(scope="module")
def flat():
    return Study(LEVEL)


@pytest.fixture(scope="module")
def dip_and_gain():
    return Study(LEVEL - DIP + RISE, sd_dip=0.03)


@pytest.fixture(scope="module")
def wobbling_gain():
    """No dip, but checkpoints that wobble by two points on their way up."""
    return Study(LEVEL + RISE, sd_wobble=WOBBLE)


@pytest.fixture(scope="module")
def wobbling_dip_and_gain():
    return Study(LEVEL - DIP + RISE, sd_dip=0.03, sd_wobble=WOBBLE)


SCENARIOS = ("flat", "dip_and_gain", "wobbling_gain", "wobbling_dip_and_gain")


def check_against_claims(study: Study, numbers):
    dips, gains = judged_over_bases(study.dips), judged_over_bases(study.gains)
    for number in numbers:
        parts = training.c3_dip_and_recovery(study.summary(number), SIMULATED_ROLES).parts
        assert astuple(parts["dip"]) == pytest.approx(astuple(dips[number]))
        assert astuple(parts["gain"]) == pytest.approx(astuple(gains[number]))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_simulated_studies_are_judged_as_c3_judges_a_study(scenario, request):
    check_against_claims(request.getfixturevalue(scenario), range(6))


def test_noise_alone_is_not_taken_for_dip_and_recovery(flat):
    assert flat.held() <= 0.05
    assert share_above_zero(flat.dips) <= 0.05


def test_the_dip_of_a_flat_curve_is_zero_on_average_where_a_plain_minimum_is_not(flat):
    """Two halves: the noise that makes a step the lowest on one half is not there on the other."""
    assert abs(flat.dips.mean()) < 0.001
    assert flat.plain_dips.mean() > 0.015
    assert share_above_zero(flat.plain_dips) > 0.4  # of studies would report a dip of nothing


@pytest.mark.parametrize(
    ("truth", "what_is_there"),
    [pytest.param(LEVEL + RISE, "gains", id="only a gain"), pytest.param(LEVEL - DIP, "dips", id="only a dip")],
)
@pytest.mark.parametrize("sd_wobble", [0.0, 0.01, WOBBLE])
def test_one_of_the_two_is_not_taken_for_both(truth, what_is_there, sd_wobble):
    study = Study(truth, sd_wobble=sd_wobble)
    assert share_above_zero(getattr(study, what_is_there)) > 0.95
    assert study.held() <= 0.05


@pytest.mark.parametrize("bases", [3, 4, 5])
def test_checkpoints_that_wobble_on_their_way_up_are_not_taken_for_dip_and_recovery(bases):
    """All items of a checkpoint move together, so that halves of the items do not help; other bases do."""
    study = Study(LEVEL + RISE, bases=bases, sd_wobble=WOBBLE)
    assert study.held() <= 0.05
    assert study.held(study.own_dips) > 0.05


def test_the_dip_of_wobbling_checkpoints_is_zero_on_average_where_a_choice_by_the_run_itself_is_not(wobbling_gain):
    assert abs(wobbling_gain.dips.mean()) < 0.001
    assert wobbling_gain.own_dips.mean() > 0.02
    assert wobbling_gain.held(wobbling_gain.own_dips) > 0.1  # of studies would report a dip of nothing


def test_a_real_dip_and_recovery_is_found(dip_and_gain, wobbling_dip_and_gain):
    assert dip_and_gain.held() > 0.95
    assert wobbling_dip_and_gain.held() > 0.95


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_of_a_gain_covers_the_truth(scenario, request):
    truth = 0.0 if scenario == "flat" else RISE[-1]
    assert 0.90 < covered(request.getfixturevalue(scenario).gains, truth) < 0.99


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_of_a_dip_covers_the_truth_when_one_step_is_clearly_the_lowest_or_none_is(scenario, request):
    truth = DIP.max() if "dip" in scenario else 0.0
    assert 0.90 < covered(request.getfixturevalue(scenario).dips, truth) < 0.99


def dipping_at(step: int, depth: float):
    """Deepest at a step and half as deep at its neighbours on the grid."""
    return depth * np.interp(np.arange(len(GRID)) - list(GRID).index(step), [-2, -1, 0, 1, 2], [0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize("sd_wobble", [0.0, WOBBLE])
@pytest.mark.parametrize(("early", "late", "share"), [(2, 2, 0.55), (3, 2, 0.65), (3, 3, 0.57)])
def test_a_dip_that_bases_have_at_different_steps_is_underestimated(early, late, share, sd_wobble):
    """The price of asking the others: of bases split evenly, the majority of the others has the other step."""
    curves = [LEVEL - dipping_at(60, 0.15)] * early + [LEVEL - dipping_at(70, 0.15)] * late
    study = Study(np.array(curves), bases=early + late, sd_wobble=sd_wobble)
    assert study.dips.mean() / 0.15 == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("sd_wobble", [0.0, WOBBLE])
def test_a_dip_that_all_bases_have_at_one_step_is_not_underestimated(sd_wobble):
    study = Study(LEVEL - dipping_at(60, 0.15), sd_wobble=sd_wobble)
    assert study.dips.mean() == pytest.approx(0.15, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_many_simulated_studies_are_judged_as_c3_judges_a_study(scenario, request):
    check_against_claims(request.getfixturevalue(scenario), range(6, 200))


@pytest.mark.slow
def test_intervals_and_false_positives_in_very_many_studies():
    """Runs that choose for each other are not quite independent: without a dip, intervals are a little too narrow."""
    n = 20_000  # two standard errors of a rate of 95 % are 0.003
    flat = Study(LEVEL, n, seed=1)
    real = Study(LEVEL - DIP + RISE, n, seed=2, sd_dip=0.03)
    wobbling = Study(LEVEL + RISE, n, seed=3, sd_wobble=WOBBLE)
    wobbling_real = Study(LEVEL - DIP + RISE, n, seed=4, sd_dip=0.03, sd_wobble=WOBBLE)
    assert flat.held() < 0.01
    assert 0.01 < share_above_zero(flat.dips) < 0.04
    assert 0.01 < wobbling.held() < 0.03
    assert 0.02 < share_above_zero(wobbling.dips) < 0.05
    for study in (flat, wobbling):
        assert abs(study.dips.mean()) < 0.0005
    for values, truth in (
        *((study.gains, RISE[-1]) for study in (real, wobbling, wobbling_real)),
        *((study.dips, DIP.max()) for study in (real, wobbling_real)),
        (flat.gains, 0.0),
    ):
        assert 0.94 < covered(values, truth) < 0.96
    assert 0.93 < covered(flat.dips, 0.0) < 0.95
    assert 0.915 < covered(wobbling.dips, 0.0) < 0.94
