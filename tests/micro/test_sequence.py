from collections import Counter
from random import Random

import pytest

from rsft_utils.micro.arithmetic import HOURS
from rsft_utils.micro.sequence import CHANCE, sequence

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
def test_trace_finds_the_difference_and_then_adds_it(ahead):
    for item in draws(ahead):
        own = terms_of(item)[(ahead - 1) % 2 :: 2]
        difference = (own[1] - own[0]) % HOURS
        for _ in range((ahead + 1) // 2):
            own.append((own[-1] + difference) % HOURS)
        first, *additions = [segment.text for segment in item.trace]
        assert first == f"{own[1]} - {own[0]} = {difference}"
        pairs = zip(own[1:], own[2:], strict=False)
        assert additions == [f"{a} + {difference} = {b}" for a, b in pairs]
        assert item.summary == "so " + " , ".join(map(str, own[2:]))
        assert item.summary.split()[-1] == item.answer


def test_no_answer_is_likelier_than_chance():
    items = draws(2, n=4000)
    answers = Counter(item.answer for item in items)
    assert len(answers) == HOURS
    for count in answers.values():
        assert count / len(items) == pytest.approx(CHANCE, abs=0.03)
