from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import arithmetic
from rsft_utils.micro.arithmetic import CHANCE, HOURS, operate

FAMILIES = ("chain", "variables", "word", "stack")
LENGTHS = range(1, 7)
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
        for before, after in zip(steps, steps[1:], strict=False):
            assert after.left.split()[0] == before.result


@every_family
def test_summary_is_the_values_on_the_way(family):
    for item in draws(family, 4, 50):
        assert item.summary == "so " + " , ".join(segment.steps[-1].result for segment in item.trace)


def test_the_four_surfaces_ask_for_the_same_steps():
    asked = {family: {s.text for item in draws(family, 3, 1500) for s in item.trace} for family in FAMILIES}
    # every value, sign and operand: no step is left out by a surface
    assert all(len(steps) == HOURS * 3 * (HOURS - 1) for steps in asked.values())
    assert len(set(map(frozenset, asked.values()))) == 1


def test_variables_have_names_of_their_own():
    for item in draws("variables", 6, 100):
        names = [line.split()[0] for line in item.prompt.removeprefix("let ").split(" ? ")[0].split(" , ")]
        assert len(set(names)) == len(names) == 7


@pytest.mark.parametrize("sign", "+-*")
def test_no_operation_loses_information(sign):
    for operand in range(1, HOURS):
        assert {operate(a, sign, operand) for a in range(HOURS)} == set(range(HOURS))


def test_operations_go_round_the_clock():
    assert [operate(5, "+", 4), operate(2, "-", 5), operate(3, "*", 6)] == [2, 4, 4]


@every_family
def test_no_answer_is_likelier_than_chance(family):
    n = 4000
    answers = Counter(item.answer for item in draws(family, 2, n))
    assert len(answers) == HOURS
    for count in answers.values():
        assert count / n == pytest.approx(CHANCE, abs=0.03)
