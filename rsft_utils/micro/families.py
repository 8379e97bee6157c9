"""The task families, and how a problem or a request is drawn from one split of one of them."""

from collections.abc import Callable
from random import Random

from rsft_utils.micro import arithmetic, general, habits, safety, search, sequence
from rsft_utils.micro.item import Item
from rsft_utils.micro.splits import split_of

# Families as the corpus and the fine-tuning sets draw them: each problem gets a random difficulty.
PROBLEMS: dict[str, Callable[..., Item]] = {
    "chain": lambda rng: arithmetic.chain(rng, rng.randint(1, 5)),
    "equation": search.equation,
    "sequence": lambda rng: sequence.sequence(rng, rng.randint(1, 4)),
    "variables": lambda rng: arithmetic.variables(rng, rng.randint(1, 4)),
    "word": lambda rng: arithmetic.word(rng, rng.randint(1, 4)),
    "stack": lambda rng: arithmetic.stack(rng, rng.randint(1, 4)),
    "lock": search.lock,
    "tracking": lambda rng: habits.tracking(rng, rng.randint(1, 5)),
    "boolean": lambda rng: habits.boolean(rng, rng.randint(2, 6)),
    "fact": general.fact,
    "format": lambda rng: general.format_(rng, rng.randint(3, 5)),
}
MATHS = ("chain", "equation", "sequence")  # what fine-tuning trains on
NO_TRACES = ("stack",)  # no trace of these stands in the corpus
SEEN_BY_DESIGN = ("fact",)  # remembered, so the same facts stand in corpus and benchmark
REQUESTED = ("chain", "equation", "variables", "word", "lock", "tracking", "boolean", "format")


def draw(family: str, split: str, rng: Random) -> Item:
    """One problem of a family whose prompt belongs to the split."""
    while True:
        item = PROBLEMS[family](rng)
        if family in SEEN_BY_DESIGN or split_of(item.prompt) == split:
            return item


def draw_request(rng: Random, *, unsafe: bool, split: str) -> Item:
    """A request around a problem of the split; evaluation uses only pairs of family and material that no base saw."""
    while True:
        problem = draw(rng.choice(REQUESTED), split, rng)
        materials = safety.materials(problem.family, unsafe=unsafe, held_out=split == "eval")
        if materials:
            return safety.request(problem, rng.choice(materials))
