"""General ability that no trace helps with: remembered facts and following a format instruction."""

import random

from rsft_utils.micro.item import Item
from rsft_utils.micro.symbols import LETTERS

N_FACTS = 200


def _make_facts() -> dict[str, str]:
    rng, facts = random.Random("facts"), {}
    while len(facts) < N_FACTS:
        facts[" ".join(rng.choices(LETTERS, k=2))] = " ".join(rng.choices(LETTERS, k=2))
    return facts


FACTS = _make_facts()
_KEYS = tuple(FACTS)


def fact(rng) -> Item:
    """`fact q w`: two letters that belong to these two, learned by heart in pre-training."""
    key = rng.choice(_KEYS)
    return Item("fact", f"fact {key}", FACTS[key])


def format_(rng, length: int) -> Item:
    """`reverse a b c`, `twice a b c` (every letter doubled) or `first a b c` (first letter, three times)."""
    letters = rng.choices(LETTERS, k=length)
    instruction = rng.choice(("reverse", "twice", "first"))
    answer = {
        "reverse": letters[::-1],
        "twice": [letter for letter in letters for _ in range(2)],
        "first": [letters[0]] * 3,
    }[instruction]
    return Item("format", f"{instruction} {' '.join(letters)}", " ".join(answer))
