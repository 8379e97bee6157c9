from itertools import pairwise
from random import Random

import pytest

from rsft_utils.micro.sequence import sequence
from rsft_utils.micro.symbols import NUMBERS

every_distance = pytest.mark.parametrize("ahead", range(1, 7))


def draws(ahead, n=200):
    return [sequence(Random(seed), ahead) for seed in range(n)]


def terms_of(item):
    return [int(word) for word in item.prompt.split(" : ")[1].split(" , ")]


@every_distance
def test_gold_answers_are_right(ahead, gold):
    for item in draws(ahead):
        assert item.family == "sequence" and item.prompt.startswith(f"next {ahead} : ")
        assert item.answer == gold(item.prompt), item.prompt


@every_distance
def test_trace_finds_the_difference_and_then_adds_or_takes_it(ahead):
    for item in draws(ahead):
        own = terms_of(item)[(ahead - 1) % 2 :: 2]
        difference = own[1] - own[0]
        for _ in range((ahead + 1) // 2):
            own.append(own[-1] + difference)
        high, low = max(own[:2]), min(own[:2])
        first, *onward = [segment.text for segment in item.trace]
        assert first == f"{high} - {low} = {abs(difference)}"
        sign = "-" if difference < 0 else "+"
        assert onward == [f"{a} {sign} {abs(difference)} = {b}" for a, b in pairwise(own[1:])]
        assert item.summary == "so " + " , ".join(map(str, own[2:]))
        assert item.summary.split()[-1] == item.answer


@every_distance
def test_no_term_leaves_the_range(ahead):
    for item in draws(ahead):
        assert set(item.summary.removeprefix("so ").split(" , ")) <= set(NUMBERS)
        assert set(map(str, terms_of(item))) <= set(NUMBERS)


def test_sequences_rise_and_fall():
    falls = [terms_of(item)[2] < terms_of(item)[0] for item in draws(1)]
    assert 0.3 < sum(falls) / len(falls) < 0.7
