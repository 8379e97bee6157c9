from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


# The usual game


def test_correct_answer():
    assert verify("(8 - 2) * 3 + 4", [2, 3, 4, 8], 22) is Verdict.CORRECT


def test_wrong_value():
    assert verify("8 - 2", [2, 8], 7) is Verdict.WRONG_VALUE


def test_blanks_do_not_matter():
    assert verify("  ( 3+5 )-1 ", [3, 5, 1], 7) is Verdict.CORRECT


def test_products_bind_tighter_than_sums():
    assert verify("2 + 3 * 4", [2, 3, 4], 14) is Verdict.CORRECT


def test_differences_and_quotients_group_to_the_left():
    assert verify("9 - 4 - 3", [9, 4, 3], 2) is Verdict.CORRECT
    assert verify("12 / 3 * 2", [12, 3, 2], 8) is Verdict.CORRECT


def test_fractions_may_occur_on_the_way():
    assert verify("8 / (3 - 8 / 3)", [3, 3, 8, 8], 24) is Verdict.CORRECT


def test_fractions_are_not_rounded():
    assert verify("7 / 2", [7, 2], 3) is Verdict.WRONG_VALUE
    assert verify("1 / 3 + 999999", [1, 3, 999999], 999999) is Verdict.WRONG_VALUE


def test_missing_number():
    assert verify("3 + 5", [3, 5, 1], 8) is Verdict.WRONG_NUMBERS


def test_foreign_number():
    assert verify("3 + 5 + 0", [3, 5], 8) is Verdict.WRONG_NUMBERS


def test_glued_digits_are_another_number():
    assert verify("12 - 5", [1, 2, 5], 7) is Verdict.WRONG_NUMBERS


@pytest.mark.parametrize("text", ["1 / 0", "1 / (2 - 2)", "0 / 0", "1 / (1 / 0)", "0 * (1 / 0)"])
def test_division_by_zero(text):
    assert verify(text, [int(c) for c in text if c.isdigit()], 0) is Verdict.DIVISION_BY_ZERO


def test_syntax_is_judged_before_numbers_and_division():
    assert verify("1 / 0 +", [1, 0], 0) is Verdict.NOT_AN_EXPRESSION
    assert verify("1 / 0", [1, 2], 0) is Verdict.WRONG_NUMBERS


# What public verifiers get wrong


def test_reuse_of_numbers():
    assert verify("(3 + 3) + (3 + 3)", [3, 4, 5], 12) is Verdict.WRONG_NUMBERS


def test_chain_of_equations():
    assert verify("3+3=6, 6+6=12", [3, 4, 5], 12) is Verdict.FOREIGN_SYMBOL


def test_repeated_number_must_be_used_as_often_as_given():
    assert verify("8 * 2 - 3 * 2", [8, 2, 3, 2], 10) is Verdict.CORRECT
    assert verify("8 + 2 - 3", [8, 2, 3, 2], 7) is Verdict.WRONG_NUMBERS
    assert verify("8 * 2 - 3 * 2", [8, 2, 3], 10) is Verdict.WRONG_NUMBERS


def test_decimal_gluing():
    assert verify("5.3+1", [5, 3, 1], 6) is Verdict.FOREIGN_SYMBOL


def test_power():
    assert verify("2**3", [2, 3], 8) is Verdict.NOT_AN_EXPRESSION


def test_floor_division():
    assert verify("7//2", [7, 2], 3) is Verdict.NOT_AN_EXPRESSION


def test_unary_minus():
    assert verify("-3+5", [3, 5], 2) is Verdict.NOT_AN_EXPRESSION
    assert verify("5+(-3)", [3, 5], 2) is Verdict.NOT_AN_EXPRESSION


def test_unary_plus():
    assert verify("+3+5", [3, 5], 8) is Verdict.NOT_AN_EXPRESSION


@pytest.mark.parametrize("text", ["３+５", "٣+٥", "३+५", "3+⁵", "3＋5", "3−5"])
def test_unicode_digits_and_signs(text):
    assert verify(text, [3, 5], 8) is Verdict.FOREIGN_SYMBOL


def test_power_tower_returns_at_once():
    assert verify("9**9**9**9", [9, 9, 9, 9], 9) is Verdict.NOT_AN_EXPRESSION


def test_factorial():
    assert verify("3! + 2", [3, 2], 8) is Verdict.FOREIGN_SYMBOL


def test_function_call():
    assert verify("sqrt(16)+3", [16, 3], 7) is Verdict.FOREIGN_SYMBOL


def test_code_is_not_run(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("os.getpid", lambda: pytest.fail("the answer was run"))
        assert verify("__import__('os').getpid()", [1], 1) is Verdict.FOREIGN_SYMBOL


# Form


@pytest.mark.parametrize("text", ["1 2", "2(3)", "(2)(3)", "(2)3"])
def test_juxtaposition(text):
    numbers = [int(c) for c in text if c.isdigit()]
    for target in (12, 6, 5):
        assert verify(text, numbers, target) is Verdict.NOT_AN_EXPRESSION


@pytest.mark.parametrize("text", ["03 + 5", "3 + 005", "00 + 8"])
def test_leading_zeros(text):
    assert verify(text, [3, 5], 8) is Verdict.BAD_NUMBER


def test_zero_itself_is_a_number():
    assert verify("0 + 8", [0, 8], 8) is Verdict.CORRECT


def test_literals_of_up_to_six_digits():
    assert verify("999999", [999999], 999999) is Verdict.CORRECT
    assert verify("1000000", [1000000], 1000000) is Verdict.BAD_NUMBER


@pytest.mark.parametrize("text", ["", " ", "()", "(", ")", "3 +", "* 3", "(3", "3)", ")3(", "3 + * 5", "3 - - 5"])
def test_broken_expressions(text):
    assert verify(text, [3], 3) is Verdict.NOT_AN_EXPRESSION


@pytest.mark.parametrize("text", ["3\t+ 5", "3 + 5\n", "3\u00a0+ 5", "3_0", "0x3", "1e3", "3 + 5 = 8", "\ud800", "\0"])
def test_anything_outside_the_alphabet(text):
    assert verify(text, [3, 5], 8) is Verdict.FOREIGN_SYMBOL


def test_depth_bomb():
    assert verify("(" * 32 + "7" + ")" * 32, [7], 7) is Verdict.CORRECT
    assert verify("(" * 33 + "7" + ")" * 33, [7], 7) is Verdict.TOO_DEEP
    assert verify("(" * 256, [7], 7) is Verdict.TOO_DEEP


def test_length_bomb():
    assert verify("7".ljust(256), [7], 7) is Verdict.CORRECT
    assert verify("7".ljust(257), [7], 7) is Verdict.TOO_LONG
    assert verify("(" * 1_000_000, [7], 7) is Verdict.TOO_LONG


# On a clock (the verifier's option; the micro game does without)


def test_clock_reduces_the_value():
    assert verify("( 9 + 5 ) * 3", [9, 5, 3], 2, modulus=10) is Verdict.CORRECT
    assert verify("( 9 + 5 ) * 3", [9, 5, 3], 2) is Verdict.WRONG_VALUE


def test_clock_goes_round_below_zero():
    assert verify("1 - ( 3 + 5 )", [3, 5, 1], 3, modulus=10) is Verdict.CORRECT


def test_clock_has_no_division():
    assert verify("( 8 / 2 ) + 1", [8, 2, 1], 5, modulus=10) is Verdict.DIVISION_NOT_ALLOWED


# Against brute force

_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}


@cache
def trees(numbers, signs, keep=lambda value: True):
    """All expressions over numbers in this order: (value or None, loosest sign, bare text, parenthesized text).

    Only those of which `keep` holds for the value of every part.
    """
    if len(numbers) == 1:
        return [(Fraction(numbers[0]), "", str(numbers[0]), str(numbers[0]))]
    found = []
    for cut in range(1, len(numbers)):
        for left, lsign, lbare, lfull in trees(numbers[:cut], signs, keep):
            for right, rsign, rbare, rfull in trees(numbers[cut:], signs, keep):
                for sign in signs:
                    value = _value(left, sign, right)
                    if not keep(value):
                        continue
                    # parentheses only where precedence and grouping to the left would read another tree
                    bare_left = f"({lbare})" if _BINDING.get(lsign, 3) < _BINDING[sign] else lbare
                    bare_right = f"({rbare})" if _BINDING.get(rsign, 3) <= _BINDING[sign] else rbare
                    found.append((
                        value, sign, f"{bare_left}{sign}{bare_right}", f"( {lfull} {sign} {rfull} )"
                    ))  # fmt: skip
    return found


def _value(left, sign, right):
    if left is None or right is None:
        return None
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return left / right if right else None


@pytest.mark.parametrize("numbers", [(7,), (6, 2), (3, 0), (5, 5, 1), (2, 4, 8), (9, 3, 3, 1)])
def test_agrees_with_brute_force_over_all_expressions(numbers):
    for order in set(permutations(numbers)):
        for value, _, bare, full in trees(order, "+-*/"):
            for text in (bare, full):
                if value is None:
                    assert verify(text, numbers, 1) is Verdict.DIVISION_BY_ZERO, text
                    continue
                expected = Verdict.CORRECT if value.denominator == 1 else Verdict.WRONG_VALUE
                assert verify(text, numbers, int(value)) is expected, text
                assert verify(text, numbers, int(value) + 10) is Verdict.WRONG_VALUE, text


@pytest.mark.parametrize("numbers", [(6, 2), (9, 7, 4), (8, 8, 3, 1)])
def test_agrees_with_brute_force_on_the_clock(numbers):
    for order in set(permutations(numbers)):
        for value, _, bare, _ in trees(order, "+-*"):
            assert verify(bare, numbers, int(value % 10), modulus=10) is Verdict.CORRECT, bare
            assert verify(bare, numbers, int(value + 1) % 10, modulus=10) is Verdict.WRONG_VALUE, bare


# Fuzz

_TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(), max_size=300),  # surrogates too
    st.text("0123456789()+-*/ ", max_size=300),
    st.lists(st.sampled_from([*"123()()+-*/", "12"]), max_size=120).map(" ".join),
)


@settings(deadline=None)  # the machine may be busy
@given(_TEXTS, st.lists(st.integers(), max_size=5), st.integers(), st.sampled_from([None, 10]))
def test_never_raises(text, numbers, target, modulus):
    assert isinstance(verify(text, numbers, target, modulus=modulus), Verdict)


@settings(deadline=None)
@given(st.recursive(st.integers(0, 20), lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner), max_leaves=12))
def test_never_raises_on_well_formed_text(tree):
    def text_of(node):
        return str(node) if isinstance(node, int) else f"({text_of(node[0])}{node[1]}{text_of(node[2])})"

    def leaves(node):
        return [node] if isinstance(node, int) else leaves(node[0]) + leaves(node[2])

    verdict = verify(text_of(tree), leaves(tree), 1)
    assert verdict in (Verdict.CORRECT, Verdict.WRONG_VALUE, Verdict.DIVISION_BY_ZERO)


# The micro game

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
