import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.real.countdown.arithmetic import plain, statements

HOSTILE_CHARACTERS = st.text("0123456789+-*/()=., \n×÷−xX\\{}$²٣’", max_size=60)


def found(text):
    """(left, right, whether it is true) of every statement."""
    return [(s.left.strip(), s.right, s.is_true) for s in statements(plain(text))]


@pytest.mark.parametrize(
    "text, left, right",
    [
        ("28 + 7 = 35", "28 + 7", 35),
        ("So 28+7=35.", "28+7", 35),
        ("That leaves 28 and 7. 28 + 7 = 35, too low", "28 + 7", 35),
        ("1. 28 + 7 = 35", "28 + 7", 35),
        ("1) 28 + 7 = 35", "28 + 7", 35),
        ("- 28 + 7 = 35\n", "28 + 7", 35),
        ("* 28 + 7 = 35\n", "28 + 7", 35),
        ("we get a sum (28 + 7 = 35) again", "28 + 7", 35),
        ("**28 + 7 = 35**", "28 + 7", 35),
        ("**28 + 7** = **35**", "28 + 7", 35),
        ("(28 + 7) * 2 = 70", "(28 + 7) * 2", 70),
        ("((28 + 7) * 2 = 70)", "(28 + 7) * 2", 70),
        ("28 × 7 = 196", "28 * 7", 196),
        ("$28 \\times 7 = 196$", "28 * 7", 196),
        ("28 x 7 = 196", "28 * 7", 196),
        ("28 \\div 7 = 4", "28 / 7", 4),
        ("\\frac{28}{7} = 4", "((28)/(7))", 4),
        ("28 − 35 = −7", "28 - 35", -7),
        ("-7 + 28 = 21", "-7 + 28", 21),
        ("so -7 + 28 = 21", "-7 + 28", 21),
        ("120 * 10 = 1,200", "120 * 10", 1200),
        ("28 + 7 = 35 - not 98", "28 + 7", 35),
    ],
)
def test_a_statement_is_read_as_people_and_models_write_it(text, left, right):
    ((found_left, found_right, is_true),) = found(text)
    assert (" ".join(found_left.split()), found_right, is_true) == (left, right, True)


def test_false_statements_are_found_out():
    assert found("28 + 7 = 36 and 7 / 0 = 7") == [("28 + 7", 36, False), ("7 / 0", 7, False)]


def test_statements_come_in_order_with_their_places():
    text = "First 28 + 7 = 35. Then (35 - 1) / 2 = 17!"
    assert [text[s.start : s.end] for s in statements(text)] == ["28 + 7 = 35", "(35 - 1) / 2 = 17"]


@pytest.mark.parametrize(
    "text",
    [
        "no arithmetic here",
        "x = 35",
        "target = 98",
        "35 = 35",  # a lone number states nothing
        "2x + 3 = 7",
        "28 / 3 = 9.33",
        "28 / 3 ≈ 9",
        "9.33 * 3 = 28",
        "28 + 7 = 30 + 5",
        "28 + 7 != 36",
        "28 + 7 >= 35",
        "2^3 + 1 = 9",
        "x + 3 + 7 = 15",
        "x-3+7 = 15",
        "x*3 + 7 = 15",
        "12 + 5! + 3 = 135",
        "28 + 007 = 35",
        "28 + 7 = ",
        f"{' + '.join(['1'] * 200)} = 200",  # longer than the verifier reads: no part of it is taken for the whole
    ],
)
def test_what_is_no_plain_statement_is_not_counted(text):
    assert found(text) == []


def test_a_chain_of_equations_counts_where_it_is_plain():
    assert found("28 + 7 = 30 + 5 = 35") == [("30 + 5", 35, True)]
    assert found("28 + 7 = 35 = 70 / 2") == [("28 + 7", 35, True)]


@settings(deadline=None)
@given(st.text() | HOSTILE_CHARACTERS)
def test_any_text_can_be_read(text):
    text = plain(text)
    places = [place for s in statements(text) for place in (s.start, s.end)]
    assert places == sorted(places)
    assert all(a < b for a, b in pairwise(places[::2]))
    assert all(isinstance(s.is_true, bool) for s in statements(text))


@pytest.mark.parametrize(
    "piece", ["1", "(", "1 ", " ", "- ", "1=", "1+1=", "\\frac{", "1,000", "1x", "\\left", "*", "1.", "="]
)
def test_a_long_text_takes_no_long_time(piece):
    text = piece * 20_000
    begin = time.process_time()
    assert len(list(statements(plain(text)))) <= 20_000
    assert time.process_time() - begin < 3
