"""Arithmetic in prose: which statements such as `28 + 7 = 35` a text makes, and whether they are true.

Rule-based, so with limits: a statement needs an equals sign, a written-out left side of whole numbers with + - * /
and parentheses, and one whole number on the right. `28 plus 7 is 35`, decimals, roundings, unknowns and powers are not
read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from rsft_utils.micro.countdown import MAX_CHARACTERS, Verdict, verify

MAX_NESTED_FRACTIONS = 4
_WRITTEN = {
    **dict.fromkeys(["\\times", "\\cdot", "\\ast", "×", "·", "⋅", "∗"], "*"),
    **dict.fromkeys(["\\div", "÷"], "/"),
    **dict.fromkeys(["−", "–"], "-"),
    **dict.fromkeys(["\\left", "\\right", "\\(", "\\)", "\\[", "\\]", "\\,", "\\;", "\\!", "\\ ", "$", "\u00a0"], " "),
    "’": "'",
}
_SIGN = re.compile("|".join(map(re.escape, sorted(_WRITTEN, key=len, reverse=True))))
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_TIMES = re.compile(r"(?<=[0-9]) ?[xX] ?(?=[0-9])")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_LEFT_SIDE = "0123456789+-*/^(). "  # a power is no expression of ours, but part of one
# one whole number, neither cut short nor the beginning of a longer right side
_RIGHT_SIDE = re.compile(r"\s*(-?[0-9]{1,12})(?![0-9]|\.[0-9]|\s*[-+*/]\s*[0-9(])")


@dataclass(frozen=True)
class Statement:
    """`left = right` as it stands in text[start:end] of a plain text."""

    left: str
    right: int
    start: int
    end: int

    def gives(self, number: int) -> bool:
        """Whether the left side is exactly this number."""
        return _verdict(self.left, number) is Verdict.CORRECT

    @cached_property
    def is_true(self) -> bool:
        return self.gives(self.right)


def plain(text: str) -> str:
    r"""The same text as typed: `*` for `×`, `\times` and `3 x 4`, `((a)/(b))` for `\frac{a}{b}`, `1200` for `1,200`."""
    text = _SIGN.sub(lambda match: _WRITTEN[match[0]], text)
    for _ in range(MAX_NESTED_FRACTIONS):
        text = _FRACTION.sub(r"((\1)/(\2))", text)
    return _THOUSANDS.sub("", _TIMES.sub(" * ", text))


def statements(text: str) -> Iterator[Statement]:
    """Every arithmetic statement of a plain text, in order. Never raises and takes time linear in the text."""
    start = 0
    unmarked = text.replace("**", "  ")  # bold in Markdown
    for before, after in pairwise(unmarked.split("=")):
        start += len(before) + 1  # of what follows the equals sign
        left, right = _left_side(before), _RIGHT_SIDE.match(after)
        if right and _verdict(left, 0) not in _UNREADABLE:
            yield Statement(left, int(right[1]), start - 1 - len(left), start + right.end())


def _left_side(text: str) -> str:
    """The expression at the end of a text, without the bullet, number or parenthesis that opens its sentence."""
    before = text.rstrip(_LEFT_SIDE)
    run = text[len(before) :]
    if len(run) > MAX_CHARACTERS:
        return ""
    *_, run = sentences = re.split(r"\.(?![0-9])", run)
    if len(sentences) > 1 or before[-1:] in ("", "\n"):
        run = re.sub(r"^ *[-*] ", "", run)
    elif run.startswith(tuple("+-*/")):
        return ""  # the end of x-28+7
    unclosed = run.count("(") - run.count(")")
    if unclosed < 0:
        run = run.rpartition(")")[2]  # 1) 28 + 7
    run = run.lstrip()
    return run[unclosed:] if unclosed > 0 and run.startswith("(" * unclosed) else run


_UNREADABLE = set(Verdict) - {Verdict.CORRECT, Verdict.WRONG_VALUE, Verdict.DIVISION_BY_ZERO}


def _verdict(left: str, number: int) -> Verdict:
    if not re.search(r"[0-9)] *[-+*/]", left):
        return Verdict.NOT_AN_EXPRESSION  # a lone number states nothing
    signed = f"0{left}" if re.match(r"-[0-9(]", left) else left  # the grammar has no signs before a number
    return verify(signed, [int(n) for n in re.findall("[0-9]{1,6}", signed)], number)
