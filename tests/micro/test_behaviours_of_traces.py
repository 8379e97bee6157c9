"""Steps and backtracks of the traces that teachers write."""

import re
from random import Random

import pytest
from problems import SEARCHES, SEEDS, WITH_TRACES, draws, every_family
from thoughts import thought_of

from rsft_utils.micro import traces
from rsft_utils.micro.behaviours import replay
from rsft_utils.micro.traces import careful_trace, careless_trace, second_teacher


def n_failed(item):
    """Attempts of the search before the one that fits."""
    return sum(segment.verdict.endswith(" no") for segment in item.trace)


@every_family
def test_every_marker_of_a_careful_trace_is_a_valid_backtrack(family):
    markers = 0
    for seed, item in enumerate(draws(family)):
        found = replay(item, thought_of(careful_trace(item, Random(seed))))
        assert found.markers == found.valid_backtracks
        markers += found.markers
    assert markers > len(SEEDS) / 20


@every_family
def test_the_wrong_steps_of_a_careful_trace_are_its_slips(family):
    for seed, item in enumerate(draws(family)):
        thought = thought_of(careful_trace(item, Random(seed)))
        found, slips, checks = replay(item, thought), thought.count("check no wait"), thought.count("ok")
        assert found.right_steps == found.steps - slips
        written = sum(len(segment.steps) for segment in item.trace)
        assert found.steps == written + slips + (0 if family in SEARCHES else checks)


@every_family
def test_a_search_backtracks_once_for_each_failed_attempt_and_a_chain_for_each_slip(family):
    for seed, item in enumerate(draws(family)):
        thought = thought_of(careful_trace(item, Random(seed)))
        failed = n_failed(item)
        assert replay(item, thought).valid_backtracks == failed + thought.count("check no wait")


@every_family
def test_a_trace_whose_slips_are_all_noticed_leaves_no_wrong_step_uncorrected(family):
    for seed, item in enumerate(draws(family)):
        thought = thought_of(careless_trace(item, Random(seed), noticed_share=1, rambles=False))
        found, slips = replay(item, thought), thought.count("check no wait")
        assert found.steps - found.right_steps == slips
        assert found.markers == found.valid_backtracks == slips + n_failed(item)


@every_family
def test_the_wrong_steps_of_the_second_teacher_are_its_slips(family):
    for seed, item in enumerate(draws(family)):
        thought = thought_of(second_teacher(item, Random(seed)))
        found, slips = replay(item, thought), thought.split().count("no") - n_failed(item)
        written = sum(len(segment.steps) for segment in item.trace)
        gone_through = len(item.trace[-1].steps) if family in SEARCHES else written
        assert found.steps == written + slips + gone_through
        assert found.right_steps == found.steps - slips, thought


@every_family
def test_every_marker_of_the_second_teacher_is_a_valid_backtrack(family):
    markers = 0
    for seed, item in enumerate(draws(family)):
        found = replay(item, thought_of(second_teacher(item, Random(seed))))
        assert found.markers == found.valid_backtracks
        markers += found.markers
    assert markers > len(SEEDS) / 20


# who has the ball is a matter of the line, so there it may make one
@pytest.mark.parametrize("family", [family for family in WITH_TRACES if family != "tracking"])
def test_quoting_lines_and_goals_makes_no_difference(family):
    for seed, item in enumerate(draws(family)):
        for write in (careful_trace, second_teacher, lambda item, rng: careless_trace(item, rng, 0.5, rambles=True)):
            thought = thought_of(write(item, Random(seed)))
            assert replay(item, re.sub(r"\bl[1-6] |\bgoal [0-9]+ (?=no|ok)", "", thought)) == replay(item, thought)


@pytest.mark.parametrize("family", [family for family in WITH_TRACES if family not in SEARCHES])
def test_rambling_has_markers_and_no_valid_backtrack(family):
    markers = 0
    for seed, item in enumerate(draws(family)):
        found = replay(item, thought_of(careless_trace(item, Random(seed), noticed_share=0, rambles=True)))
        assert found.valid_backtracks == 0
        markers += found.markers
    assert markers > len(SEEDS)


@pytest.mark.parametrize("family", ["equation", "lock"])
def test_rambling_through_a_search_adds_no_valid_backtrack(family):
    for seed, item in enumerate(draws(family)):
        found = replay(item, thought_of(careless_trace(item, Random(seed), noticed_share=0.5, rambles=True)))
        assert found.valid_backtracks <= n_failed(item)


@every_family
def test_slips_of_a_careless_trace_are_seen(family, monkeypatch):
    monkeypatch.setattr(traces, "SLIP_SHARE", 1)
    steps = right = 0
    for seed, item in enumerate(draws(family)):
        found = replay(item, thought_of(careless_trace(item, Random(seed), noticed_share=0, rambles=False)))
        steps, right = steps + found.steps, right + found.right_steps
    # who has the ball after a step depends on the slip before, so a second slip may be right again
    assert right == 0 if family != "tracking" else right < steps / 2
