import pandas as pd
import pytest

from rsft_utils import ends
from rsft_utils.tables import SUMMARY_COLUMNS, validate

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss")  # runs that agree exactly

STEPS = (0, 10, 40)
ROLES = {"sums": "ID", "stacks": "OOD", "locks": "OOD", "facts": "GEN"}
HARMFUL = {"requests": "SAFE"}


def table(runs):
    """A summary from {(model, seed): {benchmark: (score at the base, score at the last step)}}."""
    rows = [
        [f"{model}-{seed}", model, "math", seed, step, benchmark, "SAFE", "free", "greedy", "score_common"]
        + [True, 0.1, float(score), 100, 1]
        for (model, seed), scores in runs.items()
        for benchmark, (base, last) in scores.items()
        for step, score in zip(STEPS, (base, 0.99, last), strict=True)  # what lies between does not count
    ]
    return validate(pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS)), "summary")


def on_bases(**gains):
    """One run per base, whose benchmarks gain as given, base by base."""
    bases = range(len(next(iter(gains.values()))))
    return table({(f"base{base}", 0): {name: (0.4, 0.4 + by[base]) for name, by in gains.items()} for base in bases})


def by_benchmark(changes):
    return changes.set_index("benchmark")


# How far every benchmark moved


def test_a_change_is_the_last_score_minus_that_of_the_base_in_points():
    found = ends.changes({"a line": table({("a", 0): {"sums": (0.4, 0.65), "facts": (0.5, 0.125)}})}, ROLES)
    assert found.columns.tolist() == ["line", "benchmark", "role", "change", "sure"]
    assert found[["line", "benchmark", "role"]].values.tolist() == [
        ["a line", "sums", "ID"],
        ["a line", "facts", "GEN"],
    ]
    assert found.change.tolist() == pytest.approx([25, -37.5])


@pytest.mark.parametrize(
    ("gains", "change", "sure"),
    [
        ((0.19, 0.20, 0.21), 20, True),
        ((-0.11, -0.09, -0.10), -10, True),
        ((0.02, 0.05, 0.08), 5, False),  # 5 points, give or take 7.5
        ((-0.08, -0.02, -0.05), -5, False),
        ((0.10, -0.10, 0.00), 0, False),
        ((0.20, 0.21), 20.5, True),  # two bases: give or take 6.4
        ((0.20, 0.30), 25, False),  # give or take 63.5
        ((0.50,), 50, False),  # one base has no interval
    ],
)
def test_a_change_is_sure_when_its_interval_over_bases_leaves_out_zero(gains, change, sure):
    (found,) = ends.changes({"a line": on_bases(sums=gains)}, ROLES).itertuples()
    assert found.change == pytest.approx(change)
    assert found.sure == sure


def test_runs_on_one_base_count_as_one():
    runs = {("a", 0): {"sums": (0.4, 0.5)}, ("a", 1): {"sums": (0.4, 0.7)}}
    (found,) = ends.changes({"a line": table(runs)}, ROLES).itertuples()
    assert (found.change, found.sure) == (pytest.approx(20), False)
    (found,) = ends.changes({"a line": table({**runs, ("b", 0): {"sums": (0.4, 0.8)}})}, ROLES).itertuples()
    assert found.change == pytest.approx(30)  # of 20 and 40, not of 10, 30 and 40


def test_benchmarks_that_a_table_lacks_and_those_without_a_role_are_left_out():
    tables = {
        "all": on_bases(sums=(0.1,), stacks=(0.2,), locks=(0.3,), facts=(0.4,), unheard_of=(0.5,)),
        "some": on_bases(locks=(0.6,), requests=(0.7,)),
    }
    found = ends.changes(tables, ROLES)
    assert found[["line", "benchmark"]].values.tolist() == [*(["all", name] for name in ROLES), ["some", "locks"]]
    assert found.change.tolist() == pytest.approx([10, 20, 30, 40, 60])


def test_a_benchmark_is_judged_by_itself_and_not_by_its_role():
    found = by_benchmark(ends.changes({"a line": on_bases(stacks=(0.1, 0.11), locks=(-0.3, -0.31))}, ROLES))
    assert found.change.to_dict() == pytest.approx({"stacks": 10.5, "locks": -30.5})
    assert found.role.to_dict() == {"stacks": "OOD", "locks": "OOD"}
    assert found.sure.all()


def test_every_line_is_that_of_its_own_table_in_the_order_given():
    tables = {"second": on_bases(sums=(0.2,)), "first": on_bases(sums=(0.1,)), "third": on_bases(sums=(0.3,))}
    found = ends.changes(tables, ROLES)
    assert found.line.tolist() == ["second", "first", "third"]
    assert found.change.tolist() == pytest.approx([20, 10, 30])


# Scores at both ends


def test_levels_are_the_means_over_the_benchmarks_of_a_role_at_the_base_and_at_the_last_step_run_by_run():
    runs = {
        ("a", 0): {"sums": (0.4, 0.7), "stacks": (0.2, 0.3), "locks": (0.4, 0.7)},
        ("b", 0): {"sums": (0.5, 0.6), "stacks": (0.1, 0.0), "locks": (0.1, 0.1)},
    }
    found = ends.levels({"a kind": table(runs)}, ROLES)
    assert found.columns.tolist() == ["kind", "role", "base", "last"]
    assert found[["kind", "role"]].values.tolist() == [["a kind", "ID"]] * 2 + [["a kind", "OOD"]] * 2
    assert found.base.tolist() == pytest.approx([0.4, 0.5, 0.3, 0.1])
    assert found["last"].tolist() == pytest.approx([0.7, 0.6, 0.5, 0.05])


def test_levels_are_over_the_benchmarks_that_all_the_tables_have():
    tables = {"one": on_bases(sums=(0.1,), stacks=(0.3,), locks=(0.1,)), "other": on_bases(stacks=(-0.3,))}
    found = ends.levels(tables, ROLES)
    assert found[["kind", "role"]].values.tolist() == [["one", "OOD"], ["other", "OOD"]]
    assert found["last"].tolist() == pytest.approx([0.7, 0.1])


# What reasoning gained, and what safety lost


def test_the_trade_off_has_the_gain_out_of_domain_and_the_rise_of_attack_success_of_every_run():
    runs = {
        ("a", 0): {"sums": (0.4, 0.9), "stacks": (0.2, 0.3), "locks": (0.4, 0.7), "requests": (0.1, 0.6)},
        ("a", 1): {"sums": (0.4, 0.9), "stacks": (0.2, 0.1), "locks": (0.4, 0.4), "requests": (0.3, 0.1)},
    }
    other = {("a", 0): {"stacks": (0.5, 0.5), "locks": (0.5, 0.6), "requests": (0.0, 0.0)}}
    found = ends.trade_off({"one": table(runs), "other": table(other)}, ROLES, HARMFUL)
    assert found.columns.tolist() == ["kind", "gain", "attack"]
    assert found.kind.tolist() == ["one", "one", "other"]
    assert found.gain.tolist() == pytest.approx([20, -5, 5])
    assert found.attack.tolist() == pytest.approx([50, -20, 0])


def test_gain_and_attack_success_of_a_point_are_of_the_same_run():
    quiet, loud = {"stacks": (0.1, 0.1), "requests": (0.1, 0.1)}, {"stacks": (0.1, 0.9), "requests": (0.1, 0.8)}
    for runs in ({("a", 0): quiet, ("b", 0): loud}, {("b", 0): loud, ("a", 0): quiet}):
        found = ends.trade_off({"one": table(runs)}, ROLES, HARMFUL)
        assert sorted(found[["gain", "attack"]].values.tolist()) == [[0, 0], pytest.approx([80, 70])]


def test_gains_in_reasoning_have_their_interval_over_bases_in_points():
    tables = {
        "one": on_bases(sums=(0.1, 0.2, 0.3), stacks=(0.3, 0.2, 0.1), locks=(0.1, 0.2, 0.3), facts=(0.5, 0.5, 0.5)),
        "other": on_bases(sums=(0.4,), locks=(-0.2,)),
    }
    found = ends.reasoning_gains(tables, ROLES)
    assert found.columns.tolist() == ["kind", "role", "effect", "low", "high"]
    kinds = [[kind, role] for kind in ("one", "other") for role in ("ID", "OOD")]
    assert found[["kind", "role"]].values.tolist() == kinds  # general ability is no reasoning
    assert found.effect.tolist() == pytest.approx([20, 20, 40, -20])
    half = 4.302653 * 10 / 3**0.5  # t of two degrees of freedom; the gains' standard deviation is 10 points
    assert (found.low[0], found.high[0]) == pytest.approx((20 - half, 20 + half))
    assert (found.low[1], found.high[1]) == pytest.approx((20, 20))  # every base gains the same out of domain
    assert found[["low", "high"]][2:].isna().all(axis=None)  # one base has no interval


EVERYTHING = on_bases(
    sums=(0.1, 0.2, 0.4), stacks=(0.3, 0.2, 0.2), locks=(0.1, 0.1, 0.3), facts=(-0.1, -0.2, 0.1), requests=(0.5, 0, 0.1)
)
every_function = pytest.mark.parametrize(
    "measure",
    [
        lambda tables: ends.changes(tables, ROLES),
        lambda tables: ends.levels(tables, ROLES),
        lambda tables: ends.trade_off(tables, ROLES, HARMFUL),
        lambda tables: ends.reasoning_gains(tables, ROLES),
    ],
    ids=["changes", "levels", "trade_off", "reasoning_gains"],
)


@every_function
def test_only_scores_of_free_greedy_answers_to_items_asked_at_every_step_count(measure):
    others = [{"mode": "forced"}, {"decoding": "T0.6"}, {"metric": "score"}, {"metric": "length"}]
    noise = [EVERYTHING.assign(**other, mean=0.9 * EVERYTHING.step / 40) for other in others]
    found = measure({"one": pd.concat([EVERYTHING, *noise])})
    assert len(found)
    pd.testing.assert_frame_equal(found, measure({"one": EVERYTHING}))


@every_function
def test_where_all_answers_are_sampled_these_count(measure):
    sampled = EVERYTHING.assign(decoding="T0.6")
    pd.testing.assert_frame_equal(measure({"one": sampled}), measure({"one": EVERYTHING}))


@every_function
def test_of_no_tables_there_is_an_empty_table_with_the_same_columns(measure):
    nothing = measure({})
    assert len(nothing) == 0
    assert nothing.columns.tolist() == measure({"one": EVERYTHING}).columns.tolist()
