import math

import numpy as np
import pandas as pd
import pytest

from rsft_utils import stats


def score(mean, **others):
    """One row of a summary table."""
    return {
        "run": "a",
        "model": "S-seed0",
        "step": 0,
        "benchmark": "chain",
        "role": "ID",
        "mode": "free",
        "decoding": "greedy",
        "metric": "score",
        "higher_is_better": True,
        "chance": 0.1,
        "mean": mean,
        "n_items": 100,
        **others,
    }


def summary(*rows):
    """A summary table in which every step was asked the same items, so that both scores agree."""
    return pd.DataFrame([*rows, *({**row, "metric": "score_common"} for row in rows if row["metric"] == "score")])


# R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3
@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(hits, n, low, high):
    assert stats.wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.filterwarnings("error")
def test_wilson_takes_columns_and_has_no_interval_of_nothing():
    low, high = stats.wilson(pd.Series([81.0, np.nan]), pd.Series([263, 0]))
    assert low.tolist() == pytest.approx([0.2553, math.nan], abs=5e-5, nan_ok=True)
    assert high.tolist() == pytest.approx([0.3662, math.nan], abs=5e-5, nan_ok=True)


def test_curves_of_one_run_have_wilsons_interval_over_items():
    table = summary(score(0.25, step=0), score(0.5, step=10, n_items=20), score(0.9, benchmark="word", role="OOD"))
    curves = stats.score_curves(table)
    assert curves[["role", "benchmark", "step", "mean", "chance"]].values.tolist() == [
        ["ID", "chain", 0, 0.25, 0.1],
        ["ID", "chain", 10, 0.5, 0.1],
        ["OOD", "word", 0, 0.9, 0.1],
    ]
    for row, (hits, n) in zip(curves.itertuples(), [(25, 100), (10, 20), (90, 100)], strict=True):
        assert (row.low, row.high) == pytest.approx(stats.wilson(hits, n))


def test_curves_are_of_the_mode_and_metric_asked_for_and_of_greedy_answers_where_there_are_both():
    others = [{"mode": "forced"}, {"decoding": "T0.6"}, {"metric": "answered"}]
    table = summary(score(0.1), *(score(0.2 + i / 10, **other) for i, other in enumerate(others)))
    for curves in (stats.score_curves, stats.role_curves):
        assert curves(table)["mean"].tolist() == [0.1]
        assert curves(table, mode="forced")["mean"].tolist() == [0.2]
        assert curves(table[table.decoding == "T0.6"])["mean"].tolist() == pytest.approx([0.3])
        assert curves(table, metric="answered")["mean"].tolist() == [0.4]


@pytest.mark.filterwarnings("error")
def test_a_curve_has_no_interval_where_nobody_answered():
    table = summary(
        score(math.nan, metric="score_if_answered", n_items=0), score(0.5, metric="score_if_answered", step=2)
    )
    curves = stats.score_curves(table, metric="score_if_answered")
    assert curves[["mean", "low", "high"]].iloc[0].isna().all()
    assert curves[["mean", "low", "high"]].iloc[1].notna().all()


def test_a_role_is_the_plain_mean_of_its_benchmarks_with_the_error_of_independent_shares():
    table = summary(
        score(0.2, chance=0.1, n_items=100),
        score(0.6, benchmark="equation", chance=0.3, n_items=50),
        score(0.9, benchmark="word", role="OOD"),
    )
    in_domain = stats.role_curves(table).set_index("role").loc["ID"]
    assert in_domain["mean"] == pytest.approx(0.4)
    assert in_domain.chance == pytest.approx(0.2)
    half = 1.96 * math.sqrt(0.2 * 0.8 / 100 + 0.6 * 0.4 / 50) / 2
    assert (in_domain.low, in_domain.high) == pytest.approx((0.4 - half, 0.4 + half))


@pytest.mark.parametrize("curves", [stats.score_curves, stats.role_curves])
def test_several_runs_have_a_t_interval_over_their_means(curves):
    values = (0.2, 0.3, 0.7)
    table = summary(*(score(value, run=run) for run, value in zip("abc", values, strict=True)))
    row = curves(table).iloc[0]
    half = 4.302653 * np.std(values, ddof=1) / math.sqrt(3)  # t of 2 degrees of freedom at 97.5 %
    assert (row["mean"], row.low, row.high) == pytest.approx((0.4, 0.4 - half, 0.4 + half))
    assert row.chance == 0.1
    assert len(curves(table)) == 1


def test_runs_of_a_role_are_averaged_before_they_are_compared():
    """Two benchmarks that differ much within each run, and runs that do not: the interval is narrow."""
    table = summary(
        *(score(0.1, run=run) for run in "ab"), *(score(0.9, run=run, benchmark="equation") for run in "ab")
    )
    row = stats.role_curves(table).iloc[0]
    assert (row["mean"], row.low, row.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_design_gate_measures_from_chance_and_asks_id_and_ood_only():
    table = summary(
        score(0.5, benchmark="boolean", role="OOD", chance=0.5),  # 0 above chance
        score(0.6, benchmark="chain", chance=0.5),  # exactly 0.2
        score(0.82, benchmark="equation", chance=0.1),  # exactly 0.8
        score(0.95, benchmark="word", role="OOD", chance=0.5),  # 0.9
        score(0.5, benchmark="fact", role="GEN", chance=0.0),
        score(0.5, benchmark="chain", step=10),
        score(0.5, benchmark="chain", mode="forced"),
    )
    gate = stats.design_gate(table).set_index("benchmark")
    assert gate.above_chance.to_dict() == pytest.approx({"boolean": 0.0, "chain": 0.2, "equation": 0.8, "word": 0.9})
    assert gate.drop(index=["chain", "equation"]).passes.to_dict() == {"boolean": False, "word": False}
    assert gate.score.to_dict() == {"boolean": 0.5, "chain": 0.6, "equation": 0.82, "word": 0.95}
    inside = stats.design_gate(summary(score(0.4), score(0.5, benchmark="equation")))
    assert inside.passes.all()


def test_what_was_elicited_and_what_was_learned_add_up_to_the_forced_gain():
    table = summary(
        score(0.2),
        score(0.5, mode="forced"),
        score(0.4, step=10),
        score(0.8, step=640),
        score(0.9, mode="forced", step=640),
        score(0.3, benchmark="harmful", role="SAFE", higher_is_better=False),
        score(0.0, mode="forced", decoding="T0.6"),
    )
    (row,) = stats.elicited_and_learned(table).to_dict("records")
    assert row == pytest.approx(
        {"run": "a", "role": "ID", "benchmark": "chain", "base": 0.2, "elicited": 0.3, "learned": 0.4, "final": 0.8}
    )


def test_each_run_is_split_into_elicited_and_learned_by_itself():
    rows = [
        score(mean + shift, run=run, mode=mode, step=step)
        for run, shift in (("a", 0.0), ("b", 0.1))
        for mode, step, mean in (("free", 0, 0.1), ("forced", 0, 0.3), ("free", 640, 0.5), ("forced", 640, 0.7))
    ]
    split = stats.elicited_and_learned(summary(*rows)).set_index("run")
    assert split.base.to_dict() == pytest.approx({"a": 0.1, "b": 0.2})
    assert split.learned.to_dict() == pytest.approx({"a": 0.4, "b": 0.4})


ROLES = {"chain": "ID", "equation": "ID", "word": "OOD"}


def answers(benchmark, outcomes_by_step, run="a", **others):
    return [
        {
            "run": run,
            "step": step,
            "benchmark": benchmark,
            "item": f"{benchmark}{i}",
            "mode": "free",
            "decoding": "greedy",
            "outcome": "correct" if right else "wrong",
            **others,
        }
        for step, outcomes in outcomes_by_step.items()
        for i, right in enumerate(outcomes)
    ]


@pytest.fixture
def gained():
    items = pd.DataFrame(
        answers("chain", {0: [1, 0, 0, 0], 10: [0, 0], 640: [1, 1, 1, 0]})
        + answers("equation", {0: [1, 1], 10: [0, 1], 640: [1, 1]})
        + answers("word", {0: [0, 1, 0, 1], 10: [0, 0], 640: [1, 0, 1, 0]})
        + answers("harmful", {0: [1], 640: [0]})
        + answers("chain", {640: [0, 0, 0, 0]}, mode="forced")
    )
    return stats.gains(items, ROLES).set_index("role")


def test_gains_weigh_every_benchmark_of_a_role_alike(gained):
    assert list(gained.index) == ["ID", "OOD"]
    in_domain = gained.loc["ID"]
    assert in_domain.base == (0.25 + 1) / 2
    assert in_domain["last"] == (0.75 + 1) / 2
    assert in_domain.gain == (0.5 + 0) / 2
    assert (in_domain.lowest, in_domain.at_step) == (0.25, 10)


def test_the_interval_of_a_gain_is_paired_by_item(gained):
    in_domain, out_of_domain = gained.loc["ID"], gained.loc["OOD"]
    assert 0 <= in_domain.low < in_domain.gain < in_domain.high <= 0.5
    assert out_of_domain.gain == 0
    assert out_of_domain.low < 0 < out_of_domain.high


def test_a_change_that_every_item_shares_is_certain():
    items = pd.DataFrame(answers("chain", {0: [0] * 9, 640: [1] * 9}))
    (row,) = stats.gains(items, ROLES).to_dict("records")
    assert (row["gain"], row["low"], row["high"]) == (1, 1, 1)


def test_gains_use_the_items_that_both_ends_have():
    items = pd.DataFrame(answers("chain", {0: [0, 0, 1, 1, 1, 1], 640: [1, 0]}))
    (row,) = stats.gains(items, ROLES).to_dict("records")
    assert row["gain"] == 0.5


def test_gains_are_the_same_again_and_other_draws_hardly_matter(made_up_items):
    items = made_up_items(n_items=40)
    first = stats.gains(items, ROLES)
    assert first.equals(stats.gains(items, ROLES))
    other = stats.gains(items, ROLES, seed=1)
    assert other.gain.equals(first.gain)
    assert other[["low", "high"]].values == pytest.approx(first[["low", "high"]].values, abs=0.05)
