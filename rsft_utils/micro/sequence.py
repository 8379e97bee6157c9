"""Two interleaved number sequences, each with a constant difference (maths, trained on)."""

from rsft_utils.micro.arithmetic import in_range, step
from rsft_utils.micro.item import Item, Segment


def sequence(rng, ahead: int) -> Item:
    """`next 1 : 3 , 19 , 5 , 16`: 3 5 .. goes on with 7 (and 19 16 .. with 13, which `next 2` asks for).

    `ahead` counts the terms after those shown; odd ones belong to the first sequence, even ones to the second.
    """
    rows = [_row(rng, terms=2 + (ahead + 1) // 2) for _ in range(2)]
    asked = rows[(ahead - 1) % 2]
    first, term = asked[:2]
    # a falling sequence loses its difference at every term, so that no negative number is needed
    sign, low, high = ("+", first, term) if term >= first else ("-", term, first)
    steps = [step(high, "-", low)]
    difference, terms = int(steps[0].result), []
    while len(terms) < (ahead + 1) // 2:
        steps.append(step(term, sign, difference))
        term = int(steps[-1].result)
        terms.append(str(term))
    prompt = f"next {ahead} : {rows[0][0]} , {rows[1][0]} , {rows[0][1]} , {rows[1][1]}"
    return Item("sequence", prompt, str(term), tuple(Segment((s,)) for s in steps), "so " + " , ".join(terms))


def _row(rng, terms: int) -> list[int]:
    """Terms of one sequence, all in range."""
    while True:
        first, difference = rng.randrange(20), rng.randint(-3, 3)
        row = [first + i * difference for i in range(terms)]
        if in_range(row[-1]):
            return row
