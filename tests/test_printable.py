import ast
import html
import re
import time
import unicodedata
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft_utils.printable import LONGEST, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, as it is: 3 + 4 = 7", "plain text, as it is: 3 + 4 = 7"),
        ("é, 漢字, ×, ≤ and 🙂", "é, 漢字, ×, ≤ and 🙂"),
        ("two\nlines and\ta tab", "two\nlines and\ta tab"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;http://x\x07link", r"\x1b]8;;http://x\x07link"),
        ("\x9b2J", r"\x9b2J"),  # an escape sequence in one character
        ("over\rwritten", r"over\rwritten"),
        ("de\x08leted", r"de\x08leted"),
        ("\u202etxt.exe", r"\u202etxt.exe"),  # from right to left
        ("\u2066\u2069\u200f", r"\u2066\u2069\u200f"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028end\x85", r"line\u2028end\x85"),
        ("\x00", r"\x00"),
        ("\ud800", r"\ud800"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # escaping is for where it is shown
        ("$x^2$", "$x^2$"),
        ("", ""),
    ],
)
def test_what_acts_is_written_out_and_all_else_stays(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(exclude_characters="\\")))
def test_nothing_acts_and_nothing_is_lost(text):
    shown = printable(text)
    assert all(unicodedata.category(c)[0] != "C" or c in "\n\t" for c in shown)
    written_out = re.compile(r"\\(x..|u....|U........|r)")
    assert written_out.sub(lambda escape: ast.literal_eval(f"'{escape[0]}'"), shown) == text


def test_a_text_that_is_too_long_is_cut_and_what_is_left_out_is_counted():
    assert printable("x" * LONGEST) == "x" * LONGEST
    assert printable("x" * 1_000_000) == "x" * LONGEST + "… (980,000 characters more)"
    assert printable("\x1bxyz", 2) == r"\x1bx… (2 characters more)"


def test_a_million_characters_take_no_time():
    begin = time.process_time()
    printable("\x1b" * 1_000_000, longest=1_000_000)
    assert time.process_time() - begin < 5


def test_escaped_it_is_the_same_in_html():
    text = "".join(map(chr, Random(0).sample(range(0x3000), 3000)))
    assert html.unescape(html.escape(printable(text))) == printable(text)
