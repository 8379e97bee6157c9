"""Whole numbers from 0 to 39, worked from left to right: one primitive step under four surfaces.

`chain` is the maths that the models are fine-tuned on. `variables`, `word` and `stack` ask for the same steps in
other words, so what fine-tuning teaches about the steps can show there. Traces of `stack` are kept out of the
pre-training corpus: a base has never seen one.
"""

from rsft_utils.micro.item import Item, Segment, Step
from rsft_utils.micro.symbols import LETTERS, MARKS, NUMBERS

LARGEST = len(NUMBERS) - 1


def operate(a: int, sign: str, b: int) -> int:
    """`a sign b`, sign one of + - *; may leave the range of the world."""
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def in_range(number: int) -> bool:
    return 0 <= number <= LARGEST


def step(a: int, sign: str, b: int, mark: str = "") -> Step:
    return Step(f"{a} {sign} {b}", str(operate(a, sign, b)), mark=mark)


def _draw(rng, length: int):
    """A random chain that stays in range: first value (0-9), then (sign, operand): + and - by 1-9, * by 2 or 3."""
    start = value = rng.randrange(10)
    moves = []
    while len(moves) < length:
        sign = rng.choice("+-*")
        operand = rng.randint(2, 3) if sign == "*" else rng.randint(1, 9)
        if in_range(operate(value, sign, operand)):
            moves.append((sign, operand))
            value = operate(value, sign, operand)
    return start, moves


def _item(family: str, opening: str, lines: list[str], closing: str, start: int, moves) -> Item:
    value, steps = start, []
    for mark, (sign, operand) in zip(MARKS[: len(moves)], moves, strict=True):
        steps.append(step(value, sign, operand, mark))
        value = operate(value, sign, operand)
    prompt = f"{opening} {marked(lines)} {closing}".rstrip()
    return Item(
        family, prompt, str(value), tuple(Segment((s,)) for s in steps), "so " + " , ".join(s.result for s in steps)
    )


def marked(lines: list[str]) -> str:
    """The lines of a problem, each behind its number: `l1 + 4 l2 * 2`."""
    return " ".join(f"{mark} {line}" for mark, line in zip(MARKS[: len(lines)], lines, strict=True))


def chain(rng, length: int) -> Item:
    """`calc 3 l1 + 4 l2 * 2`, from left to right"""
    start, moves = _draw(rng, length)
    return _item("chain", f"calc {start}", [f"{s} {b}" for s, b in moves], "", start, moves)


def variables(rng, length: int) -> Item:
    """`let a = 3 l1 b = a + 4 l2 c = b * 2 ? c`"""
    start, moves = _draw(rng, length)
    names = rng.sample(LETTERS, length + 1)
    lines = [f"{names[i + 1]} = {names[i]} {sign} {b}" for i, (sign, b) in enumerate(moves)]
    return _item("variables", f"let {names[0]} = {start}", lines, f"? {names[-1]}", start, moves)


def word(rng, length: int) -> Item:
    """`has 3 l1 gets 4 l2 times 2`"""
    start, moves = _draw(rng, length)
    verb = {"+": "gets", "-": "loses", "*": "times"}
    return _item("word", f"has {start}", [f"{verb[s]} {b}" for s, b in moves], "", start, moves)


def stack(rng, length: int) -> Item:
    """`push 3 l1 push 4 add l2 push 2 mul`"""
    start, moves = _draw(rng, length)
    name = {"+": "add", "-": "sub", "*": "mul"}
    return _item("stack", f"push {start}", [f"push {b} {name[s]}" for s, b in moves], "", start, moves)
