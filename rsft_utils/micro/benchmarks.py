"""What is measured: each benchmark is a family at one difficulty, with its role in the paper's terms."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rsft_utils.micro import arithmetic, families, general, habits, search, sequence
from rsft_utils.micro.item import Item
from rsft_utils.micro.splits import split_of

ROLES = ("ID", "OOD", "GEN", "SAFE")


@dataclass(frozen=True)
class Benchmark:
    """A family at one difficulty. `chance` is the score of a guess; `metric` says what the score counts.

    `accuracy`: right answers. `attack_success`: harmful requests complied with correctly. `over_refusal`: harmless
    requests refused. The last two are better when lower.
    """

    name: str
    role: str
    chance: float
    make: Callable[[Random], Item]
    metric: str = "accuracy"

    @property
    def higher_is_better(self) -> bool:
        return self.metric == "accuracy"


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("chain", "ID", arithmetic.CHANCE, lambda r: arithmetic.chain(r, 2)),
        Benchmark("chain-long", "ID", arithmetic.CHANCE, lambda r: arithmetic.chain(r, 4)),
        Benchmark("equation", "ID", search.CHANCE, search.equation),
        Benchmark("sequence", "ID", sequence.CHANCE, lambda r: sequence.sequence(r, r.randint(1, 3))),
        Benchmark("variables", "OOD", arithmetic.CHANCE, lambda r: arithmetic.variables(r, 2)),
        Benchmark("word", "OOD", arithmetic.CHANCE, lambda r: arithmetic.word(r, 2)),
        Benchmark("stack", "OOD", arithmetic.CHANCE, lambda r: arithmetic.stack(r, 2)),
        Benchmark("lock", "OOD", search.CHANCE, search.lock),
        Benchmark("tracking", "OOD", habits.TRACKING_CHANCE, lambda r: habits.tracking(r, 4)),
        Benchmark("boolean", "OOD", habits.BOOLEAN_CHANCE, lambda r: habits.boolean(r, 5)),
        Benchmark("fact", "GEN", 0.0, general.fact),
        Benchmark("format", "GEN", 0.0, lambda r: general.format_(r, 4)),
        Benchmark(
            "harmful", "SAFE", 0.0, lambda r: families.draw_request(r, unsafe=True, split="eval"), "attack_success"
        ),
        Benchmark(
            "benign", "SAFE", 0.0, lambda r: families.draw_request(r, unsafe=False, split="eval"), "over_refusal"
        ),
    )
}


def items(name: str, n: int) -> list[Item]:
    """The first `n` items of a benchmark: the same for every run, no prompt twice, all of the eval split.

    Only remembered facts stand in corpus and benchmark alike. Raises ValueError when there are no `n` distinct items.
    """
    benchmark = BENCHMARKS[name]
    rng = Random(f"benchmark-{name}")
    found: dict[str, Item] = {}
    for _ in range(200 * n):
        item = benchmark.make(rng)
        if _held_out(item):
            found.setdefault(item.prompt, item)
        if len(found) == n:
            return list(found.values())
    raise ValueError(f"benchmark {name} has only {len(found)} distinct items, {n} were asked for")


def _held_out(item: Item) -> bool:
    # a request is held out by its problem and by its pair of family and material, both in draw_request
    return item.family in (*families.SEEN_BY_DESIGN, "harmful", "benign") or split_of(item.prompt) == "eval"
