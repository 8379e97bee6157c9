"""Procedure or verbosity? A trace is replayed step by step, so that a real backtrack is told from a mere `wait`.

A marker is a symbol that announces a change of mind: every `wait`, and every `no` that ends an attempt. It is valid if
what stands before it really is wrong and what follows puts it right:

- a correction, `3 + 2 = 6 check no wait 3 + 2 = 5` (or only `no`): the first result is wrong, and the same left side
  follows with the right one;
- a failed attempt, `try 4 , 4 * 3 = 12 , 12 + 2 = 14 no ; try 6 ...`: the candidate does not solve the problem, and an
  attempt follows that was not made before.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise

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
    steps, right_steps, valid = _replayed(item, thought)
    return Behaviours(steps, right_steps, len(_markers(thought.split())), len(valid))


def backtracks(item: Item, thought: str) -> dict[int, bool]:
    """The markers of a thought: place of the symbol -> whether the backtrack is valid."""
    _, _, valid = _replayed(item, thought)
    begins = [symbol.start() for symbol in re.finditer(r"\S+", thought)]  # once: a model may wait a thousand times
    places = {bisect_left(begins, at) for at in valid}
    return {place: place in places for place in _markers(thought.split())}


def _markers(symbols: list[str]) -> list[int]:
    """Places of every `wait`, and of every `no` that no `wait` follows."""
    return [i for i, s in enumerate(symbols) if s == "wait" or (s == "no" and symbols[i + 1 : i + 2] != ["wait"])]


def _replayed(item: Item, thought: str) -> tuple[int, int, list[int]]:
    """Steps, right steps, and where in the text (character) each marker of a valid backtrack stands."""
    segments = thought.split(" ; ")
    problem = item.prompt.split(" : ")[-1]  # without the material of a request
    holder = problem.split()[1] if problem.startswith("ball ") else None
    steps = right_steps = start = 0
    valid: list[int] = []
    before_line: dict[str, str | None] = {}  # who had the ball before a line: a line may be quoted again
    for segment in segments:
        if line := re.search(r"\b(l[1-6]) pass", segment):
            holder = before_line.setdefault(line[1], holder)
        tries = [list(_STEP.finditer(piece)) for piece in _AGAIN.split(segment)]
        found = [step for piece in tries for step in piece]
        steps += len(found)
        right_steps += sum(step["result"] == right_result(step["left"], holder) for step in found)
        # the marker is the last symbol of what separates two tries
        marks = [start + match.end() - len(match[0].split()[-1]) - 1 for match in _AGAIN.finditer(segment)]
        for mark, (a, b) in zip(marks, pairwise(tries), strict=True):
            if a and b and _corrects(a[-1], b[0], holder):
                valid.append(mark)
        if holder is not None and found:
            holder = found[-1]["result"]
        start += len(segment) + len(" ; ")
    return steps, right_steps, valid + _justified_retries(problem, segments)


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


def _justified_retries(problem: str, segments: list[str]) -> list[int]:
    """Where attempts end that were given up with `no`, really fail and are followed by one not made before."""
    ends = accumulate(len(segment) + len(" ; ") for segment in segments)
    attempts = [(_attempt(problem, segment), segment, end) for segment, end in zip(segments, ends, strict=True)]
    attempts = [attempt for attempt in attempts if attempt[0]]
    retries, before = [], set()
    for (made, segment, end), (following, _, _) in pairwise(attempts):
        before.add(made)
        if segment.endswith(" no") and following not in before and _fails(problem, made):
            retries.append(end - len(" ; ") - len("no"))
    return retries


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
