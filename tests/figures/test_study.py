"""Figures of the study: from which arms each is drawn, by which names and with which label."""

import pytest
from study_figures import CAPABILITY, DATA, ENDS, NOTEBOOKS, SAFETY, TRAINING, WITH_ENDS

from rsft_utils import figures, paths, reader, reference, verdicts
from rsft_utils.comparisons import ANSWERS, COMPARISONS, FOUR_FINDINGS, WARM_UPS
from rsft_utils.micro.benchmarks import ROLE_OF

SHORT_RUNS = ("S", "S-one-epoch", "S-slow-one-epoch", "S-slow-two-epochs")
REPLAY = ("XS", "XS-replay1", "XS-replay5", "XS-constant-rate", "XS-constant-replay5")


def runs_of(tables):
    """Which runs stand in which table."""
    return {text: set(table.run) for text, table in tables.items()}


def runs_of_arms(arms):
    return {text: {spec.name for spec in reference.arms()[arm]} for text, arm in arms.items()}


@pytest.mark.parametrize(
    ("notebook", "arms", "comparisons"),
    [
        (TRAINING, (), {"designs"}),
        (TRAINING, ("S", "XS"), {"designs"}),
        (TRAINING, SHORT_RUNS, {"designs", "short_runs"}),
        (TRAINING, SHORT_RUNS[:-1], {"designs", "short_runs"}),
        (TRAINING, SHORT_RUNS[1:], {"designs"}),
        (TRAINING, SHORT_RUNS[:1], {"designs"}),
        (
            TRAINING,
            ("S", "S-teacher2", "XS-no-warm-up", "XS", "XS-long-warm-up"),
            {"designs", "teachers", "warm_up"},
        ),
        (DATA, (), set()),
        (DATA, ("XS", "XS-lora8"), set()),
        (DATA, ("S",), {"changes"}),
        (DATA, ("S", "S-nocot"), {"data", "structure", "changes"}),
        (DATA, ("S-nocot", "S-two-epochs"), {"loss_tokens", "changes"}),
        (DATA, ("S", "S-answer-only", "XS-no-warm-up", "XS", "XS-long-warm-up"), {"quality", "changes"}),
        (CAPABILITY, ("S", "S-sparse"), {"traces_seen", "changes", "base_and_final"}),
        (
            CAPABILITY,
            ("S", "XS"),
            {"sizes", "procedure", "families", "countdown", *ENDS[CAPABILITY], "answers_search", "answers_tracking"},
        ),
        (CAPABILITY, ("XS", "XS-qwen2", "XS-countdown"), {"changes", "base_and_final"}),
        (SAFETY, ("XS", "XS-replay1", "XS-replay5"), {"replay", "changes", "trade_off", "refusals"}),
        (SAFETY, ("S", "S-nocot"), {"forms", "changes", "trade_off", "refusals"}),
        (SAFETY, ("XS-calm",), set()),
        (SAFETY, ("XS",), ENDS[SAFETY]),
        (SAFETY, ("XS", "XS-lora64"), {*ENDS[SAFETY], "answers_harmful"}),
    ],
)
def test_a_notebook_has_the_figures_that_can_be_drawn_from_the_arms_that_are_there(
    keep, not_drawn, notebook, arms, comparisons
):
    """A comparison needs its first arm and another, answers need all of theirs."""
    keep(*arms)
    assert set(figures.study(notebook)) == comparisons | {"claims"}


@pytest.mark.parametrize("notebook", WITH_ENDS)
def test_where_nothing_is_judged_there_is_no_figure_of_verdicts(keep, not_drawn, monkeypatch, notebook):
    keep("S")
    monkeypatch.setattr(verdicts, "table", lambda *findings: [])
    assert set(figures.study(notebook)) == ENDS[notebook]


def test_without_pilots_there_is_no_map(keep, new_reference, not_drawn):
    keep("S")
    assert "designs" in figures.study(TRAINING)
    (new_reference / "designs.csv").unlink()
    assert set(figures.study(TRAINING)) == {"claims"}


@pytest.mark.parametrize(
    ("notebook", "name", "arms", "label"),
    [
        (TRAINING, "short_runs", SHORT_RUNS, "reference runs on base S; 5 runs per curve"),
        (SAFETY, "replay", REPLAY, "reference runs on base XS; 3 runs per curve"),
        (CAPABILITY, "sizes", ("S", "XS"), "reference runs on base S and XS; 3 to 5 runs per curve"),
    ],
)
def test_a_comparison_is_drawn_from_the_tables_of_its_arms(keep, not_drawn, notebook, name, arms, label):
    keep(*arms)
    shown, panels = COMPARISONS[notebook][name]
    assert tuple(shown.values()) == arms
    tables, drawn_panels, drawn_label = figures.study(notebook)[name]
    assert drawn_panels == panels
    assert list(tables) == list(shown)
    for text, arm in shown.items():
        assert set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert drawn_label.startswith(f"{label}, each on a base of its own")


def test_an_arm_that_is_not_there_is_left_out_of_a_comparison(keep, not_drawn):
    keep("S", "S-countdown")
    tables, _, label = figures.study(DATA)["data"]
    assert list(tables) == ["long CoT", "Countdown"]
    assert label.startswith("reference runs on base S; 3 to 5 runs per curve")


@pytest.mark.parametrize("notebook", WITH_ENDS)
def test_all_arms_of_a_notebook_stand_in_one_table_of_changes_by_the_name_that_they_are_first_given(
    keep, not_drawn, notebook
):
    first_given = {}
    for compared, _ in COMPARISONS[notebook].values():
        for text, arm in compared.items():
            first_given.setdefault(arm, text)
    keep(*first_given)
    (tables, roles), label = figures.study(notebook)["changes"]
    assert list(tables) == list(first_given.values())
    assert runs_of(tables) == runs_of_arms({text: arm for arm, text in first_given.items()})
    assert roles == ROLE_OF
    assert "points" in label and "bold" in label and "base models" in label


def test_base_and_last_scores_are_those_of_the_arms_that_are_there(keep, not_drawn):
    keep("XS-qwen2", "S-sparse")
    (tables, roles), label = figures.study(CAPABILITY)["base_and_final"]
    assert runs_of(tables) == runs_of_arms({"S, 5 % traces": "S-sparse", "XS, Qwen2": "XS-qwen2"})
    assert roles == ROLE_OF
    assert label.startswith("reference runs")


def test_the_trade_off_is_that_of_all_runs_that_bear_on_safety_also_where_the_notebook_does_not_compare_them(
    keep, not_drawn
):
    keep("S", "XS-lora8", "S-teacher2")
    (tables, roles, harmful), *_ = figures.study(SAFETY)["trade_off"]
    assert runs_of(tables) == runs_of_arms({"S, long CoT": "S", "XS, LoRA 8": "XS-lora8"})
    assert (roles, harmful) == (ROLE_OF, {"harmful": "SAFE"})


def test_the_ceiling_of_attack_success_is_what_bases_that_refuse_nothing_comply_with(keep, not_drawn, made_up_summary):
    keep("S")
    assert figures.study(SAFETY)["trade_off"][-1] is figures.study(SAFETY)["refusals"][-1] is None
    table = made_up_summary(steps=(0,))
    is_it = (table.benchmark == "harmful") & (table.metric == "score") & (table["mode"] == "free")
    reference._save("S-unaligned", table.assign(mean=table["mean"].where(~is_it, 0.6)))
    pictures = figures.study(SAFETY)
    assert pictures["trade_off"][-1] == pictures["refusals"][-1] == pytest.approx(0.6)


def test_refusals_are_drawn_of_the_arms_whose_probability_of_a_refusal_was_measured(keep, not_drawn):
    keep("S", "S-nocot")
    tables, *_ = figures.study(SAFETY)["refusals"]
    assert list(tables) == ["S, long CoT", "S, without CoT"]
    for arm in ("S", "S-nocot"):
        table = reference.load(arm)
        reference._save(arm, table[table.metric != "refusal_mass"])
        left = figures.study(SAFETY)
        if arm == "S":
            assert list(left["refusals"][0]) == ["S, without CoT"]
    assert "refusals" not in left and "changes" in left


@pytest.mark.parametrize(
    ("notebook", "name"), [(notebook, name) for notebook, pictures in ANSWERS.items() for name in pictures]
)
def test_answers_are_those_of_its_arms_to_the_prompt_that_stands_above_them(keep, not_drawn, notebook, name):
    arms, benchmark, number = ANSWERS[notebook][name]
    keep(*arms.values())
    rows, label = figures.study(notebook)[name]
    wanted, prompt = reader.side_by_side(arms, benchmark, number)
    assert rows == wanted
    judged = any(kind in ("valid", "empty") for row in rows for _, words in row for _, kind in words)
    assert label.startswith(prompt) and ("green" in label and "orange" in label) == judged
    assert [title for title, _ in rows[0]] == [f"{text}, step 0" for text in arms]
    (paths.REFERENCE / f"{list(arms.values())[-1]}.parquet").unlink()
    assert name not in figures.study(notebook)


def test_the_rates_of_the_warm_ups_are_those_of_one_run_each(keep, not_drawn):
    keep(*WARM_UPS.values())
    tables, rates, label = figures.study(TRAINING)["warm_up"]
    assert list(tables) == list(rates) == list(WARM_UPS)
    for text, arm in WARM_UPS.items():
        (run,) = set(rates[text].run)
        assert run in set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert label.startswith("reference runs on base XS, out of domain")


def test_every_notebook_with_comparisons_has_a_finding_of_its_own():
    assert figures.FINDINGS == {TRAINING: "training", DATA: "data", CAPABILITY: "capability", SAFETY: "safety"}
    assert set(figures.FINDINGS.values()) == set(verdicts.CHECKS)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_verdicts_drawn_are_those_on_the_finding_of_the_notebook(keep, not_drawn, notebook):
    keep()
    assert figures.study(notebook)["claims"] == f"verdicts on {(figures.FINDINGS[notebook],)}"


# All on one page


def test_the_overview_has_the_four_findings_and_the_scorecard(keep, not_drawn):
    arms = ("S", "S-nocot", "XS", "S-sparse", "XS-lora64", "XS-lora8")
    keep(*arms)
    drawn = figures.overview()
    assert set(drawn) == {"four_findings", "scorecard"}
    (main, by_data, by_base, points), label = drawn["four_findings"]
    assert runs_of({"S": main}) == runs_of_arms({"S": "S"})
    assert runs_of(by_data[0]) == runs_of_arms({"long CoT": "S", "without CoT": "S-nocot"})
    assert runs_of(by_base) == runs_of_arms(FOUR_FINDINGS["bases"])
    assert runs_of(points[0]) == runs_of_arms(
        {text: arm for text, arm in FOUR_FINDINGS["safety"].items() if arm in arms}
    )
    assert (by_data[1:], points[1:]) == ((ROLE_OF,), (ROLE_OF, {"harmful": "SAFE"}))
    assert "no evidence about large models" in label
    assert drawn["scorecard"][0] == "all claims"
