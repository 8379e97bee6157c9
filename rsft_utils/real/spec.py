"""What a run of a real model is: the recipe, with a base model from the hub, its precision and its benchmarks."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import PurePath

from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.recipe import Recipe, one_of, whole_number

# The steps at which the paper measured; a real checkpoint costs minutes to hours, so there is no finer grid.
PAPER_STEPS = (0, 10, 20, 40, 80, 160, 320, 480, 640, 800, 960, 1120, 1280)
# Raised when the same spec would give other results, or the same checkpoint would be measured differently.
TRAINING_VERSION = 1
EVALUATION_VERSION = 1
BACKENDS = ("auto", "unsloth", "transformers")
MEASURING = ("benchmarks", "samples", "n_items", "n_items_ends", "max_new_tokens")  # fields that training does not see


@dataclass(frozen=True)
class RealSpec(Recipe):
    """One fine-tuning run of a real model and how it is measured. Raises ValueError, naming what is allowed.

    `base_model` is a name of models.MODELS, a hub id or a folder; `dataset` a name of datasets.DATASETS or a .jsonl
    file of the reader's own. Rows of more than `max_length` tokens, prompt and completion together, are left out and
    never cut: a row that is cut teaches not to end. `micro_batch` rows pass through the card at once.
    """

    dataset: str = "Math-CoT-20k"
    n_rows: int = 1280
    method: str = "lora"
    learning_rate: float = 2e-4
    epochs: int = 1
    batch_size: int = 8
    lora_rank: int = 32
    n_items: int = 125
    n_items_ends: int = 500
    base_model: str = "Qwen3-1.7B"
    max_length: int = 8192
    micro_batch: int = 1
    four_bit: bool = True
    benchmarks: tuple[str, ...] = ("MATH500",)
    samples: int = 1  # answers per item
    max_new_tokens: int = 4096

    measuring = MEASURING

    def __post_init__(self):
        super().__post_init__()
        for field in ("max_length", "micro_batch", "samples", "max_new_tokens"):
            whole_number(field, getattr(self, field), least=1)
        for benchmark in self.benchmarks:
            one_of("benchmark", benchmark, BENCHMARKS)
        if self.batch_size % self.micro_batch:
            raise ValueError(f"batch_size ({self.batch_size}) must be a multiple of micro_batch ({self.micro_batch})")

    @property
    def steps(self) -> tuple[int, ...]:
        """The measured steps: the paper's, and always the last one."""
        return self.steps_among(PAPER_STEPS)

    @property
    def base(self) -> str:
        """Short name of the base model as it is trained: `Qwen3-1.7B-4bit`."""
        return f"{PurePath(self.base_model).name}{'-4bit' if self.four_bit else ''}"

    @property
    def name(self) -> str:
        """`qwen3-1.7b-4bit_math-cot-20k-1280_lora32_lr2e-4_ep1_bs8_seed0_len8192`."""
        dataset = PurePath(self.dataset).stem if self.dataset.endswith(".jsonl") else self.dataset
        return f"{self.named(self.base, dataset)}_len{self.max_length}".lower()

    def key(self, data_fingerprint: str) -> str:
        """Eight hexadecimal digits that change when the trained model would; how it is measured has its own key."""
        trained = {name: value for name, value in asdict(self).items() if name not in MEASURING}
        return short_hash(trained, data_fingerprint, TRAINING_VERSION)


def measuring_key(spec) -> str:
    """Eight hexadecimal digits that change when the same model would be measured differently."""
    asked = [[name, BENCHMARKS[name].revision, BENCHMARKS[name].prompt] for name in spec.benchmarks]
    return short_hash({name: getattr(spec, name) for name in spec.measuring}, asked, spec.seed, EVALUATION_VERSION)


def short_hash(*parts) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]
