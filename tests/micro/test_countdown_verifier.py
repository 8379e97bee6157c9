"""The verifier of Countdown answers, of the usual game and of ours."""

from itertools import permutations

import pytest
from expressions import trees
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.micro.countdown import Verdict, verify

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
