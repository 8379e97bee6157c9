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
}


def fingerprint() -> str:
    """Twelve hexadecimal digits that change with anything that makes the worlds: recipes, documents, what is asked.

    notebooks/PREREG.md names the one that was frozen.
    """
    from rsft_utils.micro import sft_data
    from rsft_utils.micro.benchmarks import BENCHMARKS, items
    from rsft_utils.micro.models import SIZES
    from rsft_utils.micro.pretrain import PretrainConfig

    parts = [repr(WORLDS), repr(SIZES), repr(PretrainConfig())]
    for world in WORLDS.values():
        parts += [" ".join(document) for document in islice(documents(world.corpus, seed=0), 200)]
    parts += [f"{name} {item.prompt} {item.answer}" for name in BENCHMARKS for item in items(name, 50)]
    parts += [sft_data.fingerprint(sft_data.rows(dataset, 64, seed=0)) for dataset in sft_data.COMPLETIONS]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
