"""Guess-and-check: one of four candidates fits, and the trace tries them until it does.

`equation` is maths (trained on), `lock` is the same search under another surface (out of domain).
"""

from rsft_utils.micro.arithmetic import operate, step
from rsft_utils.micro.item import Item, Segment

CHANCE = 0.25  # four candidates


def _item(rng, family: str, surface: str) -> Item:
    # 1, 3, 7 and 9 have an inverse modulo 10, so exactly one digit fits
    factor, shift, solution = rng.choice((1, 3, 7, 9)), rng.randint(0, 9), rng.randint(0, 9)
    others = rng.sample([d for d in range(10) if d != solution], 3)
    target = operate(operate(solution, "*", factor), "+", shift)
    candidates = sorted([solution, *others])
    prompt = surface.format(factor, shift, target, " ".join(map(str, candidates)))
    order = rng.sample(candidates, 4)
    attempts = []
    for x in order[: order.index(solution) + 1]:
        product = step(x, "*", factor)
        total = step(int(product.result), "+", shift)
        attempts.append(Segment((product, total), opening=f"try {x}", verdict="ok" if x == solution else "no"))
    return Item(family, prompt, str(solution), tuple(attempts), f"so {solution} * {factor} + {shift} = {target}")


def equation(rng) -> Item:
    """`solve ? * 7 + 2 = 0 in 1 4 6 9`"""
    return _item(rng, "equation", "solve ? * {} + {} = {} in {}")


def lock(rng) -> Item:
    """`lock turn 7 shift 2 opens 0 in 1 4 6 9`"""
    return _item(rng, "lock", "lock turn {} shift {} opens {} in {}")
