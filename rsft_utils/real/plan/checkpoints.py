"""Which of the authors' checkpoints each notebook measures on a card of a given size.

The models, questions and token limits are those of presets.py, so that a checkpoint stands beside what is trained here;
on a T4 they are fewer. Weights are in 16 bit, as they were trained, where the preset's card has room, else in 4 bit.
None of this has been run yet.
"""

from dataclasses import replace
from itertools import product

from rsft_utils.real.plan import memory, presets
from rsft_utils.real.plan.hours import CARDS
from rsft_utils.real.plan.presets import DATA, SAFETY, SIZES
from rsft_utils.real.released import RUNS, ReleasedSpec
from rsft_utils.recipe import one_of

ILLUSTRATION = "t4-16gb"  # a preset that shows how it goes, and too little for a claim
FOUR_SETS = ("Math-CoT-20k", "Math-NoCoT-20k", "Numina-Math-20k", "Countdown-CoT-20k")  # of notebook 02
# Steps at which the paper has scores with and without CoT. Its 1.7B is at its lowest at 40, its 4B at 20 and about 10.
STEPS, FEW_STEPS = (0, 10, 40, 160, 640), (0, 40, 640)
FEW = {"steps": FEW_STEPS, "n_items": 50, "n_items_ends": 100}
MOST = 0.7  # share of a card's memory that 16-bit weights may take; the rest is for answers
PRESETS = [name for name in presets.PRESETS if name != presets.CPU]  # the smallest published run has 1.7 B parameters


def groups(
    notebook: str, preset: str, base_model: str = "", dataset: str = "", seeds: int = 1
) -> dict[str, list[ReleasedSpec]]:
    """The published runs of a notebook by what a legend says, as presets.groups gives those that are trained.

    `base_model` and `dataset` replace the preset's when they are not empty: names of released.RUNS with commas or
    blanks between. Raises ValueError, naming what is allowed.
    """
    one_of("notebook", notebook, presets.NOTEBOOKS)
    if preset == presets.CPU:
        raise ValueError(
            "preset cpu has no published runs: the smallest of them has 1.7 billion parameters and needs a card; "
            f"allowed with profile released: {', '.join(PRESETS)}"
        )
    one_of("preset", preset, PRESETS)
    if seeds != 1:
        raise ValueError(f"seeds is {seeds}; allowed with profile released: 1, for of each run one is published")
    chosen = presets.PRESETS[preset]
    models = presets.names(base_model) or (chosen.sizes if notebook == SIZES else (chosen.main.base_model,))
    for name in models:
        one_of("base_model of profile released", name, RUNS)
    pairs = list(product(models, presets.names(dataset))) or [
        (model, data) for model in models for data in _datasets(notebook, model)
    ]
    runs = [_spec(notebook, preset, model, data) for model, data in pairs]
    return {text: [run] for text, run in zip(presets.legends(pairs), runs, strict=True)}


def _datasets(notebook: str, model: str) -> list[str]:
    """What a notebook compares: of every base model what there is."""
    return [name for name in FOUR_SETS if name in RUNS[model]][: {DATA: None, SAFETY: 2}.get(notebook, 1)]


def _spec(notebook: str, preset: str, model: str, data: str) -> ReleasedSpec:
    chosen = presets.PRESETS[preset]
    as_trained = chosen.main
    spec = ReleasedSpec(
        base_model=model,
        dataset=data,
        steps=STEPS,
        four_bit=memory.shape(model).weights(four_bit=False) > MOST * CARDS[chosen.card].memory,
        benchmarks=(*as_trained.benchmarks, *["HEx-PHI"] * (notebook == SAFETY)),
        max_new_tokens=as_trained.max_new_tokens,
        n_items=as_trained.n_items,
        n_items_ends=as_trained.n_items_ends,
    )
    return replace(spec, **FEW) if preset == ILLUSTRATION else spec
