"""Two interleaved number sequences, each with a constant difference, on the clock (maths, trained on)."""

from rsft_utils.micro.arithmetic import CHANCE, HOURS, step
from rsft_utils.micro.item import Item, Segment

__all__ = ["CHANCE", "sequence"]


def sequence(rng, ahead: int) -> Item:
    """`next 1 : 3 , 1 , 5 , 2`: 3 5 .. goes on with 0 (and 1 2 .. with 3, which `next 2` asks for).

    `ahead` counts the terms after those shown; odd ones belong to the first sequence, even ones to the second.
    """
    shown = [rng.randrange(HOURS) for _ in range(4)]
    first, term = shown[(ahead - 1) % 2], shown[(ahead - 1) % 2 + 2]
    steps = [step(term, "-", first)]
    difference, terms = int(steps[0].result), []
    for _ in range((ahead + 1) // 2):
        steps.append(step(term, "+", difference))
        term = int(steps[-1].result)
        terms.append(str(term))
    prompt = f"next {ahead} : {' , '.join(map(str, shown))}"
    return Item("sequence", prompt, str(term), tuple(Segment((s,)) for s in steps), "so " + " , ".join(terms))
