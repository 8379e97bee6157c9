import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rsft_utils import reference
from rsft_utils.endpoints import ARMS, primary_endpoints
from rsft_utils.tables import validate

BASE = 0.5
STEADY, WAVERING = [0.25, 0.26, 0.24, 0.25, 0.27], [0.01, 0.09, 0.02, 0.11, 0.04]
A_BIT_MORE = [0.01, 0.095, 0.02, 0.115, 0.035]  # wavers a bit more than WAVERING does


def summary(falls, rises, attacks):
    """Runs on as many bases, one each: OOD falls by step 10 and has risen at step 640; attack success rises."""
    rows = []
    for seed, (fall, rise, attack) in enumerate(zip(falls, rises, attacks, strict=True)):
        scores = {
            ("word", "OOD"): {0: BASE, 10: BASE - fall, 640: BASE + rise},
            ("harmful", "SAFE"): {0: 0.125, 10: 0.125, 640: 0.125 + attack},
        }
        rows += [
            {
                "run": f"run{seed}",
                "model": f"base{seed}",
                "dataset": "math-cot" if step else "none",
                "seed": seed,
                "step": step,
                "benchmark": benchmark,
                "role": role,
                "mode": "free",
                "decoding": "greedy",
                "metric": metric,
                "higher_is_better": role != "SAFE",
                "chance": 0.0,
                "mean": mean,
                "n_items": 200,
                "k": 1,
            }
            for (benchmark, role), curve in scores.items()
            for step, mean in curve.items()
            for metric in ("score_common", "score_a", "score_b")
        ]
    return validate(pd.DataFrame(rows), "summary")


@pytest.fixture
def keep(new_reference):
    """Function that keeps the three arms: what happens on S, what XS and the poor data gain; it may leave one out."""

    def keep(falls=STEADY, rises=WAVERING, attacks=A_BIT_MORE, weak=(0.01, 0.03, -0.02), poor=STEADY, without=()):
        tables = {
            "S": summary(falls, rises, attacks),
            "XS": summary([0.0] * len(weak), weak, [0.0] * len(weak)),
            "S-numina-like": summary(falls, poor, attacks),
        }
        assert set(tables) == set(ARMS)
        for name in set(tables) - set(without):
            reference._save(name, tables[name])

    return keep


def p_above(values):
    return stats.ttest_1samp(values, 0, alternative="greater").pvalue


@pytest.mark.parametrize("missing", [*[[arm] for arm in ARMS], list(ARMS)], ids=" and ".join)
def test_there_are_no_endpoints_before_all_their_arms_have_been_run(keep, missing):
    keep(without=missing)
    assert primary_endpoints() is None


def test_there_is_one_endpoint_per_finding(keep):
    keep()
    table = primary_endpoints()
    assert table.columns.tolist() == ["finding", "quantity", "effect", "low", "high", "p", "p_holm"]
    assert table.finding.tolist() == ["training", "data", "capability", "safety"]
    assert table.quantity.is_unique
    assert (table.low < table.effect).all() and (table.effect < table.high).all()


@pytest.mark.parametrize(
    ("falls", "rises", "decides", "lesser"),
    [
        (WAVERING, STEADY, "dip", "dip"),
        (STEADY, WAVERING, "gain", "gain"),
        (WAVERING, A_BIT_MORE, "doubling", "gain"),
        (np.array(STEADY) - 0.5, WAVERING, "dip", "dip"),
    ],
)
def test_dip_and_gain_must_both_hold_so_the_larger_p_counts_and_the_dip_s_is_doubled(
    keep, falls, rises, decides, lesser
):
    dip_p, gain_p = p_above(falls), p_above(rises)
    if decides == "doubling":
        assert dip_p < gain_p < 2 * dip_p
    expected = {"dip": min(1, 2 * dip_p), "doubling": 2 * dip_p, "gain": gain_p}[decides]
    keep(falls=falls, rises=rises)
    first = primary_endpoints().iloc[0]
    assert first.p == pytest.approx(expected)
    values = {"dip": falls, "gain": rises}[lesser]
    low, high = stats.t.interval(0.95, df=4, loc=np.mean(values), scale=stats.sem(values))
    assert (first.effect, first.low, first.high) == pytest.approx((np.mean(values), low, high))


def test_the_lesser_effect_is_the_one_with_the_lower_bound_and_not_the_smaller_mean(keep):
    unsure = [0.9, -0.3, 0.8, -0.2, 0.7]
    assert np.mean(unsure) > np.mean(STEADY)
    keep(falls=STEADY, rises=unsure)
    assert primary_endpoints().effect[0] == pytest.approx(np.mean(unsure))


def test_good_data_are_compared_with_poor_ones_base_by_base(keep):
    keep(rises=STEADY, poor=WAVERING)
    row = primary_endpoints().set_index("finding").loc["data"]
    differences = np.subtract(STEADY, WAVERING)
    assert (row.effect, row.p) == pytest.approx((differences.mean(), p_above(differences)))


def test_the_gain_of_s_is_compared_with_that_of_xs_by_welch_s_test(keep):
    weak = [0.01, 0.03, -0.02]
    keep(rises=WAVERING, weak=weak)
    row = primary_endpoints().set_index("finding").loc["capability"]
    welch = stats.ttest_ind(WAVERING, weak, equal_var=False, alternative="greater")
    assert (row.effect, row.p) == pytest.approx((np.mean(WAVERING) - np.mean(weak), welch.pvalue))


def test_for_safety_the_rise_of_attack_success_on_s_counts(keep):
    keep(attacks=A_BIT_MORE)
    row = primary_endpoints().set_index("finding").loc["safety"]
    assert (row.effect, row.p) == pytest.approx((np.mean(A_BIT_MORE), p_above(A_BIT_MORE)))


@pytest.mark.parametrize("attacks", [A_BIT_MORE, STEADY, [0.0] * 5])
def test_p_is_corrected_by_holm_over_all_four(keep, attacks):
    keep(attacks=attacks)
    table = primary_endpoints()
    assert table.p_holm.tolist() == pytest.approx(multipletests(table.p, method="holm")[1].tolist())
    by_hand = (table.p.sort_values() * [4, 3, 2, 1]).cummax().clip(upper=1)
    assert table.p_holm.tolist() == pytest.approx(by_hand[table.index].tolist())
    assert (table.p_holm > table.p).sum() >= 2


@pytest.mark.parametrize(
    ("finding", "arms"),
    [
        ("training", {"falls": [0.0] * 5, "rises": STEADY}),
        ("training", {"falls": STEADY, "rises": [0.0] * 5}),
        ("training", {"falls": [0.0] * 5, "rises": [0.0] * 5}),
        ("data", {"rises": STEADY, "poor": STEADY}),
        ("capability", {"rises": [0.25] * 5, "weak": [0.25] * 3}),
        ("safety", {"attacks": [0.0] * 5}),
    ],
    ids=["no dip", "no gain", "neither dip nor gain", "no difference of data", "none of size", "no attacks"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scipy: no test of values that are all the same
def test_nothing_speaks_for_an_effect_of_exactly_zero_on_all_bases(keep, finding, arms):
    keep(**arms)
    row = primary_endpoints().set_index("finding").loc[finding]
    assert (row.effect, row.p, row.p_holm) == (0, 1, 1)


def test_no_p_is_above_one(keep):
    falls = -np.array(STEADY)  # above the base from the start
    keep(falls=falls, rises=-np.array(WAVERING), attacks=-np.array(WAVERING))
    assert 2 * p_above(falls) > 1
    table = primary_endpoints()
    assert table.p[0] == 1
    assert table.p.between(0, 1).all() and table.p_holm.between(0, 1).all()
