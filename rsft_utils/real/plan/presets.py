"""Which runs of a real model each notebook makes on a card of a given size.

Why so few rows: Table 1 of the paper. Qwen3-14B after 640 steps on 2.5k rows, eight times each, is nearly as good as on
20k rows, eight times each (MATH500 94.9 and 95.1). That was full fine-tuning for 640 steps; that fewer rows and steps
with LoRA show the same is what these presets try, and nobody has shown it. None of the presets has been run yet.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path, PurePath

from rsft_utils.real.datasets import DATASETS, OFFLINE
from rsft_utils.real.spec import RealSpec
from rsft_utils.recipe import one_of, whole_number

NOTEBOOKS = ("01_dip_and_recovery", "02_data_quality_and_structure", "03_model_capability", "04_safety_asymmetry")
_, DATA, SIZES, SAFETY = NOTEBOOKS
CPU = "cpu"  # the preset that needs no card
THREE_SETS = ("Math-CoT-20k", "Math-NoCoT-20k", "NuminaMath-20k")
FOUR_SETS = (*THREE_SETS, "Countdown-CoT-20k")


@dataclass(frozen=True)
class Preset:
    """Runs for a card: `main` is the run of notebooks 01, 02 and 04, `of_sizes` what notebook 03 does to `sizes`."""

    card: str  # the slowest of the common cards of this size, a name of hours.CARDS; empty: none is needed
    main: RealSpec
    of_sizes: RealSpec
    sizes: tuple[str, ...]
    data: tuple[str, ...]  # notebook 02; notebook 04 the first two, the others the first


_T4 = RealSpec(
    base_model="Qwen3-1.7B",
    n_rows=1280,
    epochs=1,
    batch_size=8,
    max_length=8192,
    lora_rank=32,
    learning_rate=2e-4,
    benchmarks=("MATH500", "MMLU-Pro"),  # in domain and out of it, neither behind a login
    n_items=125,
    n_items_ends=250,
    max_new_tokens=4096,
)
# The same path on any computer, with a model and a length that a processor can bear, and data that need no hub.
_CPU = replace(
    _T4,
    base_model="Qwen3-0.6B",
    n_rows=160,
    max_length=2048,
    four_bit=False,
    lora_rank=16,
    benchmarks=("Countdown",),
    n_items=10,
    n_items_ends=20,
    max_new_tokens=1024,
)
_24GB = replace(
    _T4,
    base_model="Qwen3-4B",
    n_rows=2560,
    epochs=2,
    batch_size=16,
    benchmarks=("MATH500", "MMLU-Pro", "IFEval"),
    n_items_ends=500,
)
_40GB = replace(_24GB, base_model="Qwen3-8B", max_length=17_408, max_new_tokens=8192)
_80GB = replace(_40GB, base_model="Qwen3-14B", four_bit=False, lora_rank=64, n_rows=5120, n_items=250)
PRESETS = {
    CPU: Preset("", _CPU, _CPU, ("Qwen3-0.6B",), ("Countdown-words", "Countdown-words-NoCoT")),
    # 4B fits beside 1.7B only in time, not in memory: shorter rows, half of the steps.
    "t4-16gb": Preset("T4", _T4, replace(_T4, n_rows=640, max_length=4096), ("Qwen3-1.7B", "Qwen3-4B"), THREE_SETS),
    "24gb": Preset("L4", _24GB, _24GB, ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B"), FOUR_SETS),
    "40gb": Preset("A100 40GB", _40GB, _40GB, ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B"), FOUR_SETS),
    "80gb": Preset("A100 80GB", _80GB, _80GB, ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-14B"), FOUR_SETS),
}


def groups(
    notebook: str, preset: str, base_model: str = "", dataset: str = "", seeds: int = 1
) -> dict[str, list[RealSpec]]:
    """The runs of a notebook by what a legend says, as specs.groups gives those of the micro world.

    `base_model` and `dataset` replace the preset's when they are not empty: names with commas or blanks between, or
    one existing folder or .jsonl file. Raises ValueError, naming what is allowed.
    """
    one_of("notebook", notebook, NOTEBOOKS)
    one_of("preset", preset, PRESETS)
    whole_number("seeds", seeds, least=1)
    chosen = PRESETS[preset]
    recipe = chosen.of_sizes if notebook == SIZES else chosen.main
    models = names(base_model) or (chosen.sizes if notebook == SIZES else (recipe.base_model,))
    datasets = names(dataset) or chosen.data[: {DATA: None, SAFETY: 2}.get(notebook, 1)]
    for name in datasets:
        check_dataset(name)
    if notebook == SAFETY:
        recipe = replace(recipe, benchmarks=(*recipe.benchmarks, "HEx-PHI"))
    pairs = list(product(models, datasets))
    return {
        text: [replace(recipe, base_model=model, dataset=data, seed=seed) for seed in range(seeds)]
        for text, (model, data) in zip(legends(pairs), pairs, strict=True)
    }


def legends(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """What a legend says of each pair of a model and its data: that in which they differ."""
    models, datasets = (set(values) for values in zip(*pairs, strict=True))
    found = []
    for model, data in pairs:
        parts = [PurePath(model).name] * (len(models) > 1 or len(datasets) == 1)
        parts += [PurePath(data).stem if data.endswith(".jsonl") else data] * (len(datasets) > 1)
        found.append(", ".join(parts))
    return found


def names(text: str) -> tuple[str, ...]:
    """Names with commas or blanks between. A path that exists is one name, whatever characters it has."""
    if text and Path(text).exists():
        return (text,)
    return tuple(re.findall(r"[^,\s]+", text))


def check_dataset(name: str) -> None:
    """Raise ValueError, naming what is allowed, unless there is such a data set or file."""
    if name.endswith(".jsonl"):
        if not Path(name).is_file():
            raise ValueError(f"dataset is {name!r}, and there is no such file")
        return
    one_of("dataset", name, [*DATASETS, *OFFLINE, "or a .jsonl file of your own"])
