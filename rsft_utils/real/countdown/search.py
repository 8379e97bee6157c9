"""The search behind a Countdown thought: attempts that fail, then one that reaches the target.

What is given up cannot reach the target, not even with fractions on the way. One thing is not as in a blind search: it
is known beforehand which step leads on, so the number of dead ends visited before it is ours to choose. DETOURS and
TRIES alone decide how long a thought becomes.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from random import Random
from typing import NamedTuple

# (how many numbers are given, how many are left) -> fewest and most dead ends visited before the way is taken
DETOURS = {(3, 3): (3, 10), (4, 4): (0, 3), (4, 3): (2, 5)}
TRIES = (1, 3)  # how often a dead end with three numbers left is tried further
FAR = 10  # times the target: nobody goes that far without need
_NEEDS_NONE = {"+": "+-*/", "-": "*/", "*": "*", "/": ""}  # sign -> what its right side holds without parentheses


class Term(NamedTuple):
    """A number on the table: its value, how it was made, and the sign of the last step (none: a given number)."""

    value: int
    made: str
    sign: str = ""


class Move(NamedTuple):
    """Two terms combined; the result is whole and not negative."""

    left: Term
    sign: str
    right: Term
    value: int

    @property
    def before(self) -> str:
        return f"{self.left.value} {self.sign} {self.right.value}"

    @property
    def text(self) -> str:
        return f"{self.before} = {self.value}"

    @property
    def term(self) -> Term:
        """The result, with the whole expression behind it."""
        left, right = self.left.made, self.right.made
        if self.sign in "*/" and self.left.sign in ("+", "-"):
            left = f"({left})"
        if self.right.sign not in _NEEDS_NONE[self.sign]:
            right = f"({right})"
        return Term(self.value, f"{left} {self.sign} {right}", self.sign)


Table = tuple[Term, ...]


def given(numbers: Sequence[int]) -> Table:
    """The table before the first move."""
    return tuple(Term(number, str(number)) for number in numbers)


def moves(table: Table) -> list[Move]:
    """Every way to combine two of the terms: sum, difference, product, and the quotient where it is whole."""
    found = []
    for a, b in combinations(table, 2):
        high, low = (a, b) if a.value >= b.value else (b, a)
        found += [Move(a, "+", b, a.value + b.value), Move(high, "-", low, high.value - low.value)]
        found.append(Move(a, "*", b, a.value * b.value))
        if low.value and high.value % low.value == 0:
            found.append(Move(high, "/", low, high.value // low.value))
    return found


def after(table: Table, move: Move) -> Table:
    """The table once the move is made: its result, then what is left."""
    rest = list(table)
    rest.remove(move.left)
    rest.remove(move.right)
    return (move.term, *rest)


@cache
def _splits(n: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The ways to split the places 0..n-1 in two, the first of them always on the left."""
    lefts = [(0, *others) for k in range(n - 1) for others in combinations(range(1, n), k)]
    return [(left, tuple(i for i in range(n) if i not in left)) for left in lefts]


def reachable(values: Sequence[int]) -> set[int]:
    """All that can be made of the values, each used exactly once, with whole numbers on the way.

    Differences count as larger minus smaller: a negative number on the way can always be avoided by turning it round.
    Of up to three values, fractions make no other whole number: a / b * c is a * c / b, and so on.
    """
    if len(values) == 1:
        return set(values)
    found = set()
    for left, right in _splits(len(values)):
        ways_right = reachable([values[i] for i in right])
        for a in reachable([values[i] for i in left]):
            for b in ways_right:
                high, low = (a, b) if a >= b else (b, a)
                found.update((a + b, high - low, a * b))
                if low and high % low == 0:
                    found.add(high // low)
    return found


def search(numbers: Sequence[int], target: int, rng: Random) -> list[tuple[Move, ...]]:
    """The attempts in the order of the thought: those that fail, each down to two terms, then the whole solution.

    Raises ValueError when whole numbers on the way cannot reach the target.
    """
    return list(_attempts(given(numbers), target, rng, len(numbers), set()))


def _attempts(table: Table, target: int, rng: Random, n_given: int, seen: set) -> Iterator[tuple[Move, ...]]:
    if len(table) == 2:
        yield (next(move for move in moves(table) if move.value == target),)
        return
    ordered = _shuffled(table, target, rng)
    n_detours = rng.randint(*DETOURS[n_given, len(table)])
    for move in ordered:
        if n_detours and move.value <= FAR * target and not _leads_on(after(table, move), target):
            tries = [(move, *rest) for rest in _dead_ends(after(table, move), target, rng, seen)]
            yield from tries
            n_detours -= bool(tries)
    way = next((move for move in ordered if _leads_on(after(table, move), target)), None)
    if way is None:
        numbers = [term.value for term in table]
        raise ValueError(f"no way in whole numbers from {numbers} to {target}, so there is no search to tell")
    for rest in _attempts(after(table, way), target, rng, n_given, seen):
        yield (way, *rest)


def _dead_ends(table: Table, target: int, rng: Random, seen: set) -> Iterator[tuple[Move, ...]]:
    """Some ways down to two terms from a table that cannot reach the target; no table is visited twice."""
    values = tuple(sorted(term.value for term in table))
    if values in seen:
        return
    seen.add(values)
    if len(table) == 2:
        yield ()
        return
    for move in _shuffled(table, target, rng)[: rng.randint(*TRIES)]:
        for rest in _dead_ends(after(table, move), target, rng, seen):
            yield (move, *rest)


def _leads_on(table: Table, target: int) -> bool:
    return target in reachable([term.value for term in table])


def _shuffled(table: Table, target: int, rng: Random) -> list[Move]:
    """The moves in random order, but what goes well beyond the target last."""
    found = moves(table)
    rng.shuffle(found)
    return sorted(found, key=lambda move: move.value > 2 * target)
