"""Kinds of base model: the main one that everything is about, and those that it is compared with."""

import hashlib
from dataclasses import dataclass
from itertools import islice

from rsft_utils.micro.corpus import CorpusConfig, documents

MAIN = CorpusConfig()


@dataclass(frozen=True)
class World:
    """What a base model is made from, apart from its size and seed: its corpus and its architecture in transformers."""

    corpus: CorpusConfig = MAIN
    architecture: str = "qwen3"


WORLDS = {
    "main": World(),
    # control: traces always close, so there is no rambling to unlearn
    "calm": World(CorpusConfig(ramble_share=0.0)),
    # second world: the same knobs, every prompt written from right to left
    "mirror": World(CorpusConfig(mirrored=True)),
    # second base family: another architecture and another mix, with less maths in it
    "qwen2": World(
        CorpusConfig(
            weights=tuple(
                (family, weight * (0.5 if family in ("chain", "equation", "sequence") else 1))
                for family, weight in MAIN.weights
            )
        ),
        architecture="qwen2",
    ),
    # weaker base: a quarter of the traces, so the long format is hardly known
    "sparse": World(CorpusConfig(trace_share=0.05)),
    # ceiling of attack success: a twin that has seen the harmful requests answered
    "unaligned": World(CorpusConfig(aligned=False)),
}
# What the two hashes of the preregistration cover: worlds and fine-tuning sets.
FROZEN = {
    "first": (
        ("main", "calm", "mirror", "qwen2"),
        ("math-cot", "math-cot-teacher2", "math-nocot", "math-answer", "countdown-cot"),
    ),
    "addendum": (
        ("sparse", "unaligned"),
        (
            "math-cot-wrong", "math-answer-wrong", "math-cot-corrupted", "math-cot-empty", "math-numina-like",
            "math-cot-replay1", "math-cot-replay5",
        ),
    ),
}  # fmt: skip


def fingerprint(part: str = "first") -> str:
    """Twelve hexadecimal digits that change with anything that makes the worlds: recipes, documents, what is asked.

    notebooks/PREREG.md names the one that was frozen for each part of FROZEN.
    """
    from rsft_utils.micro import sft_data
    from rsft_utils.micro.benchmarks import BENCHMARKS, items
    from rsft_utils.micro.models import SIZES
    from rsft_utils.micro.pretrain import PretrainConfig

    names, sets = FROZEN[part]
    worlds = {name: WORLDS[name] for name in names}
    parts = [repr(worlds), repr(SIZES), repr(PretrainConfig())]
    for world in worlds.values():
        parts += [" ".join(document) for document in islice(documents(world.corpus, seed=0), 200)]
    parts += [f"{name} {item.prompt} {item.answer}" for name in BENCHMARKS for item in items(name, 50)]
    parts += [sft_data.fingerprint(sft_data.rows(dataset, 64, seed=0)) for dataset in sets]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
