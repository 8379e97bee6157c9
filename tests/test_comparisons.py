import pytest

from rsft_utils import published, reader, reference
from rsft_utils.comparisons import ANSWERS, ASYMMETRY, COMPARISONS, FOUR_FINDINGS, PUBLISHED, WARM_UPS
from rsft_utils.evaluate import KEPT_COMPLETIONS
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.plots.study import PANELS
from rsft_utils.plots.style import TITLES

NAMED = {
    f"{notebook} {name}": (arms, panels)
    for notebook, comparisons in COMPARISONS.items()
    for name, (arms, panels) in comparisons.items()
}
SHOWN = {**{name: arms for name, (arms, _) in NAMED.items()}, "warm-ups": WARM_UPS}
SIZES_COMPARED = "03_model_capability"
READ = {name: about for pictures in ANSWERS.values() for name, about in pictures.items()}
ELSEWHERE = {
    "asymmetry": ASYMMETRY,
    **{f"four findings, {name}": arms for name, arms in FOUR_FINDINGS.items()},
    **{name: arms for name, (arms, _, _) in READ.items()},
}
OF_BOTH_SIZES = {
    **{name: arms for name, arms in SHOWN.items() if name.startswith(SIZES_COMPARED)},
    "asymmetry": ASYMMETRY,
    "four findings, bases": FOUR_FINDINGS["bases"],
}
PAPER = [(notebook, text) for notebook, runs in PUBLISHED.items() for text in runs]


def test_every_arm_of_the_study_is_shown():
    assert {arm for arms in SHOWN.values() for arm in arms.values()} == set(reference.arms())


@pytest.mark.parametrize("name", SHOWN)
def test_a_comparison_shows_several_arms_and_none_twice(name):
    arms = list(SHOWN[name].values())
    assert len(set(arms)) == len(arms) > 1


@pytest.mark.parametrize("name", [name for name in SHOWN if not name.startswith(SIZES_COMPARED)])
def test_a_comparison_is_between_runs_of_one_size(name):
    assert len({arm.split("-")[0] for arm in SHOWN[name].values()}) == 1


def test_only_the_notebook_on_capability_compares_sizes():
    mixed = {name for name, arms in SHOWN.items() if len({arm.split("-")[0] for arm in arms.values()}) > 1}
    assert mixed and all(name.startswith(SIZES_COMPARED) for name in mixed)


@pytest.mark.parametrize("name", OF_BOTH_SIZES)
def test_where_both_sizes_stand_in_one_figure_the_legend_says_which_is_which(name):
    """The notebook on capability has all its arms in one figure, those too that it compares within a size."""
    for text, arm in OF_BOTH_SIZES[name].items():
        assert text.split(",")[0] == arm.split("-")[0]


@pytest.mark.parametrize("name", NAMED)
def test_every_panel_is_one_that_can_be_drawn(name):
    panels = NAMED[name][1]
    assert panels and len(set(panels)) == len(panels)
    assert {role for role, _ in panels} <= set(TITLES)
    assert {what for _, what in panels} <= set(PANELS)


# What stands side by side in other figures


@pytest.mark.parametrize("name", ELSEWHERE)
def test_every_other_figure_shows_several_arms_that_there_are_and_none_twice(name):
    arms = list(ELSEWHERE[name].values())
    assert set(arms) <= set(reference.arms())
    assert len(set(arms)) == len(arms) > 1


def test_the_four_findings_compare_data_on_one_size_and_bases_on_the_same_data():
    assert {arm.split("-")[0] for arm in FOUR_FINDINGS["data"].values()} == {"S"}
    for finding, differs in (("data", "dataset"), ("bases", "base")):
        specs = [reference.arms()[arm][0] for arm in FOUR_FINDINGS[finding].values()]
        alike = "base" if differs == "dataset" else "dataset"
        assert len({getattr(spec, alike) for spec in specs}) == 1
        assert len({getattr(spec, differs) for spec in specs}) == len(specs)


def test_the_slide_shows_safety_by_some_of_the_runs_that_notebook_04_shows():
    assert FOUR_FINDINGS["safety"].items() <= ASYMMETRY.items()


def test_what_is_said_to_be_a_lora_run_is_one_and_nothing_else_is():
    for text, arm in ASYMMETRY.items():
        assert {spec.method for spec in reference.arms()[arm]} == {"lora" if "LoRA" in text else "full"}


@pytest.mark.parametrize("name", READ)
def test_the_answers_that_are_put_side_by_side_are_among_those_that_are_kept(name):
    arms, benchmark, number = READ[name]
    assert benchmark in BENCHMARKS
    assert 0 <= number < KEPT_COMPLETIONS
    for arm in arms.values():
        assert set(reader.STEPS) <= set(reference.arms()[arm][0].steps)


def test_every_notebook_of_a_finding_has_runs_of_the_paper_beside_it():
    assert list(PUBLISHED) == list(COMPARISONS)
    assert set(ANSWERS) <= set(COMPARISONS)


@pytest.mark.parametrize(("notebook", "text"), PAPER)
def test_a_run_of_the_paper_is_published_and_its_model_is_named(notebook, text):
    model, data = PUBLISHED[notebook][text]
    table = published.load().query("study == 'paper' and step > 0")
    trained = table[(table.model == model) & (table.dataset == data)]
    assert published.DEFAULT_SETTING in set(trained.setting)
    assert text.split(",")[0] == model


@pytest.mark.parametrize("notebook", PUBLISHED)
def test_no_run_of_the_paper_stands_in_a_notebook_twice(notebook):
    assert len(set(PUBLISHED[notebook].values())) == len(PUBLISHED[notebook])
