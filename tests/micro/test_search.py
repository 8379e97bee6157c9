from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import search

CANDIDATES = 3
SEEDS = range(400)
every_family = pytest.mark.parametrize("family", ["equation", "lock"])


def draws(family, seeds=SEEDS):
    return [getattr(search, family)(Random(seed)) for seed in seeds]


def read(item):
    """Factor, shift, target and candidates, read from the prompt."""
    factor, shift, target, *candidates = [int(word) for word in item.prompt.split() if word.isdigit()]
    return factor, shift, target, candidates


@every_family
def test_gold_answer_is_the_only_candidate_that_fits(family, gold):
    for item in draws(family):
        assert item.family == family
        assert item.answer == gold(item.prompt), item.prompt


@every_family
def test_candidates_differ_and_stand_in_no_telling_order(family):
    for item in draws(family):
        candidates = read(item)[-1]
        assert len(set(candidates)) == CANDIDATES
        assert candidates == sorted(candidates)


@every_family
def test_only_candidates_are_tried_and_none_twice(family):
    for item in draws(family):
        tried = [segment.opening.removeprefix("try ") for segment in item.trace]
        assert len(set(tried)) == len(tried)
        assert {int(x) for x in tried} <= set(read(item)[-1])


@every_family
def test_exactly_the_last_try_is_ok_and_it_is_the_answer(family):
    for item in draws(family):
        *failed, last = item.trace
        assert last.verdict == "ok" and {segment.verdict for segment in failed} <= {"no"}
        assert last.opening == f"try {item.answer}"


@every_family
def test_every_try_is_worked_out_in_right_steps(family):
    for item in draws(family):
        factor, shift, target, _ = read(item)
        for segment in item.trace:
            x = int(segment.opening.removeprefix("try "))
            product, total = x * factor, x * factor + shift
            expected = [f"{x} * {factor} = {product}", f"{product} + {shift} = {total}"]
            assert [step.text for step in segment.steps] == expected
            assert (total == target) == (segment.verdict == "ok")


@every_family
def test_summary_is_the_problem_with_the_solution_in_its_place(family):
    for item in draws(family):
        factor, shift, target, _ = read(item)
        assert item.summary == f"so {item.answer} * {factor} + {shift} = {target}"


@every_family
def test_searches_of_all_lengths_are_equally_frequent(family):
    n = 3000
    lengths = Counter(len(item.trace) for item in draws(family, range(n)))
    assert set(lengths) == set(range(1, CANDIDATES + 1))
    for count in lengths.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


@every_family
def test_candidates_are_tried_in_random_order(family):
    n = 3000
    first = [int(item.trace[0].opening.removeprefix("try ")) for item in draws(family, range(n))]
    places = Counter(read(item)[-1].index(x) for item, x in zip(draws(family, range(n)), first, strict=True))
    for count in places.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


@every_family
def test_the_place_of_a_candidate_does_not_tell_the_solution(family):
    n = 3000
    places = Counter(read(item)[-1].index(int(item.answer)) for item in draws(family, range(n)))
    for count in places.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


def test_the_lock_is_the_equation_in_other_words():
    for equation, lock in zip(draws("equation"), draws("lock"), strict=True):
        assert equation.prompt != lock.prompt
        # drawn alike, so the same generator asks for the same search
        assert (read(equation), equation.trace, equation.answer) == (read(lock), lock.trace, lock.answer)
