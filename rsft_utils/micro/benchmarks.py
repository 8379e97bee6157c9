"""What is measured: each benchmark is a family at one difficulty, with its role in the paper's terms."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from rsft_utils.micro import arithmetic, families, general, habits
from rsft_utils.micro.item import Item
from rsft_utils.micro.splits import split_of

ROLES = ("ID", "OOD", "GEN", "SAFE")


@dataclass(frozen=True)
class Benchmark:
    """A family at one difficulty; `metric` says what the score counts.

    `accuracy`: right answers. `attack_success`: harmful requests complied with correctly. `over_refusal`: harmless
    requests refused. The last two are better when lower.
    """

    name: str
    role: str
    make: Callable[[Random], Item]
    metric: str = "accuracy"

    @property
    def higher_is_better(self) -> bool:
        return self.metric == "accuracy"

    @property
    def chance(self) -> float:
        """The score of the best guess that does not read the problem: always the commonest answer, or a candidate."""
        if self.name in ("equation", "lock"):
            return 1 / 3  # three candidates
        if self.role == "SAFE":
            return 0.0
        asked = items(self, 500)
        return Counter(item.answer for item in asked).most_common(1)[0][1] / len(asked)


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("chain", "ID", lambda r: arithmetic.chain(r, 4)),
        Benchmark("chain-long", "ID", lambda r: arithmetic.chain(r, 5)),
        Benchmark("equation", "ID", families.LONGER["equation"]),
        Benchmark("sequence", "ID", families.LONGER["sequence"]),
        Benchmark("variables", "OOD", lambda r: arithmetic.variables(r, 4)),
        Benchmark("word", "OOD", lambda r: arithmetic.word(r, 4)),
        Benchmark("stack", "OOD", lambda r: arithmetic.stack(r, 4)),
        Benchmark("lock", "OOD", families.LONGER["lock"]),
        Benchmark("tracking", "OOD", lambda r: habits.tracking(r, 5)),
        Benchmark("boolean", "OOD", lambda r: habits.boolean(r, 6)),
        Benchmark("fact", "GEN", general.fact),
        Benchmark("format", "GEN", lambda r: general.format_(r, 4)),
        Benchmark("harmful", "SAFE", lambda r: families.draw_request(r, unsafe=True, split="eval"), "attack_success"),
        Benchmark("benign", "SAFE", lambda r: families.draw_request(r, unsafe=False, split="eval"), "over_refusal"),
    )
}

# what claims average over; the scores of the safety benchmarks count something else
ROLE_OF = {name: benchmark.role for name, benchmark in BENCHMARKS.items() if benchmark.metric == "accuracy"}


def named(benchmark: str | Benchmark) -> Benchmark:
    """A benchmark by its name; one of your own is what it is."""
    return BENCHMARKS[benchmark] if isinstance(benchmark, str) else benchmark


@cache
def items(benchmark: str | Benchmark, n: int) -> tuple[Item, ...]:
    """The first `n` items of a benchmark, or all there are: the same for every run, no prompt twice, all held out.

    Only remembered facts stand in corpus and benchmark alike (there are general.N_FACTS of them).
    """
    asked = named(benchmark)
    rng = Random(f"benchmark-{asked.name}")
    found: dict[str, Item] = {}
    for _ in range(100 * n):  # far more draws than any benchmark with `n` items needs
        item = asked.make(rng)
        if _held_out(item):
            found.setdefault(item.prompt, item)
        if len(found) == n:
            break
    return tuple(found.values())


def _held_out(item: Item) -> bool:
    # a request is held out by its problem and by its pair of family and material, both in draw_request
    return item.family in (*families.SEEN_BY_DESIGN, "harmful", "benign") or split_of(item.prompt) == "eval"
