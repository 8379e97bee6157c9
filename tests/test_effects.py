import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rsft_utils.effects import MARGIN, Effect, between_bases, joint_verdict, over_bases, prediction_interval


def per_run(values: dict):
    """{(model, seed): value} as the Series that claims hand over."""
    return pd.Series(values, dtype=float).rename_axis(["model", "seed"])


def effect(mean, low, high, bases=5):
    return Effect(mean, low, high, bases, runs=bases)


HELD, FAILED, UNSURE = effect(0.1, 0.05, 0.15), effect(0, -0.01, 0.01), effect(0.1, -0.05, 0.25)
TOO_FEW = effect(0.1, 0.05, 0.15, bases=2)


def test_the_runs_of_a_base_are_averaged_before_the_bases_are():
    found = over_bases(per_run({("a", 0): 0.0, ("a", 1): 0.2, ("a", 2): 0.4, ("b", 0): 0.6}))
    assert found.effect == pytest.approx((0.2 + 0.6) / 2)  # not the mean of the four
    assert (found.bases, found.runs) == (2, 4)


def test_the_interval_is_student_s_over_the_base_means():
    values = {("a", 0): 0.1, ("a", 1): 0.3, ("b", 0): 0.5, ("c", 0): -0.1, ("d", 0): 0.25}
    means = [0.2, 0.5, -0.1, 0.25]
    found = over_bases(per_run(values))
    expected = stats.t.interval(0.95, df=3, loc=np.mean(means), scale=stats.sem(means))
    assert (found.low, found.high) == pytest.approx(expected)


def test_more_runs_on_the_same_bases_do_not_narrow_the_interval():
    once = {("a", 0): 0.1, ("b", 0): 0.3, ("c", 0): 0.2}
    often = {(model, seed): value for (model, _), value in once.items() for seed in range(10)}
    one, ten = over_bases(per_run(once)), over_bases(per_run(often))
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high))
    assert (one.runs, ten.runs) == (3, 30)


@pytest.mark.parametrize("shift", [0.0, -0.1, -0.2, -0.4])
def test_p_is_scipy_s_one_sided_t_test_over_the_base_means(shift):
    values = {("a", 0): 0.1, ("a", 1): 0.3, ("b", 0): 0.5, ("c", 0): 0.1, ("d", 0): 0.25}
    means = np.array([0.2, 0.5, 0.1, 0.25]) + shift
    found = over_bases(per_run(values) + shift)
    assert found.p == pytest.approx(stats.ttest_1samp(means, 0, alternative="greater").pvalue)
    assert found.p == pytest.approx(stats.t.sf(means.mean() / stats.sem(means), df=3))


def test_p_is_below_a_fortieth_just_where_the_interval_lies_above_zero():
    draws = np.random.default_rng(0).normal(0.05, 0.05, size=(200, 4))
    found = [over_bases(per_run({(base, 0): value for base, value in enumerate(row)})) for row in draws]
    assert [effect.p < 0.025 for effect in found] == [effect.low > 0 for effect in found]
    assert 20 < sum(effect.low > 0 for effect in found) < 180


def test_p_counts_bases_and_not_runs():
    once = {("a", 0): 0.1, ("b", 0): 0.3, ("c", 0): 0.2}
    often = {(model, seed): value for (model, _), value in once.items() for seed in range(10)}
    assert over_bases(per_run(often)).p == pytest.approx(over_bases(per_run(once)).p)


@pytest.mark.filterwarnings("error")
def test_one_base_has_an_effect_and_neither_interval_nor_verdict():
    found = over_bases(per_run({("a", 0): 0.1, ("a", 1): 0.3}))
    assert found.effect == pytest.approx(0.2)
    assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.p)
    assert (found.bases, found.runs, found.verdict) == (1, 2, "too few bases")


@pytest.mark.parametrize(("bases", "verdict"), [(2, "too few bases"), (3, "held")])
def test_a_verdict_needs_three_bases(bases, verdict):
    assert over_bases(per_run({(base, 0): 0.2 + 0.001 * base for base in range(bases)})).verdict == verdict


def test_runs_without_a_value_are_left_out():
    there = {("a", 0): 0.1, ("b", 0): 0.3, ("c", 0): 0.2}
    assert over_bases(per_run({**there, ("a", 1): math.nan, ("d", 0): math.nan})) == over_bases(per_run(there))


@pytest.mark.filterwarnings("error")
def test_of_no_runs_there_is_no_effect():
    found = over_bases(per_run({("a", 0): math.nan}))
    assert (
        math.isnan(found.effect)
        and math.isnan(found.p)
        and (found.bases, found.runs, found.verdict) == (0, 0, "too few bases")
    )


# Between two kinds of base

FIRST = {("a", 0): 0.5, ("b", 0): 0.62, ("c", 0): 0.55}
SECOND = {("t", 0): 0.3, ("u", 0): 0.31, ("v", 0): 0.2, ("w", 0): 0.42}


def numbers(effect):
    return effect.effect, effect.low, effect.high, effect.p


@pytest.mark.parametrize("shift", [0.0, -0.2, -0.6])
def test_between_kinds_of_base_it_is_scipy_s_welch_test_over_the_base_means(shift):
    first = np.array([*FIRST.values()]) + shift
    second = np.array([*SECOND.values()])
    found = between_bases(per_run(FIRST) + shift, per_run(SECOND))
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    p = stats.ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
    assert numbers(found) == pytest.approx((first.mean() - second.mean(), interval.low, interval.high, p))
    # and by the formula of Welch and Satterthwaite
    errors = first.var(ddof=1) / 3, second.var(ddof=1) / 4
    freedom = sum(errors) ** 2 / (errors[0] ** 2 / 2 + errors[1] ** 2 / 3)
    half = stats.t.ppf(0.975, freedom) * sum(errors) ** 0.5
    assert (found.low, found.high) == pytest.approx((found.effect - half, found.effect + half))


def test_between_kinds_of_base_the_runs_of_a_base_are_averaged_first():
    spread = {(base, seed): mean + 0.1 * (seed - 1) for (base, _), mean in SECOND.items() for seed in range(3)}
    once, often = between_bases(per_run(FIRST), per_run(SECOND)), between_bases(per_run(FIRST), per_run(spread))
    assert numbers(often) == pytest.approx(numbers(once))
    lopsided = between_bases(per_run(FIRST | {("a", 1): 0.7}), per_run(SECOND))
    assert numbers(lopsided) == pytest.approx(numbers(between_bases(per_run(FIRST | {("a", 0): 0.6}), per_run(SECOND))))
    assert (once.runs, often.runs, lopsided.runs) == (7, 15, 8)


def test_between_kinds_of_base_there_are_as_many_bases_as_in_the_smaller_kind():
    assert between_bases(per_run(FIRST), per_run(SECOND)).bases == 3
    assert between_bases(per_run(SECOND), per_run(FIRST)).bases == 3


def test_between_kinds_of_base_the_second_minus_the_first_is_the_same_the_other_way():
    there = between_bases(per_run(FIRST), per_run(SECOND))
    back = between_bases(per_run(SECOND), per_run(FIRST))
    assert (back.effect, back.low, back.high) == pytest.approx((-there.effect, -there.high, -there.low))
    assert back.p == pytest.approx(1 - there.p)
    assert (there.bases, there.runs) == (back.bases, back.runs)


def test_bases_of_two_kinds_are_not_paired_though_they_have_the_same_names():
    same_names = {(base, 0): value for base, value in zip("cabd", SECOND.values(), strict=True)}
    assert between_bases(per_run(FIRST), per_run(same_names)) == between_bases(per_run(FIRST), per_run(SECOND))


def test_between_kinds_of_base_runs_without_a_value_are_left_out():
    gaps = [per_run(FIRST | {("a", 1): math.nan, ("d", 0): math.nan}), per_run(SECOND | {("x", 0): math.nan})]
    assert between_bases(*gaps) == between_bases(per_run(FIRST), per_run(SECOND))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("one", [{("a", 0): 0.5}, {("a", 0): 0.4, ("a", 1): 0.6}])
def test_with_one_base_of_a_kind_there_is_an_effect_and_neither_interval_nor_verdict(one):
    there = between_bases(per_run(one), per_run(SECOND))
    back = between_bases(per_run(SECOND), per_run(one))
    assert there.effect == -back.effect == pytest.approx(0.5 - 0.3075)
    for found in (there, back):
        assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(found.p)
        assert (found.bases, found.runs, found.verdict) == (1, len(one) + 4, "too few bases")


@pytest.mark.filterwarnings("error")
def test_without_runs_of_a_kind_there_is_no_effect():
    found = between_bases(per_run({("a", 0): math.nan}), per_run(SECOND))
    assert math.isnan(found.effect) and math.isnan(found.low)
    assert (found.bases, found.runs, found.verdict) == (0, 4, "too few bases")


# Verdicts


def test_the_margin_is_three_points():
    assert MARGIN == 0.03


@pytest.mark.parametrize(
    ("mean", "low", "high", "verdict"),
    [
        (0.10, 0.05, 0.15, "held"),
        (0.03, 0.001, 0.059, "held"),  # exactly the margin
        (0.029, 0.001, 0.057, "inconclusive"),  # above zero, too small, and might be larger
        (0.05, 0.0, 0.10, "inconclusive"),  # might be nothing
        (0.05, -0.01, 0.11, "inconclusive"),
        (0.01, -0.01, 0.03, "inconclusive"),  # might just reach the margin
        (0.01, -0.009, 0.029, "did not hold"),
        (0.02, 0.015, 0.025, "did not hold"),  # surely there, surely too small
        (-0.20, -0.30, -0.10, "did not hold"),
    ],
)
def test_a_verdict_asks_for_an_effect_above_zero_and_of_the_margin(mean, low, high, verdict):
    assert effect(mean, low, high).verdict == verdict


@pytest.mark.parametrize(
    ("mean", "low", "high", "opposite"),
    [
        (-0.10, -0.15, -0.05, True),
        (-0.03, -0.059, -0.001, True),  # exactly the margin
        (-0.029, -0.057, -0.001, False),  # below zero, and too small
        (-0.02, -0.025, -0.015, False),  # surely there, surely too small
        (-0.05, -0.10, 0.0, False),  # might be nothing
        (-0.05, -0.11, 0.01, False),
        (0.10, 0.05, 0.15, False),
        (0.0, 0.0, 0.0, False),
        (-0.10, math.nan, math.nan, False),  # one base
    ],
)
def test_an_effect_is_opposite_if_it_is_surely_below_zero_and_by_the_margin(mean, low, high, opposite):
    assert effect(mean, low, high).is_opposite == opposite


def test_an_effect_is_opposite_just_where_its_negative_would_have_held():
    draws = np.random.default_rng(0).normal(-0.05, 0.06, size=(200, 4))
    found = [over_bases(per_run({(base, 0): value for base, value in enumerate(row)})) for row in draws]
    turned = [over_bases(per_run({(base, 0): -value for base, value in enumerate(row)})) for row in draws]
    assert [effect.is_opposite for effect in found] == [effect.verdict == "held" for effect in turned]
    assert 20 < sum(effect.is_opposite for effect in found) < 180


def test_a_claim_of_several_effects_is_as_weak_as_its_weakest():
    order = {"too few bases": TOO_FEW, "did not hold": FAILED, "inconclusive": UNSURE, "held": HELD}
    assert {name: one.verdict for name, one in order.items()} == {name: name for name in order}
    strength = list(order)
    for names in product(order, repeat=3):
        assert joint_verdict([order[name] for name in names]) == min(names, key=strength.index)


def test_one_more_run_falls_into_the_prediction_interval_19_times_in_20():
    draws = np.random.default_rng(0).normal(0.3, 0.05, size=(2000, 5))
    inside = 0
    for *seen, new in draws:
        low, high = prediction_interval(pd.Series(seen))
        inside += low <= new <= high
    assert 0.935 < inside / len(draws) < 0.965  # two standard errors are 0.01


def test_runs_without_a_value_predict_nothing():
    seen = [0.3, 0.2, 0.25]
    assert prediction_interval(pd.Series([math.nan, *seen, math.nan])) == prediction_interval(pd.Series(seen))


@pytest.mark.parametrize("seen", [[0.3], [0.3, math.nan]])
def test_after_one_run_the_next_may_fall_anywhere(seen):
    assert prediction_interval(pd.Series(seen)) == (-math.inf, math.inf)
