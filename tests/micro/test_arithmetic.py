import re
from itertools import pairwise
from random import Random

import pytest

from rsft_utils.micro import arithmetic
from rsft_utils.micro.arithmetic import LARGEST, in_range, operate
from rsft_utils.micro.symbols import MARKS, NUMBERS

FAMILIES = ("chain", "variables", "word", "stack")
LENGTHS = range(1, len(MARKS) + 1)
every_family = pytest.mark.parametrize("family", FAMILIES)


def draws(family, length, n):
    return [getattr(arithmetic, family)(Random(seed), length) for seed in range(n)]


@pytest.mark.parametrize("length", LENGTHS)
@every_family
def test_gold_answers_are_right(family, length, gold):
    for item in draws(family, length, 100):
        assert item.family == family
        assert item.answer == gold(item.prompt), item.prompt


@pytest.mark.parametrize("length", LENGTHS)
@every_family
def test_one_step_for_each_operation_each_on_the_result_before(family, length):
    for item in draws(family, length, 50):
        steps = [step for segment in item.trace for step in segment.steps]
        assert len(steps) == length
        for before, after in pairwise(steps):
            assert after.left.split()[0] == before.result


@every_family
def test_summary_is_the_values_on_the_way(family):
    for item in draws(family, 4, 50):
        assert item.summary == "so " + " , ".join(segment.steps[-1].result for segment in item.trace)


def test_the_four_surfaces_ask_for_the_same_steps():
    for items in zip(*(draws(family, 3, 100) for family in FAMILIES), strict=True):
        assert len({item.prompt for item in items}) == len(FAMILIES)
        # drawn alike, so the same generator asks for the same steps
        assert len({(item.trace, item.summary, item.answer) for item in items}) == 1


def test_variables_have_names_of_their_own():
    for item in draws("variables", 6, 100):
        lines = re.split(r" l\d ", item.prompt.removeprefix("let ").split(" ? ")[0])
        names = [line.split()[0] for line in lines]
        assert len(set(names)) == len(names) == 7


@every_family
def test_every_number_has_a_symbol(family):
    for item in draws(family, len(MARKS), 300):
        values = [step.result for segment in item.trace for step in segment.steps]
        assert {*values, *(word for word in item.prompt.split() if word.isdigit())} <= set(NUMBERS)


def test_all_operations_and_both_halves_of_the_range_occur():
    items = draws("chain", 5, 300)
    assert all(any(f" {sign} " in item.prompt for item in items) for sign in "+-*")
    answers = [int(item.answer) for item in items]
    assert min(answers) < LARGEST / 4 and max(answers) > LARGEST * 3 / 4


@pytest.mark.parametrize(
    ("a", "sign", "b", "result"), [(5, "+", 4, 9), (5, "-", 2, 3), (2, "-", 5, -3), (3, "*", 6, 18)]
)
def test_operations(a, sign, b, result):
    assert operate(a, sign, b) == result


def test_the_range_is_that_of_the_numbers():
    assert [str(n) for n in range(-5, 200) if in_range(n)] == list(NUMBERS)
