"""The authors' own fine-tuned models: nothing is trained, their checkpoints are measured."""

from dataclasses import dataclass

from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.spec import MEASURING, PAPER_STEPS, short_hash
from rsft_utils.recipe import one_of, whole_number

OWNER = "jasonrqh"  # on the hub
SCHEDULE = "lr5e-5_ep8_bs256"  # of all runs below: 640 steps
# Model -> its data sets: the Qwen3 runs of this schedule that the authors' README links to.
RUNS = {
    "Qwen3-1.7B": ("Math-CoT-20k", "Math-NoCoT-20k", "Countdown-CoT-20k"),
    "Qwen3-4B": ("Math-CoT-20k", "Math-NoCoT-20k", "Countdown-CoT-20k"),
    "Qwen3-8B": ("Math-CoT-20k", "Math-NoCoT-20k", "Countdown-CoT-20k", "Numina-Math-20k", "DeepSeek-R1-20k"),
    "Qwen3-14B": ("Math-CoT-20k", "Math-NoCoT-20k", "Countdown-CoT-20k", "Numina-Math-20k", "DeepSeek-R1-20k"),
}
# Commits of the repositories for Math-CoT-20k, as the fork nshiki08/rethink_sft_generalization_AnsOnlyDistill read them
# off the hub on 24 September 2026. Of the others none is known: the one that is found first is kept (see store.py).
COMMITS = {
    "Qwen3-1.7B": "e4fcd58c7b104d3444e0e1d1b470f5107fcc2618",
    "Qwen3-4B": "aaf1c51a6a2ee319750cafbd7cb8be0df10018b8",
    "Qwen3-8B": "522decd73c0b46f7029c2a315b3cc177c23a3498",
    "Qwen3-14B": "e8e6542249d647ac82c556a93410a9c0cafd41cb",
}


@dataclass(frozen=True)
class ReleasedSpec:
    """One published run and how it is measured; the fields mean what they do in RealSpec.

    A repository has a folder for each step (`step40`) with a whole model in it: of those in COMMITS the same fork lists
    all of PAPER_STEPS up to 640, of the others it is not known. Step 0 is the base model in the same precision. Raises
    ValueError, naming what is allowed.
    """

    base_model: str = "Qwen3-1.7B"
    dataset: str = "Math-CoT-20k"
    steps: tuple[int, ...] = (0, 20, 640)
    four_bit: bool = False
    benchmarks: tuple[str, ...] = ("MATH500",)
    samples: int = 1
    max_new_tokens: int = 4096
    seed: int = 0
    n_items: int = 125
    n_items_ends: int = 500
    method: str = "full"

    measuring = (*MEASURING, "steps")  # items differ between the ends and the steps between them

    def __post_init__(self):
        one_of("base_model", self.base_model, RUNS)
        one_of(f"dataset of {self.base_model}", self.dataset, RUNS[self.base_model])
        for step in self.steps:
            one_of("a step", step, [step for step in PAPER_STEPS if step <= 640])
        if len(self.steps) < 2 or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"steps are {self.steps}; allowed: two or more, rising, such as (0, 20, 640)")
        for benchmark in self.benchmarks:
            one_of("benchmark", benchmark, BENCHMARKS)
        for field in ("samples", "max_new_tokens", "n_items", "n_items_ends"):
            whole_number(field, getattr(self, field), least=1)

    @property
    def total_steps(self) -> int:
        return self.steps[-1]

    @property
    def repository(self) -> str:
        """`jasonrqh/Qwen3-4B_Math-CoT-20k_lr5e-5_ep8_bs256`."""
        return f"{OWNER}/{self.base_model}_{self.dataset}_{SCHEDULE}"

    @property
    def commit(self) -> str | None:
        """The repository's commit where it is known beforehand."""
        return COMMITS[self.base_model] if self.dataset == "Math-CoT-20k" else None

    @property
    def base(self) -> str:
        return f"{self.base_model}{'-4bit' if self.four_bit else ''}"

    @property
    def name(self) -> str:
        """`released-qwen3-4b_math-cot-20k_lr5e-5_ep8_bs256`."""
        return f"released-{self.base}_{self.dataset}_{SCHEDULE}".lower()

    def key(self, data_fingerprint: str) -> str:
        """Eight hexadecimal digits that change when other weights would answer."""
        return short_hash(self.repository, self.commit, self.four_bit, data_fingerprint)
