"""Guess-and-check: one of three candidates fits, and the trace tries them until it does.

`equation` is maths (trained on), `lock` is the same search under another surface (out of domain).
"""

from rsft_utils.micro.arithmetic import operate, step
from rsft_utils.micro.item import Item, Segment


def _item(rng, family: str, surface: str) -> Item:
    factor, shift = rng.randint(1, 3), rng.randrange(10)
    lowest = rng.randrange(6)  # candidates lie close together, so that a rough estimate does not tell them apart
    candidates = sorted(rng.sample(range(lowest, lowest + 5), 3))
    solution = rng.choice(candidates)
    target = operate(operate(solution, "*", factor), "+", shift)
    prompt = surface.format(factor, shift, target, " ".join(map(str, candidates)))
    order = rng.sample(candidates, 3)
    attempts = []
    for x in order[: order.index(solution) + 1]:
        product = step(x, "*", factor)
        total = step(int(product.result), "+", shift)
        attempts.append(Segment((product, total), opening=f"try {x}", verdict="ok" if x == solution else "no"))
    return Item(family, prompt, str(solution), tuple(attempts), f"so {solution} * {factor} + {shift} = {target}")


def equation(rng) -> Item:
    """`solve ? * 3 + 2 = 14 in 1 4 6`"""
    return _item(rng, "equation", "solve ? * {} + {} = {} in {}")


def lock(rng) -> Item:
    """`lock turn 3 shift 2 opens 14 in 1 4 6`"""
    return _item(rng, "lock", "lock turn {} shift {} opens {} in {}")
