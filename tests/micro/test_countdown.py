"""The micro game: its attempts, its prompts and the traces that solve it."""

from functools import cache
from itertools import pairwise, permutations, product
from random import Random

import pytest
from expressions import trees

from rsft_utils.micro.arithmetic import LARGEST, in_range
from rsft_utils.micro.behaviours import Behaviours, replay
from rsft_utils.micro.countdown import MAX_ATTEMPTS, MOVES, N_DIGITS, Verdict, attempt, countdown, verify
from rsft_utils.micro.symbols import END_THINK, SYMBOL_ID, THINK, encode
from rsft_utils.micro.traces import careful_trace

SEEDS = range(300)
FEW_SEEDS = range(40)  # where all attempts of an item are listed


@cache
def item_of(seed):
    return countdown(Random(seed))


def problem_of(item):
    """Numbers and target, read from the prompt."""
    _, *numbers, arrow, target = item.prompt.split()
    assert arrow == "->"
    return [int(n) for n in numbers], int(target)


def attempts(numbers):
    """Every attempt, in range or not: all orders of the numbers, all moves."""
    return [attempt(order, moves) for order in permutations(numbers) for moves in product(MOVES, repeat=N_DIGITS - 1)]


def stays_in_range(steps):
    return all(in_range(int(step.result)) for step in steps)


@cache
def targets(numbers):
    """Every value that some attempt reaches without leaving the range."""
    return {int(steps[-1].result) for steps, _ in attempts(numbers) if stays_in_range(steps)}


NUMBERS = pytest.mark.parametrize("numbers", [(3, 5, 1), (4, 4, 2), (9, 8, 7), (3, 5, 8), (6, 6, 6), (1, 1, 1)])


@NUMBERS
def test_attempts_reach_every_value_in_reach(numbers):
    reachable = {int(value) for order in permutations(numbers) for value, *_ in trees(order, "+-*")}
    assert {int(steps[-1].result) for steps, _ in attempts(numbers)} == reachable


@NUMBERS
def test_attempts_in_range_reach_every_value_in_reach_without_leaving_the_range(numbers):
    reachable = {int(value) for order in permutations(numbers) for value, *_ in trees(order, "+-*", in_range)}
    assert targets(numbers) == reachable


@NUMBERS
def test_expression_of_an_attempt_has_the_value_of_its_last_step(numbers):
    for steps, expression in attempts(numbers):
        assert verify(expression, numbers, int(steps[-1].result)) is Verdict.CORRECT


@NUMBERS
def test_every_step_goes_on_from_the_one_before(numbers):
    for steps, _ in attempts(numbers):
        for before, after in pairwise(steps):
            left, _, right = after.left.split()
            assert before.result in (left, right)


@NUMBERS
def test_steps_alone_tell_the_expression(numbers):
    assert len(set(attempts(numbers))) == len({steps for steps, _ in attempts(numbers)})


@pytest.mark.parametrize(
    ("digits", "moves", "text", "expression"),
    [
        ((3, 5, 2), "+ -", "3 + 5 = 8 , 8 - 2 = 6", "( 3 + 5 ) - 2"),
        ((3, 5, 9), "+ turned", "3 + 5 = 8 , 9 - 8 = 1", "9 - ( 3 + 5 )"),
        ((3, 5, 9), "turned turned", "5 - 3 = 2 , 9 - 2 = 7", "9 - ( 5 - 3 )"),
        ((5, 3, 9), "- *", "5 - 3 = 2 , 2 * 9 = 18", "( 5 - 3 ) * 9"),
    ],
)
def test_new_digit_stands_on_either_side_of_a_minus(digits, moves, text, expression):
    steps, rendered = attempt(digits, moves.split())
    assert (" , ".join(step.text for step in steps), rendered) == (text, expression)


def test_new_digit_stands_right_of_a_minus_between_equals():
    assert attempt((3, 5, 8), ("+", "turned")) == attempt((3, 5, 8), ("+", "-"))


@pytest.mark.parametrize("sign", ["+", "*"])
def test_sums_and_products_do_not_occur_the_other_way_round(sign):
    assert attempt((5, 3, 1), (sign, "-")) == attempt((3, 5, 1), (sign, "-"))


def test_at_least_4000_problems_have_a_solution():
    assert sum(len(targets(tuple(sorted(numbers)))) for numbers in product(range(1, 10), repeat=N_DIGITS)) >= 4000


def test_draws_give_at_least_2560_prompts():
    rng, prompts = Random("prompts"), set()
    for _ in range(20_000):  # all of them give about 5,300
        prompts.add(countdown(rng).prompt)
        if len(prompts) == 2560:
            return
    pytest.fail(f"only {len(prompts)} prompts")


def test_prompt_looks_like_a_game():
    for seed in SEEDS:
        numbers, target = problem_of(item_of(seed))
        assert item_of(seed).family == "countdown"
        assert len(numbers) == 3 and all(1 <= n <= 9 for n in numbers) and 0 <= target <= LARGEST == 39


def test_gold_answers_are_correct():
    for seed in SEEDS:
        assert verify(item_of(seed).answer, *problem_of(item_of(seed))) is Verdict.CORRECT


def test_attempts_never_leave_the_range():
    for seed in SEEDS:
        assert all(stays_in_range(segment.steps) for segment in item_of(seed).trace)


def test_last_attempt_is_the_only_ok():
    for seed in SEEDS:
        *failed, last = [segment.verdict for segment in item_of(seed).trace]
        _, target = problem_of(item_of(seed))
        assert last == f"goal {target} ok" and set(failed) <= {f"goal {target} no"}


def test_failed_attempts_miss_and_the_last_one_fits():
    for seed in FEW_SEEDS:
        numbers, target = problem_of(item_of(seed))
        expressions = dict(attempts(numbers))
        *failed, last = [verify(expressions[s.steps], numbers, target) for s in item_of(seed).trace]
        assert last is Verdict.CORRECT and set(failed) <= {Verdict.WRONG_VALUE}


def test_no_attempt_is_repeated_and_the_search_ends_in_time():
    for seed in SEEDS:
        texts = [segment.text for segment in item_of(seed).trace]
        assert len(set(texts)) == len(texts) <= MAX_ATTEMPTS


def test_searches_have_all_lengths():
    assert {len(item_of(seed).trace) for seed in SEEDS} == set(range(1, MAX_ATTEMPTS + 1))


def test_answer_and_summary_belong_to_the_last_attempt():
    for seed in FEW_SEEDS:
        item = item_of(seed)
        assert item.summary == f"so {item.trace[-1].text.partition(' goal ')[0]}"
        assert dict(attempts(problem_of(item)[0]))[item.trace[-1].steps] == item.answer


def test_traces_are_short():
    for seed in SEEDS:
        assert len(careful_trace(item_of(seed), Random(seed)).split()) <= 150


def test_every_failed_attempt_of_a_gold_trace_is_a_marker_and_a_valid_backtrack():
    for seed in SEEDS:
        item = item_of(seed)
        thought = careful_trace(item, Random(seed)).removeprefix(f"{THINK} ").partition(f" {END_THINK}")[0]
        steps, failed = (N_DIGITS - 1) * len(item.trace), len(item.trace) - 1
        assert replay(item, thought) == Behaviours(steps, steps, failed, failed)


def test_a_no_to_an_attempt_that_fits_is_a_marker_but_no_valid_backtrack():
    item = next(item for item in map(item_of, SEEDS) if len(item.trace) == 2)
    failed, right = (segment.text.removesuffix(" ok").removesuffix(" no") for segment in item.trace)
    assert replay(item, f"{right} no ; {failed} no") == Behaviours(4, 4, 2, 0)


def test_all_text_is_in_the_symbol_table():
    for seed in SEEDS:
        item = item_of(seed)
        text = " ; ".join([item.prompt, item.answer, item.summary, *(segment.text for segment in item.trace)])
        assert len(encode(text)) == len(text.split()) and set(text.split()) <= SYMBOL_ID.keys()


def test_same_seed_gives_the_same_item():
    assert [countdown(Random(seed)) for seed in SEEDS] == [item_of(seed) for seed in SEEDS]
