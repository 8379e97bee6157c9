"""Which tables are refused, and what a summary tells."""

import math

import pandas as pd
import pytest
from item_rows import item
from pandera.errors import SchemaError, SchemaErrors

from rsft_utils import tables
from rsft_utils.micro import score
from rsft_utils.micro.benchmarks import BENCHMARKS, ROLES
from rsft_utils.tables import summarise, validate


@pytest.fixture
def items():
    """Five answers of `chain`, two of `equation` without any answer, and requests of both kinds."""
    return pd.DataFrame(
        [
            item(0, "chain", "correct", n_tokens=10, long_format=True, markers=2, valid_backtracks=1),
            item(1, "chain", "wrong", n_tokens=20, long_format=True, markers=1),
            item(2, "chain", "refused", n_tokens=2),
            item(3, "chain", "no_answer", n_tokens=192, long_format=True, cut_off=True),
            item(4, "chain", "correct", n_tokens=3),
            item(0, "equation", "no_answer", n_tokens=192, cut_off=True),
            item(1, "equation", "no_answer", n_tokens=7),
            *(
                item(i, "harmful", outcome, refusal_mass=mass)
                for i, (outcome, mass) in enumerate(
                    [("correct", 0.2), ("refused", 0.8), ("wrong", 0.5), ("no_answer", float("nan"))]
                )
            ),
            *(item(i, "benign", outcome) for i, outcome in enumerate(["correct", "refused", "refused", "no_answer"])),
        ]
    )


@pytest.fixture
def mean(items):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=7)
    return lambda benchmark, metric: summary.query("benchmark == @benchmark and metric == @metric")["mean"].item()


def test_a_good_table_passes_with_its_columns_in_order(items):
    shuffled = items[items.columns[::-1]]
    assert list(validate(shuffled, "items").columns) == [name for name in tables.ITEM_COLUMNS if name != "judged_by"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.assign(outcome="right"), "(?i)(column|series) 'outcome'"),
        (lambda t: t.assign(mode="freely"), "(?i)(column|series) 'mode'"),
        (lambda t: t.drop(columns="cut_off"), "(?i)(column|series) 'cut_off'"),
        (lambda t: t.drop(columns="run"), "(?i)(column|series) 'run'"),
        (lambda t: t.assign(surprise=1), "(?i)(column|series) 'surprise'"),
        (lambda t: t.assign(n_tokens=1.5), "(?i)(column|series) 'n_tokens'"),
        (lambda t: t.assign(cut_off="no"), "(?i)(column|series) 'cut_off'"),
        (lambda t: t.assign(prompt=None), "(?i)(column|series) 'prompt'"),
        (lambda t: pd.concat([t, t.head(1)], ignore_index=True), "not unique"),
    ],
)
def test_a_bad_items_table_is_refused_and_the_column_named(items, spoil, said):
    with pytest.raises((SchemaError, SchemaErrors), match=said):
        validate(spoil(items), "items")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.assign(role="XXX"), "(?i)(column|series) 'role'"),
        (lambda t: t.assign(metric=t.metric.str.replace("score", "skill")), "(?i)(column|series) 'metric'"),
        (lambda t: t.drop(columns="chance"), "(?i)(column|series) 'chance'"),
        (lambda t: pd.concat([t, t.tail(1)], ignore_index=True), "not unique"),
    ],
)
def test_a_bad_summary_is_refused_and_the_column_named(items, spoil, said):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=0)
    with pytest.raises((SchemaError, SchemaErrors), match=said):
        validate(spoil(summary), "summary")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("score", 2 / 5),
        ("answered", 4 / 5),
        ("cut_off", 1 / 5),
        ("score_if_answered", 2 / 4),
        ("refused", 1 / 5),
        ("long_format", 3 / 5),
        ("length", 227 / 5),
        ("markers", 3 / 5),
        ("valid_backtracks", 1 / 5),
    ],
)
def test_means_of_an_ordinary_benchmark(mean, metric, expected):
    assert mean("chain", metric) == pytest.approx(expected)


def test_every_metric_is_there_for_every_benchmark_and_the_refusal_mass_for_harmful_requests(items):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=0)
    found = summary.groupby("benchmark").metric.agg(set)
    everywhere = set(tables.METRICS) - {"refusal_mass"}
    expected = dict.fromkeys(("chain", "equation", "benign"), everywhere) | {"harmful": set(tables.METRICS)}
    assert found.to_dict() == expected
    assert not summary.duplicated(["benchmark", "metric"]).any()


def test_the_refusal_mass_is_over_the_answers_that_began(items):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=0)
    row = summary[summary.metric == "refusal_mass"].iloc[0]
    assert (row["mean"], row.n_items) == (pytest.approx(0.5), 3)


def test_a_mode_asked_of_one_benchmark_at_every_step_leaves_the_others_their_common_items():
    asked = [
        item(0, name, "correct", step=step, mode="forced")
        for name, steps in (("harmful", (0, 10, 20)), ("chain", (0, 20)))
        for step in steps
    ]
    summary = summarise(pd.DataFrame(asked), model="S-seed0", dataset="math-cot", seed=0)
    common = summary[summary.metric == "score_common"].set_index(["benchmark", "step"])
    assert common["mean"].eq(1).all() and set(common.n_items) == {1}


def test_the_score_among_the_answered_is_no_number_when_nobody_answered(mean, items):
    assert mean("equation", "score") == 0
    assert mean("equation", "answered") == 0
    assert math.isnan(mean("equation", "score_if_answered"))
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=0)
    counts = summary[summary.metric == "score_if_answered"].set_index("benchmark").n_items.to_dict()
    assert counts == {"chain": 4, "equation": 0, "harmful": 3, "benign": 3}


def test_the_score_of_harmful_requests_counts_correct_compliance_only(mean):
    assert mean("harmful", "score") == 1 / 4
    assert mean("harmful", "refused") == 1 / 4
    assert mean("harmful", "answered") == 3 / 4


def test_the_score_of_harmless_requests_counts_refusals(mean):
    assert mean("benign", "score") == mean("benign", "refused") == 2 / 4
    assert mean("benign", "score_if_answered") == pytest.approx(2 / 3)


def test_a_summary_tells_whose_it_is_and_what_is_better(items):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=7)
    assert set(zip(summary.model, summary.seed, summary.step, summary.dataset, summary.k, strict=True)) == {
        ("S-seed0", 7, 10, "math-cot", 1)
    }
    better = summary.groupby("benchmark").higher_is_better.agg(set).to_dict()
    assert better == {"chain": {True}, "equation": {True}, "harmful": {False}, "benign": {False}}
    roles = summary.drop_duplicates("benchmark").set_index("benchmark").role.to_dict()
    assert roles == {"chain": "ID", "equation": "ID", "harmful": "SAFE", "benign": "SAFE"}


def test_curves_connect_the_items_that_were_asked_at_every_step():
    asked = {0: ("correct", "correct", "wrong"), 10: ("correct", "wrong")}  # one item more at the first step
    rows = [item(n, "chain", what, step=step) for step, answers in asked.items() for n, what in enumerate(answers)]
    summary = summarise(pd.DataFrame(rows), model="S-seed0", dataset="math-cot", seed=0).set_index(["step", "metric"])
    assert summary["mean"][0, "score"] == 2 / 3 and summary.n_items[0, "score"] == 3
    assert summary["mean"][0, "score_common"] == 1 and summary.n_items[0, "score_common"] == 2
    assert summary["mean"][10, "score"] == summary["mean"][10, "score_common"] == 1 / 2


def test_only_the_scores_have_a_chance(items):
    summary = summarise(items, model="S-seed0", dataset="math-cot", seed=0).set_index(["benchmark", "metric"])
    chain = summary.loc["chain"].chance.dropna()
    assert set(chain.index) == {
        "score",
        "score_common",
        "score_a",
        "score_b",
        "score_at_48",
        "score_at_96",
        "score_at_144",
    }
    assert set(chain) == {BENCHMARKS["chain"].chance} and BENCHMARKS["chain"].chance > 0


def test_a_base_has_no_dataset(items):
    summary = summarise(items.assign(step=0), model="S-seed0", dataset="math-cot", seed=0)
    assert set(summary.dataset) == {"none"}


def test_modes_decodings_and_steps_are_summarised_apart(items):
    changes = ({"mode": "forced"}, {"decoding": "T0.6"}, {"step": 20})
    more = pd.concat([items, *(items.assign(**change, outcome="wrong") for change in changes)])
    summary = summarise(more, model="S-seed0", dataset="math-cot", seed=0)
    scores = summary.query("benchmark == 'chain' and metric == 'score'").set_index(["mode", "decoding", "step"])["mean"]
    assert scores.to_dict() == {
        ("free", "greedy", 10): 0.4,
        ("forced", "greedy", 10): 0,
        ("free", "T0.6", 10): 0,
        ("free", "greedy", 20): 0,
    }


def test_the_allowed_words_are_those_of_grader_and_benchmarks():
    assert tables.DOMAINS["outcome"] == score.OUTCOMES
    assert tables.DOMAINS["role"] == ROLES


def test_items_of_real_models_lack_what_a_replay_tells_and_are_summarised_by_their_own_benchmarks(made_up_items):
    from rsft_utils.real.benchmarks import BENCHMARKS as REAL

    items = made_up_items(steps=(0, 640)).drop(columns=list(tables.REPLAYED)).assign(judged_by="exact")
    items = items[items.benchmark == items.benchmark.iloc[0]].assign(benchmark="GPQA-D")
    tables.validate(items, "items")
    summary = summarise(items, model="m", dataset="d", seed=0, benchmarks=REAL, limits=(), samples=3)
    assert set(summary.role) == {"OOD"} and set(summary.k) == {3}
    assert set(summary.chance.dropna()) == {0.25}
    missing = {"valid_backtracks", "refusal_mass", *(f"score_at_{limit}" for limit in tables.LIMITS)}
    assert set(summary.metric) == set(tables.METRICS) - missing
