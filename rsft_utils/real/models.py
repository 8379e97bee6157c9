"""The real base models: where they lie on the hub, at which commit, and the shapes from which memory is reckoned."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A base model on the hub. Parameters in billions; the dimension of a head is 128 in all of them.

    Source of the shapes: the models' config.json; `linear` is what LoRA and 4-bit weights apply to, `head` the
    embedding, which counts twice where input and output have one each.
    """

    hub_id: str
    revision: str | None  # a commit; None: the one that is found first is noted and kept (see hub.py)
    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    linear: float
    head: float
    tied: bool


MODELS = {
    "Qwen3-0.6B": Model(
        "Qwen/Qwen3-0.6B-Base", "da87bfb608c14b7cf20ba1ce41287e8de496c0cd", 28, 1024, 3072, 16, 8, 0.44, 0.16, True
    ),
    "Qwen3-1.7B": Model(
        "Qwen/Qwen3-1.7B-Base", "ea980cb0a6c2ae4b936e82123acc929f1cec04c1", 28, 2048, 6144, 16, 8, 1.41, 0.31, True
    ),
    "Qwen3-4B": Model(
        "Qwen/Qwen3-4B-Base", "906bfd4b4dc7f14ee4320094d8b41684abff8539", 36, 2560, 9728, 32, 8, 3.63, 0.39, True
    ),
    "Qwen3-8B": Model(
        "Qwen/Qwen3-8B-Base", "49e3418fbbbca6ecbdf9608b4d22e5a407081db4", 36, 4096, 12288, 32, 8, 6.95, 0.62, False
    ),
    "Qwen3-14B": Model(
        "Qwen/Qwen3-14B-Base", "0b0bd3732e2c374d483664439ea334928b65f304", 40, 5120, 17408, 40, 8, 13.21, 0.78, False
    ),
}


def known(base_model: str) -> Model | None:
    """The model of MODELS with this name or hub id."""
    return next((model for name, model in MODELS.items() if base_model in (name, model.hub_id)), None)
