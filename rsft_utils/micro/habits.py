"""Families that share no arithmetic with the maths, only the habit of working step by step (out of domain)."""

from rsft_utils.micro.item import Item, Segment, Step

TRACKING_CHANCE = 0.25  # four cups
BOOLEAN_CHANCE = 0.5


def _item(family: str, prompt: str, steps: list[Step]) -> Item:
    summary = "so " + " , ".join(s.result for s in steps)
    return Item(family, prompt, steps[-1].result, tuple(Segment((s,)) for s in steps), summary)


def tracking(rng, length: int) -> Item:
    """`ball a swap a c swap d c`: under which cup is the ball?"""
    cup = rng.choice("abcd")
    moves, steps = [f"ball {cup}"], []
    for _ in range(length):
        x, y = rng.sample("abcd", 2)
        cup = {x: y, y: x}.get(cup, cup)
        moves.append(f"swap {x} {y}")
        steps.append(Step(f"swap {x} {y}", cup, link="at"))
    return _item("tracking", " ".join(moves), steps)


def boolean(rng, length: int) -> Item:
    """`bool T & F | T`, evaluated from left to right."""
    value = rng.random() < 0.5
    name = {True: "T", False: "F"}
    prompt, steps = [f"bool {name[value]}"], []
    for _ in range(length):
        sign, other = rng.choice("&|^"), rng.random() < 0.5
        result = {"&": value and other, "|": value or other, "^": value != other}[sign]
        prompt.append(f"{sign} {name[other]}")
        steps.append(Step(f"{name[value]} {sign} {name[other]}", name[result]))
        value = result
    return _item("boolean", " ".join(prompt), steps)
