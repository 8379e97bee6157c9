import numpy as np
import pandas as pd
import pytest

from rsft_utils.claims import measures

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")

FLAT = [0.5] * 5


@pytest.mark.parametrize(
    "lengths",
    [
        [3, 10, 110, 60, 50],  # a surge that only partly shrinks; at step 10 it has hardly begun
        [30, 20, 25, 15, 12],  # ever shorter after the early peak
        [10, 20, 30, 40, 60],  # ever longer: the last is over a shortest one that is there, at step 40
    ],
)
def test_answers_grow_again_only_from_their_shortest_after_the_early_peak(on_every_base, roles, lengths):
    runs = on_every_base({"stacks": FLAT}, {"stacks": lengths})
    found = measures.regrowth(runs, roles, "OOD")
    assert found.tolist() == pytest.approx([lengths[-1] / min(lengths[3:]) - 1] * 3)


def test_only_the_first_quarter_of_the_steps_can_hold_a_dip_or_a_surge(on_every_base, roles):
    late = on_every_base({"stacks": [0.5, 0.5, 0.5, 0.1, 0.5]}, {"stacks": [10, 10, 10, 90, 10]})
    edge = on_every_base({"stacks": [0.5, 0.5, 0.1, 0.5, 0.5]}, {"stacks": [10, 10, 90, 10, 10]})
    assert measures.dip(late, roles, "OOD").tolist() == pytest.approx([0, 0, 0])
    assert measures.dip(edge, roles, "OOD").tolist() == pytest.approx([0.4, 0.4, 0.4])
    assert measures.length_wave(late, roles, "OOD")[0].tolist() == pytest.approx([0, 0, 0])
    assert measures.length_wave(edge, roles, "OOD")[0].tolist() == pytest.approx([8, 8, 8])


def test_the_lowest_step_is_chosen_on_one_half_of_the_items_and_read_on_the_other(on_every_base, roles):
    halves = ([0.5, 0.2, 0.4, 0.5, 0.9], [0.5, 0.45, 0.3, 0.5, 0.7])  # lowest at 10, and at 20
    runs = on_every_base({"stacks": halves})
    read = np.mean([0.45, 0.4])  # b at 10, a at 20; the plain minimum would be 0.325
    assert measures.dip(runs, roles, "OOD").tolist() == pytest.approx([0.5 - read] * 3)
    assert measures.recovery(runs, roles, "OOD").tolist() == pytest.approx([0.8 - read] * 3)


def test_the_best_step_is_chosen_on_one_half_of_the_items_and_read_on_the_other(on_every_base, roles):
    halves = ([0.5, 0.9, 0.6, 0.5, 0.4], [0.5, 0.5, 0.5, 0.8, 0.2])  # best at 10, and at 40
    assert measures.late_drop(on_every_base({"sums": halves}), roles, "ID").tolist() == pytest.approx([0.2] * 3)


def test_the_peak_of_length_is_chosen_on_one_half_of_the_items_and_read_on_the_other(on_every_base, roles):
    halves = ([10, 40, 20, 10, 8], [10, 16, 30, 10, 12])  # longest at 10, and at 20
    scores = ([0.5, 0.0, 0.3, 0.5, 0.7], [0.5, 0.4, 0.0, 0.5, 0.9])
    runs = on_every_base({"stacks": scores}, {"stacks": halves})
    surge, shrink, rise = measures.length_wave(runs, roles, "OOD")
    assert surge.tolist() == pytest.approx([np.mean([0.6, 1.0])] * 3)
    assert shrink.tolist() == pytest.approx([np.mean([1 - 12 / 16, 1 - 8 / 20])] * 3)
    assert rise.tolist() == pytest.approx([np.mean([0.9 - 0.4, 0.7 - 0.3])] * 3)


def test_the_shortest_answers_are_chosen_on_one_half_of_the_items_and_read_on_the_other(on_every_base, roles):
    halves = ([10, 40, 20, 10, 24], [10, 40, 15, 30, 60])  # shortest after step 10 at 40, and at 20
    runs = on_every_base({"stacks": FLAT}, {"stacks": halves})
    assert measures.regrowth(runs, roles, "OOD").tolist() == pytest.approx([np.mean([60 / 30, 24 / 20]) - 1] * 3)


@pytest.fixture
def on_bases(table):
    """Function that makes one run per base, its curve both of the scores and (ten times) of the lengths."""

    def make(**curves):
        return table(
            {(base, 0): {"stacks": curve} for base, curve in curves.items()},
            {(base, 0): {"stacks": np.multiply(curve, 10)} for base, curve in curves.items()},
        )

    return make


def test_the_step_of_a_run_is_chosen_by_the_other_bases_and_not_by_its_own(on_bases, roles):
    alike = [0.5, 0.45, 0.35, 0.5, 0.6]  # lowest at 20
    runs = on_bases(a=[0.5, 0.1, 0.4, 0.5, 0.7], b=alike, c=alike)  # a's low at 10 would be lowest in the mean of all
    assert measures.dip(runs, roles, "OOD").tolist() == pytest.approx([0.5 - 0.4, 0.5 - 0.45, 0.5 - 0.45])
    assert measures.recovery(runs, roles, "OOD").tolist() == pytest.approx([0.7 - 0.4, 0.6 - 0.45, 0.6 - 0.45])


def test_the_best_step_of_a_run_is_chosen_by_the_other_bases_and_not_by_its_own(on_bases, roles):
    alike = [0.5, 0.4, 0.5, 0.6, 0.3]  # best at 40
    runs = on_bases(a=[0.5, 0.9, 0.6, 0.5, 0.4], b=alike, c=alike)
    assert measures.late_drop(runs, roles, "OOD").tolist() == pytest.approx([0.5 - 0.4, 0.4 - 0.3, 0.4 - 0.3])


def test_the_longest_and_the_shortest_answers_of_a_run_are_chosen_by_the_other_bases_and_not_by_its_own(
    on_bases, roles
):
    alike = [0.5, 0.6, 0.7, 0.4, 0.6]  # longest at 20, shortest after it at 40
    runs = on_bases(a=[0.5, 1.8, 0.8, 1.0, 1.2], b=alike, c=alike)  # a alone: longest at 10, shortest after it at 20
    surge, shrink, rise = measures.length_wave(runs, roles, "OOD")
    assert surge.tolist() == pytest.approx([0.8 / 0.5 - 1, 0.6 / 0.5 - 1, 0.6 / 0.5 - 1])
    assert shrink.tolist() == pytest.approx([1 - 1.2 / 0.8, 0, 0])
    assert rise.tolist() == pytest.approx([1.2 - 0.8, 0, 0])
    # the mean of a and b is longest at 10 and then shortest at 40 (0.7), as b and c are after their peak
    assert measures.regrowth(runs, roles, "OOD").tolist() == pytest.approx(
        [1.2 / 1.0 - 1, 0.6 / 0.4 - 1, 0.6 / 0.4 - 1]
    )


def test_a_later_low_of_the_run_itself_does_not_move_where_its_shortest_answers_are_looked_for(on_bases, roles):
    alike = [0.5, 0.9, 0.2, 0.6, 0.6]  # longest at 10, shortest after it at 20
    runs = on_bases(a=[0.5, 0.6, 0.7, 0.1, 0.6], b=alike, c=alike)  # a alone: longest at 20, shortest at 40
    assert measures.regrowth(runs, roles, "OOD").iloc[0] == pytest.approx(0.6 / 0.7 - 1)


def test_two_runs_on_one_base_do_not_choose_for_each_other(table, roles):
    low_at_10, low_at_20 = [0.5, 0.35, 0.4, 0.5, 0.6], [0.5, 0.4, 0.1, 0.5, 0.6]
    runs = {("a", 0): low_at_20, ("a", 1): low_at_20, ("b", 0): low_at_10}
    found = measures.dip(table({run: {"stacks": curve} for run, curve in runs.items()}), roles, "OOD")
    assert found.to_dict() == pytest.approx({("a", 0): 0.1, ("a", 1): 0.1, ("b", 0): 0.1})


def test_all_runs_on_the_other_bases_choose_by_their_mean(table, roles):
    others = {("b", 0): [0.5, 0.1, 0.4, 0.5, 0.6], ("b", 1): [0.5, 0.4, 0.3, 0.5, 0.6], ("c", 0): [0.5, 0.4, 0.3, 0, 0]}
    runs = {("a", 0): [0.5, 0.4, 0.2, 0.5, 0.6]} | others  # most of the others are lowest at 20, their mean is at 10
    found = measures.dip(table({run: {"stacks": curve} for run, curve in runs.items()}), roles, "OOD")
    assert found["a", 0] == pytest.approx(0.1)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_runs_on_a_single_base_fall_back_to_their_own_other_half(table, roles, seeds):
    runs = {
        ("a", 0): ([0.5, 0.2, 0.4, 0.5, 0.9], [0.5, 0.45, 0.3, 0.5, 0.9]),  # lowest at 10, and at 20
        ("a", 1): ([0.5, 0.4, 0.0, 0.5, 0.9], [0.5, 0.35, 0.1, 0.5, 0.9]),  # lowest at 20, lower than the other
    }
    expected = {("a", 0): 0.5 - (0.45 + 0.4) / 2, ("a", 1): 0.5 - (0.1 + 0.0) / 2}
    found = measures.dip(table({("a", seed): {"stacks": runs["a", seed]} for seed in seeds}), roles, "OOD")
    assert found.to_dict() == pytest.approx({("a", seed): expected["a", seed] for seed in seeds})


def test_a_dip_can_be_that_of_another_way_of_asking(on_every_base, roles):
    free = on_every_base({"stacks": [0.5, 0.1, 0.4, 0.5, 0.6]})  # lowest at 10
    closed = on_every_base({"stacks": [0.5, 0.45, 0.3, 0.5, 0.6]}).assign(mode="force_closed")  # and at 20
    both = pd.concat([free, closed])
    assert measures.dip(both, roles, "OOD").tolist() == pytest.approx([0.4] * 3)
    assert measures.dip(both, roles, "OOD", mode="force_closed").tolist() == pytest.approx([0.2] * 3)


def test_the_lowest_step_is_that_of_the_role_s_mean_and_every_benchmark_weighs_the_same(on_every_base, roles):
    runs = on_every_base({"stacks": [0.5, 0.2, 0.5, 0.5, 0.5], "locks": [0.5, 0.5, 0.3, 0.5, 0.9]})
    assert measures.dip(runs, roles, "OOD").tolist() == pytest.approx([0.15] * 3)
    assert measures.gain(runs, roles, "OOD").tolist() == pytest.approx([0.2] * 3)


def test_a_gain_is_the_last_step_minus_the_base_and_the_end_is_the_last_step(table, roles):
    curves = {("a", 0): [0.4, 0.9, 0.9, 0.9, 0.5], ("a", 1): [0.4, 0.0, 0.0, 0.0, 0.3], ("b", 0): [0.2] * 5}
    runs = table({run: {"stacks": curve} for run, curve in curves.items()})
    assert measures.gain(runs, roles, "OOD").to_dict() == pytest.approx({("a", 0): 0.1, ("a", 1): -0.1, ("b", 0): 0.0})
    assert measures.last(runs, roles, "OOD").to_dict() == pytest.approx({("a", 0): 0.5, ("a", 1): 0.3, ("b", 0): 0.2})


def test_the_end_can_be_that_of_a_length(on_every_base, roles):
    runs = on_every_base({"stacks": FLAT}, {"stacks": [10, 20, 30, 25, 12]})
    assert measures.last(runs, roles, "OOD", "length").tolist() == pytest.approx([12, 24, 36])


def test_a_table_of_sampled_answers_only_is_read_as_one_of_greedy_answers(on_every_base, roles):
    greedy = on_every_base({"stacks": [0.5, 0.2, 0.3, 0.5, 0.9]})
    sampled = greedy.assign(decoding="T0.6")
    for measure in (measures.dip, measures.gain, measures.last):
        pd.testing.assert_series_equal(measure(sampled, roles, "OOD"), measure(greedy, roles, "OOD"))


def test_sampled_answers_are_left_out_where_there_are_greedy_ones(on_every_base, roles):
    greedy, other = (on_every_base({"stacks": [0.5, low, 0.3, 0.5, 0.9]}) for low in (0.2, 0.1))
    both = pd.concat([other.assign(decoding="T0.6"), greedy])
    for measure in (measures.dip, measures.gain, measures.last):
        pd.testing.assert_series_equal(measure(both, roles, "OOD"), measure(greedy, roles, "OOD"))
