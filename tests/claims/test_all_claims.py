"""What is promised of every claim: pairs where it compares arms on the same bases, and numbers instead of names."""

import numpy as np
import pandas as pd
import pytest

from rsft_utils.claims import capability, data, safety, training
from rsft_utils.claims.claim import COLUMNS, as_table

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")

BASES, WEAK_BASES = ("a", "b", "c"), ("d", "e", "f")
RISING, WAVE = [0.4, 0.3, 0.35, 0.5, 0.7], [10, 20, 30, 25, 12]
PARTS = {
    "C1": 2, "C2": 1, "C3 ID": 2, "C3 OOD": 2, "C4 ID": 3, "C4 OOD": 3, "C5": 5, "C6": 3, "C7": 3, "C8": 6,
    "C9": 3, "C10": 2, "C11": 1, "C12": 2, "C13": 1,
    "C14": 4, "C15": 2, "C16": 4,
    "C17": 2, "C18": 1,
}  # fmt: skip


@pytest.fixture
def differing(table, roles, harmful):
    """Function that makes bases that differ much in how high they end: `by` higher than their own height.

    `extra` runs end as given. A run that ends high ends near its best score, and with answers that are hardly longer
    than at their shortest.
    """

    def make(by: float, extra: dict, order=BASES):
        own = {"a": 0.0, "b": 0.2, "c": 0.3}
        ends = {(base, 0): own[base] + by for base in order} | extra
        names = (*roles, *harmful)
        return table(
            {run: {name: [0.1, 0.1, 0.1, 1.0, last] for name in names} for run, last in ends.items()},
            {run: {name: [10, 20, 30, 10, 10 * (2 - last)] for name in names} for run, last in ends.items()},
        )

    return make


@pytest.mark.parametrize(
    ("check", "parts"),
    [
        (lambda high, low, roles, _: training.c2_smaller_rate_is_weaker(high, {"slow": low}, roles), ["slow"]),
        (lambda high, low, roles, _: training.c6_repetition_beats_one_pass(high, low, roles), ["ID", "OOD", "GEN"]),
        (lambda high, low, roles, _: training.c7_diversity_still_helps(high, low, roles), ["ID", "OOD", "GEN"]),
        (
            lambda high, low, roles, _: training.c8_overfitting_needs_an_aggressive_schedule(high, low, roles),
            ["ID more so than by default", "OOD more so than by default", "answers grow more so than by default"],
        ),
        (lambda high, low, roles, _: data.c10_long_cot_beats_no_cot(high, low, roles), ["ID", "OOD"]),
        (lambda high, low, roles, _: data.c11_no_cot_wins_on_general_ability(high, low, roles), ["GEN"]),
        (lambda high, low, roles, _: data.c13_a_toy_game_beats_no_cot(high, low, roles), ["ID"]),
        (
            lambda high, low, _, harmful: safety.c18_the_form_of_the_trace_costs_safety(high, low, harmful),
            ["attack success"],
        ),
    ],
)
def test_runs_are_compared_in_pairs_of_the_same_base_and_seed(check, parts, differing, roles, harmful):
    first = differing(0.4, extra={("d", 0): 0.9, ("a", 1): 0.9})
    second = differing(0.3, extra={("e", 0): 0.0, ("b", 1): 0.0}, order=BASES[::-1])
    claim = check(first, second, roles, harmful)
    for part in parts:
        effect = claim.parts[part]
        assert (effect.effect, effect.low, effect.high) == pytest.approx((0.1, 0.1, 0.1)), part
        assert (effect.bases, effect.runs) == (3, 3), part


@pytest.mark.parametrize("check", [data.c10_long_cot_beats_no_cot, data.c13_a_toy_game_beats_no_cot])
def test_an_unpaired_run_makes_no_benchmark_go_against_a_claim(check, differing, roles):
    first = differing(0.4, extra={("d", 0): -9.0, ("a", 1): -9.0})
    claim = check(first, differing(0.3, extra={("e", 0): 9.0}), roles)
    assert (claim.verdict, claim.against) == ("held", ())


@pytest.fixture(scope="module")
def judge_all(table, roles, harmful):
    """Function that makes a table of all claims about runs whose curves differ between bases, benchmarks and arms.

    `rename` is how the benchmarks are called in the role maps, `how` changes the summaries before they are judged.
    """

    def judge_all(rename=lambda name: name, how=lambda summary: summary) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        names = (*roles, *harmful)
        shapes = dict.fromkeys(("long", "short", "slow"), (BASES, RISING, WAVE))
        # ends below its best; answers grow again
        shapes["other"] = (BASES, [0.4, 0.3, 0.35, 0.7, 0.5], [10, 20, 30, 12, 18])
        shapes["weak"] = (WEAK_BASES, [0.3, 0.2, 0.2, 0.3, 0.2], [10, 20, 30, 30, 25])
        arm = {}
        for arm_name, (bases, score, length) in shapes.items():
            runs = [(base, seed) for base in bases for seed in (0, 1)]
            summary = table(
                {run: {b: tuple(score + rng.normal(0, 0.05, (2, 5))) for b in names} for run in runs},
                {run: {b: tuple(length * rng.uniform(0.8, 1.2, (2, 5))) for b in names} for run in runs},
            )
            arm[arm_name] = how(summary)
        of, unsafe = ({rename(name): role for name, role in known.items()} for known in (roles, harmful))
        return as_table(
            [
                training.c1_short_runs_look_like_memorising(arm["short"], of),
                training.c2_smaller_rate_is_weaker(arm["short"], {"slow": arm["slow"]}, of),
                *(training.c3_dip_and_recovery(arm["long"], of, role) for role in ("ID", "OOD")),
                *(training.c4_length_surges_then_shrinks(arm["long"], of, role) for role in ("ID", "OOD")),
                training.c5_holds_for_another_teacher(arm["other"], of),
                training.c6_repetition_beats_one_pass(arm["long"], arm["other"], of),
                training.c7_diversity_still_helps(arm["other"], arm["long"], of),
                training.c8_overfitting_needs_an_aggressive_schedule(arm["long"], arm["other"], of),
                data.c9_low_quality_hurts_broadly(arm["weak"], of),
                data.c10_long_cot_beats_no_cot(arm["long"], arm["other"], of),
                data.c11_no_cot_wins_on_general_ability(arm["other"], arm["long"], of),
                data.c12_a_toy_game_transfers(arm["other"], of),
                data.c13_a_toy_game_beats_no_cot(arm["other"], arm["long"], of),
                capability.c14_stronger_bases_generalise_more(arm["long"], arm["weak"], of),
                capability.c15_weak_bases_copy_length(arm["weak"], arm["long"], of),
                capability.c16_holds_for_another_family(arm["other"], arm["weak"], of),
                safety.c17_reasoning_rises_while_safety_falls(arm["long"], of, unsafe),
                safety.c18_the_form_of_the_trace_costs_safety(arm["long"], arm["other"], unsafe),
            ]
        )

    return judge_all


@pytest.fixture(scope="module")
def judged(judge_all):
    return judge_all()


def renamed(summary):
    """Every name another one, in another order; runs stay runs and benchmarks stay benchmarks."""
    return summary.assign(
        run="run-" + summary.run,
        model=summary.model.map(dict(zip("abcdef", "zyxwvu", strict=True))),
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
def test_no_claim_depends_on(how, judge_all, judged):
    pd.testing.assert_frame_equal(judge_all(how=how), judged)


def test_no_claim_knows_a_base_a_data_set_or_a_benchmark_by_name(judge_all, judged):
    found = judge_all(rename=lambda name: name[::-1], how=renamed)
    pd.testing.assert_frame_equal(found, judged)


def test_a_table_of_all_claims_has_one_row_per_part(judged):
    assert list(judged.columns) == list(COLUMNS)
    assert judged.claim.value_counts(sort=False).to_dict() == PARTS
    assert judged.claim.unique().tolist() == list(PARTS)
    assert judged.p.between(0, 1).all()
    assert judged.statement.str.len().min() > 20


def test_a_claim_counts_the_runs_of_both_kinds_only_where_it_compares_kinds_of_base(judged):
    between = judged.claim.isin(["C14", "C16"]) | (judged.part == "longer")
    assert set(judged.bases) == {3}
    assert set(judged.runs[~between]) == {6}
    assert set(judged.runs[between]) == {12}
