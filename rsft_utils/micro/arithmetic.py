"""Arithmetic on a clock of seven hours, left to right: one primitive step under four surfaces.

Seven is prime, so no operation but `* 0`, which does not occur, loses information: every answer is equally likely.

`chain` is the maths that the models are fine-tuned on. `variables`, `word` and `stack` ask for the same steps in
other words, so what fine-tuning teaches about the steps can show there. Traces of `stack` are kept out of the
pre-training corpus: a base has never seen one.
"""

from rsft_utils.micro.item import Item, Segment, Step
from rsft_utils.micro.symbols import LETTERS

HOURS = 7
CHANCE = 1 / HOURS


def operate(a: int, sign: str, b: int) -> int:
    """`a sign b` on the clock, sign one of + - *."""
    return {"+": a + b, "-": a - b, "*": a * b}[sign] % HOURS


def step(a: int, sign: str, b: int) -> Step:
    return Step(f"{a} {sign} {b}", str(operate(a, sign, b)))


def _draw(rng, length: int):
    """A random chain: first value, then (sign, operand) pairs; operands are 1-6."""
    return rng.randrange(HOURS), [(rng.choice("+-*"), rng.randrange(1, HOURS)) for _ in range(length)]


def _item(family: str, prompt: str, start: int, moves) -> Item:
    value, steps = start, []
    for sign, operand in moves:
        steps.append(step(value, sign, operand))
        value = operate(value, sign, operand)
    return Item(
        family, prompt, str(value), tuple(Segment((s,)) for s in steps), "so " + " , ".join(s.result for s in steps)
    )


def chain(rng, length: int) -> Item:
    """`calc 3 + 4 * 2`"""
    start, moves = _draw(rng, length)
    return _item("chain", f"calc {start} " + " ".join(f"{s} {b}" for s, b in moves), start, moves)


def variables(rng, length: int) -> Item:
    """`let a = 3 , b = a + 4 , c = b * 2 ? c`"""
    start, moves = _draw(rng, length)
    names = rng.sample(LETTERS, length + 1)
    lines = [f"{names[0]} = {start}"]
    lines += [f"{names[i + 1]} = {names[i]} {sign} {b}" for i, (sign, b) in enumerate(moves)]
    return _item("variables", f"let {' , '.join(lines)} ? {names[-1]}", start, moves)


def word(rng, length: int) -> Item:
    """`has 3 gets 4 times 2`"""
    start, moves = _draw(rng, length)
    verb = {"+": "gets", "-": "loses", "*": "times"}
    return _item("word", f"has {start} " + " ".join(f"{verb[s]} {b}" for s, b in moves), start, moves)


def stack(rng, length: int) -> Item:
    """`push 3 push 4 add push 2 mul`"""
    start, moves = _draw(rng, length)
    name = {"+": "add", "-": "sub", "*": "mul"}
    return _item("stack", f"push {start} " + " ".join(f"push {b} {name[s]}" for s, b in moves), start, moves)
