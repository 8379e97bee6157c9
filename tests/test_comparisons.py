import pytest

from rsft_utils import reference
from rsft_utils.comparisons import COMPARISONS, WARM_UPS
from rsft_utils.plots.study import PANELS
from rsft_utils.plots.style import TITLES

NAMED = {
    f"{notebook} {name}": (arms, panels)
    for notebook, comparisons in COMPARISONS.items()
    for name, (arms, panels) in comparisons.items()
}
SHOWN = {**{name: arms for name, (arms, _) in NAMED.items()}, "warm-ups": WARM_UPS}
SIZES_COMPARED = "03_model_capability"


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
    """Its runs of both sizes stand in one figure, and the legend says which is which."""
    mixed = {name for name, arms in SHOWN.items() if len({arm.split("-")[0] for arm in arms.values()}) > 1}
    assert mixed and all(name.startswith(SIZES_COMPARED) for name in mixed)
    for name in mixed:
        assert all(text.split(",")[0] == arm.split("-")[0] for text, arm in SHOWN[name].items()), name


@pytest.mark.parametrize("name", NAMED)
def test_every_panel_is_one_that_can_be_drawn(name):
    panels = NAMED[name][1]
    assert panels and len(set(panels)) == len(panels)
    assert {role for role, _ in panels} <= set(TITLES)
    assert {what for _, what in panels} <= set(PANELS)
