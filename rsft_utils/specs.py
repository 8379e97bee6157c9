"""What a run is: a small immutable value whose name is the configuration and whose key is its identity."""

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import product

# Raised when the same spec would give other results (guarded by the golden loss test in tests/test_train.py).
TRAINING_VERSION = 1
# Raised when the same checkpoint would be measured differently.
EVALUATION_VERSION = 2

SIZES = ("XS", "S")
# kinds of base model; micro/worlds.py says how they differ
WORLDS = ("main", "calm", "mirror", "qwen2", "sparse", "unaligned")
DATASETS = (
    "math-cot", "math-nocot", "math-answer", "math-cot-teacher2", "own-samples", "countdown-cot",
    "math-cot-wrong", "math-answer-wrong", "math-cot-corrupted", "math-cot-empty", "math-numina-like",
    "math-cot-replay1", "math-cot-replay5",
)  # fmt: skip
METHODS = ("full", "lora")
SCHEDULES = ("cosine", "constant")  # both with warm-up, as in the paper
# Chosen on development seeds, and not on in-domain accuracy alone (notebooks/PREREG.md). LoRA was tuned on XS only.
LEARNING_RATES = {
    "full": {"XS": 3e-4, "S": 1e-4},
    "lora": {"XS": 2e-3, "S": 2e-3},
}
PAPER_STEPS = (0, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 120, 160, 320, 480, 640, 800, 960, 1120, 1280)
# Base models of a size and world. Seed 0 is for development and for readers, the others are for reports. Those of the
# main world are shipped; the few that controls need are made by `python -m rsft_utils reference` when it needs them.
BASE_SEEDS = {
    ("XS", "main"): (0, 1, 2, 3),
    ("S", "main"): (0, 1, 2, 3, 4, 5),
    ("XS", "calm"): (1, 2, 3),
    ("XS", "mirror"): (1, 2, 3),
    ("XS", "qwen2"): (1, 2, 3),
    ("S", "qwen2"): (1, 2, 3),
    ("S", "sparse"): (1, 2, 3),
    ("S", "unaligned"): (1, 2, 3),
}


@dataclass(frozen=True)
class RunSpec:
    """One fine-tuning run and how it is measured.

    `seed` draws the rows, their order and the LoRA initialisation; `base_seed` picks the base model. A step sees
    `batch_size` rows. `warmup` is a share of all steps. Raises ValueError, naming what is allowed.
    """

    size: str = "S"
    world: str = "main"
    base_seed: int = 0
    dataset: str = "math-cot"
    n_rows: int = 2560
    method: str = "full"
    learning_rate: float = 1e-4
    schedule: str = "cosine"
    epochs: int = 8
    batch_size: int = 32
    warmup: float = 0.1
    lora_rank: int = 0  # 0 with full fine-tuning
    seed: int = 0
    n_items: int = 200  # per benchmark and checkpoint
    n_items_ends: int = 500  # per benchmark at the first and the last checkpoint

    def __post_init__(self):
        one_of("size", self.size, SIZES)
        one_of("world", self.world, [world for size, world in BASE_SEEDS if size == self.size])
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("dataset", self.dataset, DATASETS)
        one_of("method", self.method, METHODS)
        one_of("base_seed", self.base_seed, BASE_SEEDS[self.size, self.world])
        for field in ("n_rows", "epochs", "batch_size", "n_items", "n_items_ends"):
            whole_number(field, getattr(self, field), least=1)
        for field in ("base_seed", "seed", "lora_rank"):
            whole_number(field, getattr(self, field), least=0)
        if not isinstance(self.learning_rate, float) or not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate is {self.learning_rate!r}; allowed: a number between 0 and 1")
        if not isinstance(self.warmup, (int, float)) or not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is {self.warmup!r}; allowed: a share of the steps, from 0 up to below 1")
        if self.n_rows % self.batch_size:
            raise ValueError(f"n_rows ({self.n_rows}) must be a multiple of batch_size ({self.batch_size})")
        if (self.method == "lora") != (self.lora_rank > 0):
            raise ValueError(f"lora_rank is {self.lora_rank} with method {self.method!r}; lora needs 1 or more, full 0")
        if self.n_items_ends < self.n_items:
            raise ValueError(f"n_items_ends ({self.n_items_ends}) must not be smaller than n_items ({self.n_items})")

    @property
    def total_steps(self) -> int:
        return self.n_rows // self.batch_size * self.epochs

    @property
    def steps(self) -> tuple[int, ...]:
        """The evaluated steps: the paper's, with a finer grid where the dip is expected; always the last one."""
        return (*(step for step in PAPER_STEPS if step < self.total_steps), self.total_steps)

    @property
    def base(self) -> str:
        """Name of the base model, a folder of data/micro/."""
        return base_name(self.size, self.world, self.base_seed)

    @property
    def name(self) -> str:
        """The configuration in the style of the paper's scripts: `micro-s0_math-cot-2560_lr1e-4_ep8_bs32_seed0`."""
        method = f"_lora{self.lora_rank}" if self.method == "lora" else ""
        world = "" if self.world == "main" else f"-{self.world}"
        schedule = "" if self.schedule == "cosine" else f"_{self.schedule}"
        warmup = "" if self.warmup == 0.1 else f"_wu{self.warmup:g}"
        items = "" if (self.n_items, self.n_items_ends) == (200, 500) else f"_n{self.n_items}-{self.n_items_ends}"
        mantissa, exponent = f"{self.learning_rate:.2e}".split("e")
        rate = f"{float(mantissa):g}e{int(exponent)}"
        return (
            f"micro-{self.size.lower()}{self.base_seed}{world}_{self.dataset}-{self.n_rows}{method}"
            f"_lr{rate}_ep{self.epochs}_bs{self.batch_size}{schedule}{warmup}_seed{self.seed}{items}"
        )

    def key(self, data_fingerprint: str) -> str:
        """Eight hexadecimal digits that change when the result would: spec, data and versions of the procedure."""
        identity = {
            **asdict(self),
            "warmup": float(self.warmup),
            "data": data_fingerprint,
            "versions": [TRAINING_VERSION, EVALUATION_VERSION],
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]


def base_name(size: str, world: str, seed: int) -> str:
    """`S-seed0`, or with its world if that is not the main one: `XS-mirror-seed1`."""
    return f"{size}-seed{seed}" if world == "main" else f"{size}-{world}-seed{seed}"


def default_spec(size: str = "S", method: str = "full", **changes) -> RunSpec:
    """The default schedule (8 epochs = 640 steps) on a size, at that size's rate."""
    one_of("size", size, SIZES)
    one_of("method", method, METHODS)
    rank = 16 if method == "lora" else 0
    settings = {"learning_rate": LEARNING_RATES[method][size], "lora_rank": rank, **changes}
    return RunSpec(size=size, method=method, **settings)


def seed_specs(size: str, seeds: int, **changes) -> list[RunSpec]:
    """Runs of seeds 0, 1, ..., each on the next base model of the size, so that both kinds of chance show."""
    one_of("size", size, SIZES)
    whole_number("seeds", seeds, least=1)
    bases = BASE_SEEDS[size, "main"]
    return [default_spec(size, seed=seed, base_seed=bases[seed % len(bases)], **changes) for seed in range(seeds)]


def groups(sizes: str, datasets: str, seeds: int, **changes) -> dict[str, list[RunSpec]]:
    """Runs of seeds 0, 1, ... on every size with every data set (names with blanks between), by what a legend says."""
    found, (many_sizes, many_datasets) = {}, (len(names.split()) > 1 for names in (sizes, datasets))
    for size, dataset in product(sizes.split(), datasets.split()):
        text = f"{size}, {dataset}" if many_sizes and many_datasets else dataset if many_datasets else size
        found[text] = seed_specs(size, seeds, dataset=dataset, **changes)
    return found


def one_of(name: str, value, allowed) -> None:
    """Raise ValueError, naming the allowed values, unless `value` is one of them."""
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(f"{name} is {value!r}; allowed: {', '.join(map(str, allowed))}")


def whole_number(name: str, value, least: int) -> None:
    """Raise ValueError unless `value` is a whole number of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; allowed: a whole number, {least} or more")
