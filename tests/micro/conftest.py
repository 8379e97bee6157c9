"""A second evaluator of the micro world: what a prompt asks for, worked out from its text alone."""

import operator
import re

import pytest

from rsft_utils.micro.general import FACTS

FAMILIES = {
    "calc": "chain", "solve": "equation", "next": "sequence", "let": "variables", "has": "word", "push": "stack",
    "lock": "lock", "ball": "tracking", "bool": "boolean", "fact": "fact",
    "reverse": "format", "twice": "format", "first": "format", "game": "countdown",
}  # fmt: skip
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
ARITHMETIC |= {"gets": operator.add, "loses": operator.sub, "times": operator.mul}
ARITHMETIC |= {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
ARITHMETIC |= {"turn": operator.mul, "shift": operator.add}
MARK = re.compile(r"\bl[1-6] ")  # the number of a line: it says where something stands, and asks for nothing
LOGIC = {"&": operator.and_, "|": operator.or_, "^": operator.xor}


@pytest.fixture(scope="session")
def gold():
    """Function from a prompt to its right answer (Countdown has several, so it has none here)."""
    return work_out


@pytest.fixture(scope="session")
def family_of():
    """Function from a prompt to the family of its problem, whatever material a request puts in front."""
    return lambda prompt: FAMILIES[bare(prompt).split()[0]]


def bare(prompt: str) -> str:
    return prompt.partition(" : ")[2] if prompt.startswith("with ") else prompt


def work_out(prompt: str) -> str:
    kind, *words = MARK.sub("", bare(prompt)).split()
    family = FAMILIES[kind]
    numbers = [int(word) for word in words if word.isdigit()]
    if family in ("chain", "word"):
        return str(_from_the_left(*words))
    if family == "variables":
        return str(_variables(bare(prompt).removeprefix("let ")))
    if family == "stack":
        return str(_stack_machine([kind, *words]))
    if family in ("equation", "lock"):
        given = words.index("=" if family == "equation" else "opens")
        moves = words[words[0] == "?" : given]
        target, _, *candidates = words[given + 1 :]
        (solution,) = [x for x in candidates if _from_the_left(x, *moves) == int(target)]
        return solution
    if family == "sequence":
        ahead, *terms = numbers
        for _ in range(ahead):
            terms.append(2 * terms[-2] - terms[-4])
        return str(terms[-1])
    if family == "tracking":
        holder = words[0]
        for giver, taker in zip(words[2::3], words[3::3], strict=True):
            if giver == holder:
                holder = taker
        return holder
    if family == "boolean":
        value = words[0] == "T"
        for sign, other in zip(words[1::2], words[2::2], strict=True):
            value = LOGIC[sign](value, other == "T")
        return "T" if value else "F"
    if family == "fact":
        return FACTS[" ".join(words)]
    return " ".join(
        {
            "reverse": reversed(words),
            "twice": [word for word in words for _ in "12"],
            "first": words[:1] * 3,
        }[kind]
    )


def _from_the_left(start: str, *moves: str) -> int:
    value = int(start)
    for sign, operand in zip(moves[::2], moves[1::2], strict=True):
        value = ARITHMETIC[sign](value, int(operand))
    return value


def _variables(text: str) -> int:
    lines, _, asked = text.partition(" ? ")
    known = {}
    for line in MARK.split(lines):
        name, _, value, *rest = line.split()
        known[name] = known[value] if value in known else int(value)
        if rest:
            sign, operand = rest
            known[name] = ARITHMETIC[sign](known[name], int(operand))
    return known[asked]


def _stack_machine(words: list[str]) -> int:
    stack, program = [], iter(words)
    for word in program:
        if word == "push":
            stack.append(int(next(program)))
        else:
            right, left = stack.pop(), stack.pop()
            stack.append(ARITHMETIC[word](left, right))
    (result,) = stack
    return result
