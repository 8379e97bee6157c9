"""Countdown: combine three digits to a target; and an exact verifier of Countdown answers.

The verifier serves the usual game as well. Text that a model wrote is never evaluated: it is read by a tokenizer and a
grammar of our own, because public verifiers that hand it to `eval` or SymPy accept `5.3+1`, `2**3` and worse.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

from rsft_utils.micro.arithmetic import in_range, step
from rsft_utils.micro.item import Item, Segment, Step

N_DIGITS = 3
MOVES = ("+", "*", "-", "turned")  # turned: the new digit stands left of the minus
MAX_ATTEMPTS = 8  # in a trace; draws whose search would take longer are dropped

MAX_CHARACTERS, MAX_DEPTH, MAX_DIGITS = 256, 32, 6
_ALPHABET = frozenset("0123456789()+-*/ ")
_END = "end"  # stands behind the last token, so that the parser can always look at one


class Verdict(StrEnum):
    """Whether an answer counts, and if not, the first reason against it, in about this order."""

    TOO_LONG = "too_long"
    FOREIGN_SYMBOL = "foreign_symbol"  # anything but ASCII digits, ( ) + - * / and blanks
    DIVISION_NOT_ALLOWED = "division_not_allowed"  # on a clock
    BAD_NUMBER = "bad_number"  # a leading zero, or too many digits
    TOO_DEEP = "too_deep"
    NOT_AN_EXPRESSION = "not_an_expression"
    WRONG_NUMBERS = "wrong_numbers"  # not every given number exactly once
    DIVISION_BY_ZERO = "division_by_zero"
    WRONG_VALUE = "wrong_value"
    CORRECT = "correct"


class _Refused(Exception):
    """Carries a verdict out of the parser."""


def verify(text: str, numbers: Sequence[int], target: int, *, modulus: int | None = None) -> Verdict:
    """Whether the expression uses every number exactly once and equals the target; exact, and safe for any text.

    Binary + - * / with the usual precedence, left to right, and parentheses. Fractions may occur on the way. With a
    modulus the value is computed in whole numbers, then reduced and compared; there is no division on a clock.
    """
    try:
        value, used = _parse(_tokens(text, division=modulus is None))
    except _Refused as refused:
        return refused.args[0]
    if used != Counter(numbers):
        return Verdict.WRONG_NUMBERS
    if value is None:
        return Verdict.DIVISION_BY_ZERO
    if modulus is not None:
        value, target = value % modulus, target % modulus
    return Verdict.CORRECT if value == target else Verdict.WRONG_VALUE


def _tokens(text: str, division: bool) -> list[str]:
    if len(text) > MAX_CHARACTERS:
        raise _Refused(Verdict.TOO_LONG)
    if not _ALPHABET.issuperset(text):
        raise _Refused(Verdict.FOREIGN_SYMBOL)
    if "/" in text and not division:
        raise _Refused(Verdict.DIVISION_NOT_ALLOWED)
    tokens = re.findall(r"[0-9]+|[^ ]", text)
    if any(len(token) > MAX_DIGITS or (len(token) > 1 and token[0] == "0") for token in tokens):
        raise _Refused(Verdict.BAD_NUMBER)
    return tokens


def _parse(tokens: list[str]) -> tuple[Fraction | None, Counter]:
    """Value of the expression (None: it divides by zero) and the numbers that it uses."""
    rest = [_END, *reversed(tokens)]  # a stack: the next token is the last
    value = _sum(rest, 0)
    if rest != [_END]:
        raise _Refused(Verdict.NOT_AN_EXPRESSION)
    return value, Counter(int(token) for token in tokens if token.isdecimal())


def _sum(rest: list[str], depth: int) -> Fraction | None:
    value = _product(rest, depth)
    while rest[-1] in ("+", "-"):
        value = _combine(value, rest.pop(), _product(rest, depth))
    return value


def _product(rest: list[str], depth: int) -> Fraction | None:
    value = _operand(rest, depth)
    while rest[-1] in ("*", "/"):
        value = _combine(value, rest.pop(), _operand(rest, depth))
    return value


def _operand(rest: list[str], depth: int) -> Fraction | None:
    if rest[-1].isdecimal():
        return Fraction(int(rest.pop()))
    if rest[-1] != "(":
        raise _Refused(Verdict.NOT_AN_EXPRESSION)
    if depth == MAX_DEPTH:
        raise _Refused(Verdict.TOO_DEEP)
    rest.pop()
    value = _sum(rest, depth + 1)
    if rest.pop() != ")":
        raise _Refused(Verdict.NOT_AN_EXPRESSION)
    return value


def _combine(a: Fraction | None, sign: str, b: Fraction | None) -> Fraction | None:
    """None stands for a division by zero and stays: the grammar of the rest still has to be read."""
    if a is None or b is None or (sign == "/" and b == 0):
        return None
    if sign == "/":
        return a / b
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def attempt(digits: Sequence[int], moves: Sequence[str]) -> tuple[tuple[Step, ...], str]:
    """Combine the digits from the left, one of MOVES for each digit but the first: the steps, and their expression.

    No `5 + 3` beside `3 + 5`; and where both sides of a minus are equal, the new digit is always the right one, so that
    the steps alone tell the expression.
    """
    if moves[0] in ("+", "*"):
        digits = [*sorted(digits[:2]), *digits[2:]]
    value, expression, steps = digits[0], str(digits[0]), []
    for digit, move in zip(digits[1:], moves, strict=True):
        before = f"( {expression} )" if steps else expression
        if move == "turned" and digit != value:
            steps.append(step(digit, "-", value))
            expression = f"{digit} - {before}"
        else:
            sign = "-" if move == "turned" else move
            steps.append(step(value, sign, digit))
            expression = f"{before} {sign} {digit}"
        value = int(steps[-1].result)
    return tuple(steps), expression


def countdown(rng) -> Item:
    """`game 3 5 2 -> 6`, answer `( 3 + 5 ) - 2`: random attempts until one fits; always solvable, always in range."""
    while True:
        numbers = [rng.randint(1, 9) for _ in range(N_DIGITS)]
        goal = _random_attempt(rng, numbers)[0][-1].result
        trace: dict[tuple[Step, ...], Segment] = {}
        while len(trace) < MAX_ATTEMPTS:
            steps, expression = _random_attempt(rng, numbers)
            fits = steps[-1].result == goal
            trace.setdefault(steps, Segment(steps, verdict=f"goal {goal} {'ok' if fits else 'no'}"))
            if fits:
                prompt = f"game {' '.join(map(str, numbers))} -> {goal}"
                summary = "so " + " , ".join(s.text for s in steps)
                return Item("countdown", prompt, expression, tuple(trace.values()), summary)


def _random_attempt(rng, numbers: Sequence[int]) -> tuple[tuple[Step, ...], str]:
    while True:
        steps, expression = attempt(rng.sample(numbers, N_DIGITS), rng.choices(MOVES, k=N_DIGITS - 1))
        if all(in_range(int(s.result)) for s in steps):
            return steps, expression
