"""Guess-and-check: one of three candidates fits, and the trace tries them until it does.

`equation` is maths (trained on), `lock` is the same search under another surface (out of domain).
"""

from rsft_utils.micro.arithmetic import HOURS, operate, step
from rsft_utils.micro.item import Item, Segment

CHANCE = 1 / 3  # three candidates


def _item(rng, family: str, surface: str) -> Item:
    factor, shift, solution = rng.randrange(1, HOURS), rng.randrange(HOURS), rng.randrange(HOURS)
    others = rng.sample([d for d in range(HOURS) if d != solution], 2)
    target = operate(operate(solution, "*", factor), "+", shift)
    candidates = sorted([solution, *others])
    prompt = surface.format(factor, shift, target, " ".join(map(str, candidates)))
    order = rng.sample(candidates, 3)
    attempts = []
    for x in order[: order.index(solution) + 1]:
        product = step(x, "*", factor)
        total = step(int(product.result), "+", shift)
        attempts.append(Segment((product, total), opening=f"try {x}", verdict="ok" if x == solution else "no"))
    return Item(family, prompt, str(solution), tuple(attempts), f"so {solution} * {factor} + {shift} = {target}")


def equation(rng) -> Item:
    """`solve ? * 3 + 2 = 0 in 1 4 6`"""
    return _item(rng, "equation", "solve ? * {} + {} = {} in {}")


def lock(rng) -> Item:
    """`lock turn 3 shift 2 opens 0 in 1 4 6`"""
    return _item(rng, "lock", "lock turn {} shift {} opens {} in {}")
