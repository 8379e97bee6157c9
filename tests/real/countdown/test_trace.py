import re
from fractions import Fraction
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.real.countdown import phrases, trace
from rsft_utils.real.countdown.game import MARKER, problems
from rsft_utils.real.countdown.search import after, moves, reachable, search
from rsft_utils.real.countdown.search import given as given_numbers
from rsft_utils.real.countdown.trace import completion

PROBLEMS = problems(120, seed=3)
PHRASES = {name: value for name, value in vars(phrases).items() if name.isupper()}
GOING_BACK = ("BACK", "GIVE_UP")


def brute_force(values):
    """All that can be made of the values with + - * /, with fractions and negative numbers on the way."""
    if len(values) == 1:
        return set(values)
    found = set()
    for i, j in combinations(range(len(values)), 2):
        a, b = values[i], values[j]
        rest = [value for k, value in enumerate(values) if k not in (i, j)]
        results = {a + b, a - b, b - a, a * b} | {x / y for x, y in ((a, b), (b, a)) if y}
        for result in results:
            found |= brute_force([result, *rest])
    return found


def can_reach(table, target):
    return target in brute_force([Fraction(term.value) for term in table])


def tables(numbers, attempt):
    """The table at the start of an attempt and after each of its moves."""
    found = [given_numbers(numbers)]
    for move in attempt:
        found.append(after(found[-1], move))
    return found


def claims(text):
    """Both sides of every equals sign of a text that we wrote ourselves, read without the code under test."""
    for left, right in pairwise(text.replace("×", "*").replace("÷", "/").split(" = ")):
        expression = re.search(r"(?:\d|\()[\d()+*/ -]*$", left)[0]
        while expression.count("(") > expression.count(")"):
            expression = expression[1:]
        value = re.sub(r"\d+", r"Fraction(\g<0>)", expression)
        yield expression, eval(value, {"Fraction": Fraction}), int(re.match(r"\d+", right)[0])


# The search


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_what_is_given_up_cannot_reach_the_target(problem):
    attempts = search(problem.numbers, problem.target, Random(problem.id))
    for attempt, following in pairwise(attempts):
        kept = next(i for i, (a, b) in enumerate(zip(attempt, following, strict=False)) if a != b)
        # only the tables of more than one number that are left behind for good
        for table in tables(problem.numbers, attempt)[kept + 1 :]:
            assert not can_reach(table, problem.target)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_the_last_attempt_is_a_solution_and_the_others_stop_at_two_numbers(problem):
    *failed, solution = search(problem.numbers, problem.target, Random(problem.id))
    (last,) = tables(problem.numbers, solution)[-1]
    assert last.value == problem.target
    assert failed
    assert all(len(tables(problem.numbers, attempt)[-1]) == 2 for attempt in failed)


def test_no_two_failed_attempts_come_to_the_same_pair():
    for problem in PROBLEMS:
        *failed, _ = search(problem.numbers, problem.target, Random(0))
        pairs = [tuple(sorted(term.value for term in tables(problem.numbers, attempt)[-1])) for attempt in failed]
        assert len(set(pairs)) == len(pairs)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 99), min_size=2, max_size=4))
def test_reachable_numbers_are_those_of_brute_force(numbers):
    all_ways = brute_force([Fraction(number) for number in numbers])
    if len(numbers) < 4:
        assert reachable(numbers) == {value for value in all_ways if value >= 0 and value.denominator == 1}
    assert reachable(numbers) <= all_ways
    assert all(isinstance(value, int) for value in reachable(numbers))


@settings(deadline=None)
@given(st.lists(st.integers(1, 99), min_size=4, max_size=4), st.randoms(use_true_random=False))
def test_an_expression_has_the_value_of_its_steps_whatever_its_parentheses(numbers, rng):
    table = given_numbers(numbers)
    while len(table) > 1:
        table = after(table, rng.choice(moves(table)))
    made = re.sub(r"\d+", r"Fraction(\g<0>)", table[0].made)
    assert eval(made, {"Fraction": Fraction}) == table[0].value


def test_what_cannot_be_reached_is_refused():
    with pytest.raises(ValueError, match=r"no way in whole numbers from \[1, 1, 1\] to 98"):
        completion((1, 1, 1), 98, Random(0))


def test_the_number_of_detours_decides_the_length(monkeypatch):
    def words(detours):
        monkeypatch.setattr(
            "rsft_utils.real.countdown.search.DETOURS", dict.fromkeys([(3, 3), (4, 4), (4, 3)], detours)
        )
        return sum(len(completion(p.numbers, p.target, Random(0)).split()) for p in PROBLEMS)

    assert words((0, 0)) < words((1, 1)) < words((3, 3))


# The words


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
def test_every_statement_is_true(problem):
    read = list(claims(completion(problem.numbers, problem.target, Random(problem.id))))
    assert len(read) > 6
    assert [(expression, right) for expression, value, right in read if value != right] == []


def test_what_is_said_about_distance_and_division_is_true():
    seen = set()
    for problem in problems(400, seed=4):
        text, target = completion(problem.numbers, problem.target, Random(problem.id)), problem.target
        for high, low in re.findall(r"(\d+) is not a multiple of (\d+)", text):
            seen.add("multiple")
            assert int(high) % int(low)
        for near, gap, way in re.findall(r"(\d+)(?:, which| comes closest, but it)? is (\d+) too (low|high)", text):
            seen.add(way)
            assert int(near) + (int(gap) if way == "low" else -int(gap)) == target
        for near, gap in re.findall(r"(\d+),? (?:misses|which is off)(?: \d+)? by (\d+)", text):
            seen.add("off")
            assert abs(int(near) - target) == int(gap)
        for largest in re.findall(
            r"(?:Even|At best I get|can give is|largest result(?: possible here)? is) [^=.]* = (\d+)", text
        ):
            seen.add("bound")
            assert int(largest) < target
    assert seen == {"multiple", "low", "high", "off", "bound"}


@pytest.fixture
def bare_phrases(monkeypatch):
    """The thought in a form that a machine can follow."""
    bare = {
        "START": "go {m} | {state}",
        "CONTINUE": "go {m} | {state}",
        "BACK": "back {state}",
        "GIVE_UP": "back {state}",
    }
    for name in PHRASES:
        monkeypatch.setattr(trace.phrases, name, (bare.get(name, "{m}" if name == "FOUND" else ""),))


def test_the_numbers_on_the_table_are_told_as_they_are(bare_phrases):
    for problem in PROBLEMS:
        text = completion(problem.numbers, problem.target, Random(1)).replace("×", "*").replace("÷", "/")
        table = sorted(problem.numbers)
        left_behind = [sorted(problem.numbers)]  # every table told so far
        for kind, told in re.findall(r"(go|back) ((?:\d+ [-+*/] \d+ = \d+ \| )?\d+(?:, \d+)* and \d+)", text):
            state = sorted(map(int, re.findall(r"\d+", told.rpartition("|")[2])))
            if kind == "go":
                a, b, result = map(int, re.findall(r"\d+", told)[:3])
                table.remove(a)
                table.remove(b)
                assert state == sorted([*table, result])
                left_behind.append(state)
            else:
                assert state in left_behind
            table = list(state)
        *_, (a, b, result) = re.findall(r"(\d+) [-+*/] (\d+) = (\d+)", text)
        assert (sorted([int(a), int(b)]), int(result)) == (table, problem.target)


@pytest.mark.parametrize("name", PHRASES)
def test_phrases_are_sentences_of_their_own(name):
    assert len(set(PHRASES[name])) == len(PHRASES[name])
    for phrase in PHRASES[name]:
        assert re.match(r"[A-Z({*]", phrase), phrase
        assert re.search(r"[.!?}]\)?$", phrase), phrase


def test_only_going_back_sounds_like_going_back():
    for name, choices in PHRASES.items():
        for phrase in choices:
            assert bool(MARKER.search(phrase)) == (name in GOING_BACK), phrase


def test_the_wording_varies():
    texts = [completion((62, 15, 12, 90), 276, Random(seed)) for seed in range(200)]
    for name in ("OPENING", "START", "CONTINUE", "BACK", "GIVE_UP", "FOUND", "CHECK"):
        for phrase in PHRASES[name]:
            longest = max(re.split(r"\{\w+\}", phrase), key=len)
            assert any(longest in text for text in texts), phrase
    assert len(set(texts)) == 200


def test_within_a_thought_phrases_of_a_kind_come_again_only_after_all_others():
    voice = trace._Voice(Random(0))
    assert len({voice.say(phrases.BACK, state="x") for _ in phrases.BACK}) == len(phrases.BACK)
