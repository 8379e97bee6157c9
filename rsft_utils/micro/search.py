"""Guess-and-check: one of three candidates fits, and the trace tries them until it does.

`equation` is maths (trained on), `lock` is the same search under another surface (out of domain). The corpus holds the
short form only. With `extra` operations more, a base cannot see the answer at once any longer; checking candidates
step by step still finds it.
"""

from rsft_utils.micro.arithmetic import in_range, marked, operate, step
from rsft_utils.micro.item import Item, Segment
from rsft_utils.micro.symbols import MARKS


def equation(rng, extra: int = 0) -> Item:
    """`solve ? l1 * 3 l2 + 2 = 14 in 1 4 6`, or with one extra operation `solve ? l1 * 3 l2 + 2 l3 - 5 = 9 in 1 4 6`"""
    moves, candidates, solution, target = _draw(rng, extra, "+-")
    left = marked([f"{sign} {b}" for sign, b in moves])
    prompt = f"solve ? {left} = {target} in {_joined(candidates)}"
    return _item(rng, "equation", prompt, moves, candidates, solution, target)


def lock(rng, extra: int = 0) -> Item:
    """`lock l1 turn 3 l2 shift 2 opens 14 in 1 4 6`, or with one extra operation `lock ... l3 shift 5 opens ...`"""
    moves, candidates, solution, target = _draw(rng, extra, "+")
    left = marked([f"{'turn' if sign == '*' else 'shift'} {b}" for sign, b in moves])
    prompt = f"lock {left} opens {target} in {_joined(candidates)}"
    return _item(rng, "lock", prompt, moves, candidates, solution, target)


def _draw(rng, extra: int, signs: str):
    """Operations, candidates, the one that fits and what it gives; every candidate stays in range on the way."""
    while True:
        moves = [("*", rng.randint(1, 3)), ("+", rng.randrange(10))]
        moves += [(rng.choice(signs), rng.randint(1, 9)) for _ in range(extra)]
        lowest = rng.randrange(6)  # candidates lie close together, so that a rough estimate does not tell them apart
        candidates = sorted(rng.sample(range(lowest, lowest + 5), 3))
        solution = rng.choice(candidates)
        values = {x: _values(x, moves) for x in candidates}
        if all(in_range(value) for row in values.values() for value in row):
            return moves, candidates, solution, values[solution][-1]


def _values(x: int, moves) -> list[int]:
    values = []
    for sign, operand in moves:
        x = operate(x, sign, operand)
        values.append(x)
    return values


def _item(rng, family: str, prompt: str, moves, candidates, solution: int, target: int) -> Item:
    order = rng.sample(candidates, len(candidates))
    attempts = []
    for x in order[: order.index(solution) + 1]:
        befores = [x, *_values(x, moves)]
        steps = tuple(step(before, *move, mark) for before, move, mark in zip(befores, moves, MARKS, strict=False))
        verdict = f"goal {target} {'ok' if x == solution else 'no'}"
        attempts.append(Segment(steps, opening=f"try {x}", verdict=verdict))
    return Item(family, prompt, str(solution), tuple(attempts), "so " + " , ".join(s.text for s in attempts[-1].steps))


def _joined(candidates) -> str:
    return " ".join(map(str, candidates))
