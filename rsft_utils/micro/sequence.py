"""Number sequences whose differences grow by a constant, on a clock of ten digits (maths, trained on)."""

from rsft_utils.micro.arithmetic import operate, step
from rsft_utils.micro.item import Item, Segment

CHANCE = 0.1  # ten digits


def sequence(rng, ahead: int) -> Item:
    """`next 2 : 3 , 5 , 9` asks for the second term after the three shown (5: 3 5 9 5 3 is 3, +2, +4, +6, +8)."""
    first, difference, growth = rng.randint(0, 9), rng.randint(0, 9), rng.randint(0, 9)
    second = operate(first, "+", difference)
    third = operate(second, "+", operate(difference, "+", growth))
    steps = [step(second, "-", first), step(third, "-", second)]
    steps.append(step(int(steps[1].result), "-", int(steps[0].result)))
    gap, term, terms = int(steps[1].result), third, []
    for _ in range(ahead):
        steps.append(step(gap, "+", growth))
        gap = int(steps[-1].result)
        steps.append(step(term, "+", gap))
        term = int(steps[-1].result)
        terms.append(str(term))
    prompt = f"next {ahead} : {first} , {second} , {third}"
    return Item("sequence", prompt, str(term), tuple(Segment((s,)) for s in steps), "so " + " , ".join(terms))
