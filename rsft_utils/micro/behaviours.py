"""Procedure or verbosity? A trace is replayed step by step, so that a real backtrack is told from a mere `wait`.

A marker is a symbol that announces a change of mind: every `wait`, and every `no` that ends an attempt. It is valid if
what stands before it really is wrong and what follows puts it right:

- a correction, `3 + 2 = 6 check no wait 3 + 2 = 5` (or only `no`): the first result is wrong, and the same left side
  follows with the right one;
- a failed attempt, `try 4 , 4 * 3 = 12 , 12 + 2 = 14 no ; try 6 ...`: the candidate does not solve the problem, and an
  attempt follows that was not made before.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from rsft_utils.micro.arithmetic import operate
from rsft_utils.micro.item import Item
from rsft_utils.micro.symbols import NUMBERS

_STEP = re.compile(
    r"\b(?P<left>[0-9]{1,2} [-+*] [0-9]{1,2}|[TF] [&|^] [TF]|pass [a-d] [a-d])"
    r" (?:=|at) (?P<result>[0-9]{1,2}|[TF]|[a-d])\b"
)
_AGAIN = re.compile(r" check no wait | no (?!wait)")
_SEARCH = re.compile(r"(?:solve \?|lock) (?P<moves>(?:l[1-6] \S+ [0-9] )+)(?:=|opens) (?P<target>[0-9]{1,2}) in ")
_SIGNS = {"turn": "*", "shift": "+"}


@dataclass(frozen=True)
class Behaviours:
    """Counts over one thought: primitive steps and how many are right, markers and how many are valid backtracks."""

    steps: int
    right_steps: int
    markers: int
    valid_backtracks: int


def replay(item: Item, thought: str) -> Behaviours:
    """Count steps and backtracks of a thought (the text between `<think>` and `</think>`). Never raises."""
    segments = thought.split(" ; ")
    problem = item.prompt.split(" : ")[-1]  # without the material of a request
    holder = problem.split()[1] if problem.startswith("ball ") else None
    steps = right_steps = corrections = 0
    before_line: dict[str, str | None] = {}  # who had the ball before a line: a line may be quoted again
    for segment in segments:
        if line := re.search(r"\b(l[1-6]) pass", segment):
            holder = before_line.setdefault(line[1], holder)
        tries = [list(_STEP.finditer(piece)) for piece in _AGAIN.split(segment)]
        found = [step for piece in tries for step in piece]
        steps += len(found)
        right_steps += sum(step["result"] == right_result(step["left"], holder) for step in found)
        corrections += sum(_corrects(a[-1], b[0], holder) for a, b in pairwise(tries) if a and b)
        if holder is not None and found:
            holder = found[-1]["result"]
    symbols = thought.split()
    rejections = sum(s == "no" and symbols[i + 1 : i + 2] != ["wait"] for i, s in enumerate(symbols))
    return Behaviours(
        steps, right_steps, symbols.count("wait") + rejections, corrections + _justified_retries(problem, segments)
    )


def right_result(left: str, holder: str | None = None) -> str | None:
    """What a step's left side really gives: a digit, a truth value, or who has the ball then."""
    a, sign, b = left.split()
    if a == "pass":
        return b if holder == sign else holder
    if sign in "+-*":
        return str(operate(int(a), sign, int(b)))
    left_true, right_true = a == "T", b == "T"
    truth = {"&": left_true and right_true, "|": left_true or right_true, "^": left_true != right_true}[sign]
    return "T" if truth else "F"


def _corrects(first: re.Match, second: re.Match, holder: str | None) -> bool:
    right = right_result(first["left"], holder)
    return first["left"] == second["left"] and first["result"] != right and second["result"] == right


def _justified_retries(problem: str, segments: list[str]) -> int:
    """Attempts given up with `no` that really fail and are followed by one not made before."""
    attempts = [(_attempt(problem, segment), segment) for segment in segments]
    attempts = [(made, segment) for made, segment in attempts if made]
    count, before = 0, set()
    for (made, segment), (following, _) in pairwise(attempts):
        before.add(made)
        count += segment.endswith(" no") and following not in before and _fails(problem, made)
    return count


def _attempt(problem: str, segment: str) -> tuple[str, ...]:
    """What a segment tries: a candidate, or the left sides of a Countdown attempt; empty if it is no attempt."""
    if _SEARCH.match(problem):
        symbols = segment.split()
        return (symbols[1],) if symbols[:1] == ["try"] and symbols[1:2] and symbols[1] in NUMBERS else ()
    if problem.startswith("game "):
        return tuple(step["left"] for step in _STEP.finditer(segment))
    return ()


def _fails(problem: str, attempt: tuple[str, ...]) -> bool:
    """Whether an attempt does not solve the problem, by right arithmetic."""
    if match := _SEARCH.match(problem):
        value, moves = int(attempt[0]), match["moves"].split()
        for sign, operand in zip(moves[1::3], moves[2::3], strict=True):
            value = operate(value, _SIGNS.get(sign, sign), int(operand))
        return value != int(match["target"])
    return right_result(attempt[-1]) != problem.split()[-1]
