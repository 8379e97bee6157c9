from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import habits
from rsft_utils.micro.symbols import NUMBERS

FAMILIES = {"tracking": 4, "boolean": 2}  # number of possible answers
every_family = pytest.mark.parametrize("family", FAMILIES)


def draws(family, length, n=150):
    return [getattr(habits, family)(Random(seed), length) for seed in range(n)]


@pytest.mark.parametrize("length", range(1, 7))
@every_family
def test_gold_answers_are_right(family, length, gold):
    for item in draws(family, length):
        assert item.family == family
        assert item.answer == gold(item.prompt), item.prompt
        assert len(item.trace) == length


@every_family
def test_summary_is_the_states_on_the_way(family):
    for item in draws(family, 5):
        assert item.summary == "so " + " , ".join(segment.steps[-1].result for segment in item.trace)
        assert item.summary.split()[-1] == item.answer


@every_family
def test_no_arithmetic_is_needed(family):
    for item in draws(family, 5):
        text = " ".join([item.prompt, item.summary, *(segment.text for segment in item.trace)])
        assert not set(text.split()) & {*NUMBERS, "+", "-", "*"}


def test_some_passes_move_the_ball_and_some_change_nothing():
    moved = Counter()
    for item in draws("tracking", 4):
        holder = item.prompt.split()[1]
        for segment in item.trace:
            _, giver, taker = segment.steps[0].left.split()
            assert giver != taker
            after = segment.steps[0].result
            assert after == (taker if giver == holder else holder)
            moved[after != holder] += 1
            holder = after
    assert min(moved[True], moved[False]) > 50


@every_family
def test_all_answers_are_equally_frequent(family):
    items = draws(family, 4, n=4000)
    answers = Counter(item.answer for item in items)
    assert len(answers) == FAMILIES[family]
    for count in answers.values():
        assert count / len(items) == pytest.approx(1 / FAMILIES[family], abs=0.03)
