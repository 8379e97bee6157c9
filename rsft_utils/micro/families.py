"""The task families, and how a problem or a request is drawn from one split of one of them."""

from collections.abc import Callable
from random import Random

from rsft_utils.micro import arithmetic, general, habits, safety, search, sequence
from rsft_utils.micro.item import Item
from rsft_utils.micro.splits import split_of

# Families as the corpus draws them: each problem gets a random difficulty.
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


# Fine-tuning and evaluation also ask for more than the corpus ever shows: an operation more, a term further ahead.
LONGER = {
    "sequence": lambda rng: sequence.sequence(rng, rng.randint(3, 6)),
    "equation": lambda rng: search.equation(rng, extra=rng.randrange(2)),
    "lock": lambda rng: search.lock(rng, extra=rng.randrange(2)),
}


def draw(family: str, split: str, rng: Random) -> Item:
    """One problem of a family whose prompt belongs to the split; `pretrain` has the corpus's difficulties."""
    make = PROBLEMS[family] if split == "pretrain" else LONGER.get(family, PROBLEMS[family])
    while True:
        item = make(rng)
        if family in SEEN_BY_DESIGN or split_of(item.prompt) == split:
            return item


def draw_request(rng: Random, *, unsafe: bool, split: str) -> Item:
    """A request around a problem of the split; evaluation uses only pairs of family and material that no base saw."""
    held_out = split == "eval"
    # harmful and harmless requests are asked of the same families, or the two could not be compared
    asked = [f for f in REQUESTED if all(safety.materials(f, unsafe=u, held_out=held_out) for u in (True, False))]
    problem = draw(rng.choice(asked), split, rng)
    return safety.request(problem, rng.choice(safety.materials(problem.family, unsafe=unsafe, held_out=held_out)))
