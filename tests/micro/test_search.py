from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import search
from rsft_utils.micro.symbols import MARKS, NUMBERS

CANDIDATES = 3
SEEDS = range(400)
SIGNS = {"turn": "*", "shift": "+"}
every_family = pytest.mark.parametrize("family", ["equation", "lock"])
every_length = pytest.mark.parametrize("extra", [0, 1, 2])


def draws(family, extra=0, seeds=SEEDS):
    return [getattr(search, family)(Random(seed), extra) for seed in seeds]


def read(item):
    """Operations as (sign, operand), target and candidates, read from the prompt."""
    left, _, candidates = item.prompt.partition(" in ")
    *words, _, target = left.removeprefix("solve ? ").removeprefix("lock ").split()
    assert tuple(words[::3]) == MARKS[: len(words) // 3]
    moves = [(SIGNS.get(sign, sign), int(operand)) for sign, operand in zip(words[1::3], words[2::3], strict=True)]
    return moves, int(target), [int(x) for x in candidates.split()]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("solve ? l1 * 3 l2 + 2 = 14 in 1 4 6", "4"),
        ("solve ? l1 * 3 l2 + 2 l3 - 5 = 9 in 1 4 6", "4"),
        ("solve ? l1 * 3 l2 + 2 l3 - 5 l4 + 1 = 16 in 1 4 6", "6"),
        ("lock l1 turn 3 l2 shift 2 opens 14 in 1 4 6", "4"),
        ("lock l1 turn 3 l2 shift 2 l3 shift 5 opens 10 in 1 4 6", "1"),
        ("with m3 : lock l1 turn 3 l2 shift 2 l3 shift 5 opens 25 in 1 4 6", "6"),
    ],
)
def test_the_evaluator_of_these_tests_knows_searches_of_all_lengths(prompt, answer, gold):
    assert gold(prompt) == answer


@every_length
@every_family
def test_gold_answer_is_the_only_candidate_that_fits(family, extra, gold):
    for item in draws(family, extra):
        assert item.family == family
        assert item.answer == gold(item.prompt), item.prompt


@every_length
@every_family
def test_a_search_has_a_factor_a_shift_and_the_extra_operations(family, extra):
    for item in draws(family, extra):
        signs = [sign for sign, _ in read(item)[0]]
        assert signs[:2] == ["*", "+"] and len(signs) == 2 + extra
        # a lock is only ever turned and shifted on
        assert set(signs[2:]) <= ({"+", "-"} if family == "equation" else {"+"})


def test_extra_operations_of_an_equation_add_and_subtract():
    signs = Counter(read(item)[0][2][0] for item in draws("equation", 1))
    assert signs.keys() == {"+", "-"}
    assert min(signs.values()) > len(SEEDS) / 5


@every_family
def test_a_search_without_a_word_on_its_length_is_short(family):
    assert [getattr(search, family)(Random(seed)) for seed in SEEDS] == draws(family, 0)


@every_length
@every_family
def test_every_candidate_stays_in_the_range_of_the_world(family, extra, gold):
    for item in draws(family, extra):
        moves, _, candidates = read(item)
        for x in candidates:
            for end in range(len(moves) + 1):
                worked = " ".join(f"{sign} {operand}" for sign, operand in moves[:end])
                assert gold(f"calc {x} {worked}") in NUMBERS


@every_length
@every_family
def test_candidates_differ_and_stand_in_no_telling_order(family, extra):
    for item in draws(family, extra):
        candidates = read(item)[-1]
        assert len(set(candidates)) == CANDIDATES
        assert candidates == sorted(candidates)


@every_length
@every_family
def test_only_candidates_are_tried_and_none_twice(family, extra):
    for item in draws(family, extra):
        tried = [segment.opening.removeprefix("try ") for segment in item.trace]
        assert len(set(tried)) == len(tried)
        assert {int(x) for x in tried} <= set(read(item)[-1])


@every_length
@every_family
def test_exactly_the_last_try_is_ok_and_it_is_the_answer(family, extra):
    for item in draws(family, extra):
        *failed, last = item.trace
        target = read(item)[1]
        assert last.verdict == f"goal {target} ok"
        assert {segment.verdict for segment in failed} <= {f"goal {target} no"}
        assert last.opening == f"try {item.answer}"


@every_length
@every_family
def test_every_try_is_worked_out_in_right_steps(family, extra, gold):
    for item in draws(family, extra):
        moves, target, _ = read(item)
        for segment in item.trace:
            value, expected = segment.opening.removeprefix("try "), []
            for mark, (sign, operand) in zip(MARKS, moves, strict=False):
                left = f"{value} {sign} {operand}"
                value = gold(f"calc {left}")
                expected.append(f"{mark} {left} = {value}")
            assert [step.text for step in segment.steps] == expected
            assert (int(value) == target) == (segment.verdict == f"goal {target} ok")


@every_length
@every_family
def test_summary_is_the_try_that_fits(family, extra):
    for item in draws(family, extra):
        target = read(item)[1]
        first, *_, last = item.summary.split(" , ")
        assert first.startswith(f"so l1 {item.answer} * ") and last.endswith(f" = {target}")
        # without the words of the search
        assert item.trace[-1].text == f"try {item.answer} , {item.summary.removeprefix('so ')} goal {target} ok"


@every_length
@every_family
def test_searches_of_all_lengths_are_equally_frequent(family, extra):
    n = 3000
    lengths = Counter(len(item.trace) for item in draws(family, extra, range(n)))
    assert set(lengths) == set(range(1, CANDIDATES + 1))
    for count in lengths.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


@every_length
@every_family
def test_candidates_are_tried_in_random_order(family, extra):
    n = 3000
    items = draws(family, extra, range(n))
    places = Counter(read(item)[-1].index(int(item.trace[0].opening.removeprefix("try "))) for item in items)
    for count in places.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


@every_length
@every_family
def test_the_place_of_a_candidate_does_not_tell_the_solution(family, extra):
    n = 3000
    places = Counter(read(item)[-1].index(int(item.answer)) for item in draws(family, extra, range(n)))
    for count in places.values():
        assert count / n == pytest.approx(1 / CANDIDATES, abs=0.04)


def test_the_lock_is_the_equation_in_other_words():
    for equation, lock in zip(draws("equation"), draws("lock"), strict=True):
        assert equation.prompt != lock.prompt
        # drawn alike, so the same generator asks for the same search
        assert (read(equation), equation.trace, equation.answer) == (read(lock), lock.trace, lock.answer)
