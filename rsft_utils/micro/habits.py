"""Families that share no arithmetic with the maths, only the habit of working step by step (out of domain)."""

from rsft_utils.micro.arithmetic import marked
from rsft_utils.micro.item import Item, Segment, Step
from rsft_utils.micro.symbols import MARKS


def _item(family: str, prompt: str, steps: list[Step]) -> Item:
    summary = "so " + " , ".join(s.result for s in steps)
    return Item(family, prompt, steps[-1].result, tuple(Segment((s,)) for s in steps), summary)


def tracking(rng, length: int) -> Item:
    """`ball a l1 pass b c l2 pass a d`: who has the ball? A pass by somebody who does not have it changes nothing."""
    holder = rng.choice("abcd")
    start, lines, steps = holder, [], []
    for mark in MARKS[:length]:
        giver, taker = rng.sample("abcd", 2)
        holder = taker if holder == giver else holder
        lines.append(f"pass {giver} {taker}")
        steps.append(Step(lines[-1], holder, link="at", mark=mark))
    return _item("tracking", f"ball {start} {marked(lines)}", steps)


def boolean(rng, length: int) -> Item:
    """`bool T l1 & F l2 | T`, evaluated from left to right."""
    value = rng.random() < 0.5
    name = {True: "T", False: "F"}
    start, lines, steps = name[value], [], []
    for mark in MARKS[:length]:
        sign, other = rng.choice("&|^"), rng.random() < 0.5
        result = {"&": value and other, "|": value or other, "^": value != other}[sign]
        lines.append(f"{sign} {name[other]}")
        steps.append(Step(f"{name[value]} {sign} {name[other]}", name[result], mark=mark))
        value = result
    return _item("boolean", f"bool {start} {marked(lines)}", steps)
