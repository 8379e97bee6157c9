import pandas as pd
import pytest

from rsft_utils import published, published_signs

CLAIMS = [f"C{number}" for number in range(1, 19)]


@pytest.fixture(scope="module")
def signs():
    return published_signs.signs()


@pytest.fixture(scope="module")
def counts(signs):
    return published_signs.counts(signs).set_index(["claim", "models"])


@pytest.mark.parametrize(
    ("claim", "models", "agree", "of"),
    [
        ("C3", "Qwen3-4B", 8, 9),
        ("C3", "Qwen3-1.7B", 1, 6),
        ("C6", "Qwen3-14B", 8, 9),
        ("C7", "Qwen3-14B", 8, 9),
        ("C9", "Qwen3-14B", 8, 9),
        ("C9", "Qwen3-8B", 7, 9),
        ("C9", "InternLM2.5-20B", 6, 9),
        ("C10", "Qwen3-14B", 5, 5),
        ("C10", "Qwen3-8B", 4, 5),
        ("C10", "InternLM2.5-20B", 4, 5),
        ("C10", "Qwen3-4B", 4, 5),
        ("C12", "Qwen3-14B", 5, 5),
        ("C12", "Qwen3-8B", 5, 5),
        ("C12", "Qwen3-4B", 5, 5),
        ("C12", "InternLM2.5-20B", 5, 5),
        ("C12", "Qwen3-1.7B", 2, 5),
        ("C13", "Qwen3-14B", 2, 2),
        ("C13", "Qwen3-8B", 2, 2),
        ("C13", "Qwen3-4B", 2, 2),
        ("C13", "InternLM2.5-20B", 0, 2),
        ("C13", "Qwen3-1.7B", 0, 2),
    ],
)
def test_the_counts_are_those_that_a_reader_found_by_hand(counts, claim, models, agree, of):
    found = counts.loc[claim, models]
    assert (found.agree, found.of) == (agree, of)


@pytest.mark.parametrize(
    ("claim", "models", "against"),
    [
        ("C3", "Qwen3-4B", "GPQA-D"),
        ("C6", "Qwen3-14B", "HaluEval"),
        ("C7", "Qwen3-14B", "TruthfulQA-help"),
        ("C10", "Qwen3-14B", ""),
        ("C13", "InternLM2.5-20B", "MATH500, AIME24"),
    ],
)
def test_the_benchmarks_that_disagree_are_named(counts, claim, models, against):
    assert counts.against[claim, models] == against


def test_the_counts_count_the_signs(signs, counts):
    assert counts.of.sum() == len(signs) and counts.agree.sum() == signs.agrees.sum()
    named = [name for names in counts.against for name in names.split(", ") if name]
    assert len(named) == (~signs.agrees).sum()


def some_signs(rows):
    return pd.DataFrame(rows, columns=["claim", "models", "benchmark", "role", "effect", "agrees"])


def test_counts_are_of_the_signs_that_they_are_given():
    some = some_signs(
        [
            ["C3", "small", "maths", "ID", 2.0, True],
            ["C3", "small", "code", "OOD", -1.0, False],
            ["C3", "small", "essays", "GEN", 0.0, False],
            ["C3", "large", "maths", "ID", 1.0, True],
            ["C9", "small", "maths", "ID", -3.0, False],
        ]
    )
    columns = ["claim", "models", "agree", "of", "against"]
    found = published_signs.counts(some)
    assert list(found.columns) == columns
    assert found.values.tolist() == [
        ["C3", "small", 1, 3, "code, essays"],
        ["C3", "large", 1, 1, ""],
        ["C9", "small", 0, 1, "maths"],
    ]
    in_domain = published_signs.counts(some[some.role == "ID"])
    assert in_domain.values.tolist() == [
        ["C3", "small", 1, 1, ""],
        ["C3", "large", 1, 1, ""],
        ["C9", "small", 0, 1, "maths"],
    ]


def test_of_no_signs_there_are_no_counts(signs):
    for nothing in (some_signs([]), signs[signs.claim == "C17"]):
        assert len(published_signs.counts(nothing)) == 0


def test_every_claim_either_has_signs_or_a_reason_why_not(signs):
    judged = set(signs.claim)
    assert judged.isdisjoint(published_signs.NOT_PUBLIC)
    assert sorted([*judged, *published_signs.NOT_PUBLIC]) == sorted(CLAIMS)
    assert all(published_signs.NOT_PUBLIC.values())


def test_an_effect_above_zero_agrees_and_no_other_does(signs):
    assert signs.agrees.tolist() == [effect > 0 for effect in signs.effect]
    (nothing,) = signs[signs.effect == 0].itertuples()
    assert (nothing.claim, nothing.benchmark, nothing.agrees) == ("C10", "MMLU-Pro", False)


def test_a_claim_is_asked_once_per_model_and_benchmark_and_in_its_roles_only(signs):
    assert not signs.duplicated(["claim", "models", "benchmark"]).any()
    assert signs.role.tolist() == signs.benchmark.map(published.ROLES).tolist()
    asked = signs.groupby("claim").role.agg(set)
    assert asked["C3"] == asked["C9"] == {"ID", "OOD", "GEN"}
    assert asked["C10"] == asked["C12"] == asked["C14"] == {"ID", "OOD"}
    assert (asked["C11"], asked["C13"]) == ({"GEN"}, {"ID"})


COT, NOCOT = "Math-CoT-20k ep8_bs256", "Math-NoCoT-20k ep8_bs256"
GAME, POOR = "Countdown-CoT-20k ep8_bs256", "NuminaMath-20k ep8_bs256"
FEW, ONCE, BASE = "Math-CoT-2.5k ep8_bs32", "Math-CoT-20k ep1_bs32", "none base"


def last(table, model, run, benchmark):
    about = {"study": "paper", "model": model, "benchmark": benchmark, "confidence": "exact"}
    about |= dict(zip(("dataset", "setting"), run.split(), strict=True))
    rows = table[(table[list(about)] == pd.Series(about)).all(axis=1)]
    return rows.sort_values("step").value.iloc[-1]


@pytest.mark.parametrize("benchmark", ["MATH500", "AIME24"])
@pytest.mark.parametrize(
    ("claim", "better", "worse"),
    [
        ("C6", FEW, ONCE),
        ("C7", COT, FEW),
        ("C9", BASE, POOR),
        ("C10", COT, NOCOT),
        ("C12", GAME, BASE),
        ("C13", GAME, NOCOT),
    ],
)
def test_an_effect_is_a_difference_of_published_numbers_in_points(signs, claim, better, worse, benchmark):
    row = signs.set_index(["claim", "models", "benchmark"]).loc[claim, "Qwen3-14B", benchmark]
    one, other = (last(published.load(), "Qwen3-14B", run, benchmark) for run in (better, worse))
    assert row.effect == pytest.approx(one - other)


def test_a_dip_needs_both_a_fall_and_a_rise(signs):
    effects = signs.set_index(["claim", "models", "benchmark"]).effect
    assert effects["C3", "Qwen3-4B", "MATH500"] == pytest.approx(70.8 - 62.9)  # and it gains 15.4
    scores = published.curves("Qwen3-1.7B", ["MATH500"]).value.tolist()
    assert effects["C3", "Qwen3-1.7B", "MATH500"] == pytest.approx(scores[-1] - scores[0])


def test_sizes_are_compared_with_the_next_smaller_one(signs):
    pairs = list(dict.fromkeys(signs[signs.claim == "C14"].models))
    assert pairs == ["Qwen3-4B and Qwen3-1.7B", "Qwen3-8B and Qwen3-4B", "Qwen3-14B and Qwen3-8B"]


@pytest.mark.parametrize(("change", "agrees"), [(0.0, True), (-20.0, False)])
def test_a_changed_number_changes_its_sign_and_no_other(monkeypatch, change, agrees):
    table = published.load().query("model == 'Qwen3-14B' and dataset in ['none', 'Countdown-CoT-20k']").copy()
    here = (table.benchmark == "MATH500") & (table.step == 640)
    assert here.sum() == 1
    before = float(table.value[here].iloc[0] - last(table, "Qwen3-14B", BASE, "MATH500"))
    assert 0 < before < 20
    table.loc[here, "value"] += change
    monkeypatch.setattr(published, "load", lambda: table)
    found = published_signs.signs()
    assert set(found.claim) == {"C12"}  # the other claims need other runs
    found = found.set_index("benchmark")
    assert found.effect["MATH500"] == pytest.approx(before + change)
    assert found.agrees.to_dict() == {**dict.fromkeys(found.index, True), "MATH500": agrees}
    assert len(found) == 5
