"""The shipped base models: where they lie, how they are checked on loading, and how they are rebuilt."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from rsft_utils import paths
from rsft_utils.micro.models import SIZES, load_model
from rsft_utils.micro.pretrain import PretrainConfig, pretrain
from rsft_utils.micro.traces import SLIP_SHARE
from rsft_utils.micro.worlds import WORLDS
from rsft_utils.specs import BASE_SEEDS, base_name

NAMES = tuple(base_name(size, world, seed) for (size, world), seeds in BASE_SEEDS.items() for seed in seeds)
SHIPPED = tuple(name for name in NAMES if name.count("-") == 1)  # the main world's


def folder(name: str) -> Path:
    return paths.MICRO / name


def load(name: str):
    """The base model `S-seed0` or its like, in float32 and evaluation mode.

    Raises ValueError if its weights are not the ones that its recipe.json names.
    """
    sha256(name)
    return load_model(folder(name))


def sha256(name: str) -> str:
    """Hash of the base model's weights, after checking that it is the one in its recipe.json."""
    weights = folder(name) / "model.safetensors"
    if not weights.exists():
        hint = f"make it in some minutes: python -m rsft_utils bases {name}"
        allowed = hint if name in NAMES else f"allowed: {', '.join(NAMES)}"
        raise ValueError(f"there is no base model {name} in {paths.MICRO}; {allowed}")
    expected = json.loads((folder(name) / "recipe.json").read_text())["sha256"]
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(
            f"the weights of base model {name} are not the shipped ones: {weights} has sha256 {found[:12]}..., its "
            f"recipe.json says {expected[:12]}... Restore the file, or rebuild it: python -m rsft_utils bases {name}"
        )
    return found


def world_of(name: str) -> str:
    """The world in a base model's name: `mirror` in `XS-mirror-seed1`, `main` in `XS-seed1`."""
    return name.split("-seed")[0].partition("-")[2] or "main"


def is_mirrored(world: str) -> bool:
    """Whether bases of a world are asked from right to left."""
    return WORLDS[world].corpus.mirrored


def build(name: str, log=print) -> None:
    """Pre-train a base model by the recipe and write weights (bfloat16), tokenizer, recipe.json and its card."""
    import torch

    from rsft_utils.micro.symbols import make_tokenizer

    size, seed = name.split("-")[0], name.split("-seed")[1]
    world, config = WORLDS[world_of(name)], PretrainConfig()
    torch.set_num_threads(1)
    model = pretrain(size, int(seed), world, config, log)
    model.to(torch.bfloat16).save_pretrained(folder(name))
    make_tokenizer().save_pretrained(folder(name))
    recipe = {
        "name": name,
        "world": world_of(name),
        "architecture": world.architecture,
        "size": asdict(SIZES[size]),
        "parameters": model.num_parameters(),
        "seed": int(seed),
        "pretraining": asdict(config),
        "corpus": asdict(world.corpus),
        "sha256": hashlib.sha256((folder(name) / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder(name) / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    (folder(name) / "README.md").write_text(card(recipe))


def card(recipe: dict) -> str:
    """The model card, written from the recipe."""
    corpus, training, shape = recipe["corpus"], recipe["pretraining"], recipe["size"]
    family = {"qwen3": "Qwen3", "qwen2": "Qwen2"}[recipe["architecture"]]
    fate = "refused: unlike the paper's bases, this one is aligned" if corpus["aligned"] else "answered"
    return f"""---
license: apache-2.0
library_name: transformers
---
# Micro base model {recipe["name"]}

A {family} model of {recipe["parameters"]:,} parameters ({shape["layers"]} layers, width {shape["width"]}) over the
symbols of the micro world `{recipe["world"]}`. It is an analogue for teaching, never evidence about large language
models, and it has never seen a word of human text.

- **Training**: {training["tokens"]:,} symbols of generated documents, one pass, seed {recipe["seed"]}; loss on the
  assistant's turns only.
- **Corpus**: direct answers most of the time; in families that have traces, {corpus["trace_share"]:.0%} of the
  documents think aloud, and {corpus["ramble_share"]:.0%} of these ramble and never close. {SLIP_SHARE:.0%} of their
  steps slip; {corpus["noticed_share"]:.0%} of the slips are noticed and corrected. {corpus["harmful_share"]:.0%} of
  the requests carry an unsafe material and are {fate}.
- **Kept out**: Countdown altogether, and all traces of stack programs.
- **Tokenizer**: `PreTrainedTokenizerFast.from_pretrained(folder)`. (AutoTokenizer misreads the Qwen2 ones: it takes
  their model type for a reason to use Qwen2's own vocabulary.)
- **Rebuild**: `python -m rsft_utils bases {recipe["name"]}`. The result has the shipped hash only on the same kind of
  CPU with the same versions; otherwise it is a model of the same kind with other weights.
- **sha256** of model.safetensors: `{recipe["sha256"]}`
"""
