"""What a run of the micro world is: a small immutable value whose name is the configuration, its key its identity."""

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import PurePath

from rsft_utils.recipe import METHODS, Recipe, one_of, whole_number

# Raised when the same spec would give other results (guarded by the golden loss test in tests/test_train.py).
TRAINING_VERSION = 2
# Raised when the same checkpoint would be measured differently.
EVALUATION_VERSION = 2

SIZES = ("XS", "S")
DATASETS = (
    "math-cot", "math-nocot", "math-answer", "math-cot-teacher2", "own-samples", "countdown-cot",
    "math-cot-wrong", "math-answer-wrong", "math-cot-corrupted", "math-cot-empty", "math-numina-like",
    "math-cot-replay1", "math-cot-replay5",
)  # fmt: skip
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
    ("S", "unaligned"): (1, 2),  # measured, never trained
}
# kinds of base model; micro/worlds.py says how they differ
WORLDS = tuple(dict.fromkeys(world for _, world in BASE_SEEDS))


@dataclass(frozen=True)
class RunSpec(Recipe):
    """One fine-tuning run of a micro model and how it is measured; `base_seed` picks the base model.

    `dataset` is one of DATASETS or a .jsonl file of the reader's own. Raises ValueError, naming what is allowed.
    """

    size: str = "S"
    world: str = "main"
    base_seed: int = 0

    def __post_init__(self):
        one_of("size", self.size, SIZES)
        one_of("world", self.world, [world for size, world in BASE_SEEDS if size == self.size])
        if not is_own(self.dataset):
            one_of("dataset", self.dataset, [*DATASETS, "or a .jsonl file of your own"])
        one_of("base_seed", self.base_seed, BASE_SEEDS[self.size, self.world])
        whole_number("base_seed", self.base_seed, least=0)
        super().__post_init__()

    @property
    def steps(self) -> tuple[int, ...]:
        """The evaluated steps: the paper's, with a finer grid where the dip is expected; always the last one."""
        return self.steps_among(PAPER_STEPS)

    @property
    def base(self) -> str:
        """Name of the base model, a folder of data/micro/."""
        return base_name(self.size, self.world, self.base_seed)

    @property
    def _data(self) -> str:
        """What a data set is called: a file without its folder, since the same rows elsewhere are the same run."""
        return PurePath(self.dataset).stem if is_own(self.dataset) else self.dataset

    @property
    def name(self) -> str:
        """The configuration in the style of the paper's scripts: `micro-s0_math-cot-2560_lr1e-4_ep8_bs32_seed0`."""
        world = "" if self.world == "main" else f"-{self.world}"
        items = "" if (self.n_items, self.n_items_ends) == (200, 500) else f"_n{self.n_items}-{self.n_items_ends}"
        return self.named(f"micro-{self.size.lower()}{self.base_seed}{world}", self._data) + items

    def key(self, data_fingerprint: str) -> str:
        """Eight hexadecimal digits that change when the result would: spec, data and versions of the procedure."""
        identity = {
            **asdict(self),
            "dataset": self._data,
            "warmup": float(self.warmup),
            "data": data_fingerprint,
            "versions": [TRAINING_VERSION, EVALUATION_VERSION],
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]


def is_own(dataset: str) -> bool:
    """Whether a data set is a file of the reader's own, and not one of DATASETS."""
    return isinstance(dataset, str) and dataset.endswith(".jsonl")


def base_name(size: str, world: str, seed: int) -> str:
    """`S-seed0`, or with its world if that is not the main one: `XS-mirror-seed1`."""
    return f"{size}-seed{seed}" if world == "main" else f"{size}-{world}-seed{seed}"


def default_spec(size: str = "S", method: str = "full", **changes) -> RunSpec:
    """The default schedule (8 epochs = 640 steps) on a size, at its rate, with 2.5 times as many items at the ends."""
    one_of("size", size, SIZES)
    one_of("method", method, METHODS)
    rank = 16 if method == "lora" else 0
    settings = {"learning_rate": LEARNING_RATES[method][size], "lora_rank": rank}
    if "n_items" in changes:
        settings["n_items_ends"] = changes["n_items"] * 5 // 2
    return RunSpec(size=size, method=method, **settings | changes)


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
