"""Families that share no arithmetic with the maths, only the habit of working step by step (out of domain)."""

from rsft_utils.micro.item import Item, Segment, Step


def _item(family: str, prompt: str, steps: list[Step]) -> Item:
    summary = "so " + " , ".join(s.result for s in steps)
    return Item(family, prompt, steps[-1].result, tuple(Segment((s,)) for s in steps), summary)


def tracking(rng, length: int) -> Item:
    """`ball a pass b c pass a d`: who has the ball? A pass by somebody who does not have it changes nothing."""
    holder = rng.choice("abcd")
    prompt, steps = [f"ball {holder}"], []
    for _ in range(length):
        giver, taker = rng.sample("abcd", 2)
        holder = taker if holder == giver else holder
        prompt.append(f"pass {giver} {taker}")
        steps.append(Step(f"pass {giver} {taker}", holder, link="at"))
    return _item("tracking", " ".join(prompt), steps)


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
