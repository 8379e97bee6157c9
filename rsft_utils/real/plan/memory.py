"""How many gigabytes fine-tuning with LoRA needs at its peak, reckoned from the shape of a model.

GB are 10^9 bytes. The formula is compared with peaks that others measured in tests/real/plan/test_memory.py.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from rsft_utils.real.models import MODELS, Model, known

QWEN3_VOCABULARY = 151_936
HEAD_WIDTH = 128  # of every attention head of the models in models.MODELS
NF4_BITS = 4.127  # per weight, with the scales of its blocks, which are quantised a second time
TRAINED_BYTES = 10  # per LoRA parameter: itself and its gradient in 32 bit, two states of an 8-bit Adam
FULL_BYTES = 16  # per weight with full fine-tuning: itself, its gradient and two states of Adam, in 32 bit
LOGIT_BYTES = 16  # per logit where the loss is taken over whole rows: copies in 16 and 32 bit, and gradients
UNSLOTH_PIECE = 4.0  # GB: Unsloth takes the loss in pieces of at most this and half of the free memory
TRL_PIECE = 256  # tokens: TRL's loss `chunked_nll`
OTHER = 1.0  # GB: CUDA itself, buffers, gaps between blocks; 0.7 to 1.2 were seen


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder model. `attention` and `keys`: widths of all its query heads and of all its key heads."""

    layers: int
    hidden: int
    ffn: int
    attention: int
    keys: int
    vocabulary: int
    tied: bool

    @property
    def linear(self) -> int:
        """Weights of the linear layers: what LoRA adapts and 4-bit quantisation shrinks."""
        return self.layers * (2 * self.hidden * (self.attention + self.keys) + 3 * self.hidden * self.ffn)

    @property
    def head(self) -> int:
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        return self.linear + self.head * (1 if self.tied else 2)

    @property
    def cache_bytes(self) -> int:
        """Keys and values of one token, in 16 bit: what an answer keeps in memory while it is written."""
        return self.layers * 2 * self.keys * 2

    def lora(self, rank: int) -> int:
        """Parameters of LoRA on all seven linear modules of every layer."""
        widths = 2 * (self.hidden + self.attention) + 2 * (self.hidden + self.keys) + 3 * (self.hidden + self.ffn)
        return self.layers * rank * widths

    def weights(self, four_bit: bool) -> float:
        """GB of the frozen weights; with `four_bit` the embedding and the output layer stay in 16 bit."""
        per_weight = NF4_BITS / 8 if four_bit else 2
        return (self.linear * per_weight + (self.parameters - self.linear) * 2) / 1e9


def shape(base_model: str) -> Shape:
    """The shape of a name in models.MODELS, of its hub id, or of a folder with a config.json. Raises ValueError."""
    if model := known(base_model):
        return _of(model)
    config = Path(base_model).expanduser() / "config.json"
    if config.is_file():
        return _read(config)
    raise ValueError(
        f"base_model is {base_model!r}, whose size is not known here; "
        f"allowed: {', '.join(MODELS)}, or a folder with a model and its config.json"
    )


def _of(model: Model) -> Shape:
    heads = (model.heads * HEAD_WIDTH, model.kv_heads * HEAD_WIDTH)
    return Shape(model.layers, model.hidden, model.ffn, *heads, QWEN3_VOCABULARY, model.tied)


def _read(config: Path) -> Shape:
    found = json.loads(config.read_text())
    try:
        hidden, heads = found["hidden_size"], found["num_attention_heads"]
        width = found.get("head_dim") or hidden // heads
        return Shape(
            layers=found["num_hidden_layers"],
            hidden=hidden,
            ffn=found["intermediate_size"],
            attention=heads * width,
            keys=found.get("num_key_value_heads", heads) * width,
            vocabulary=found["vocab_size"],
            tied=found.get("tie_word_embeddings", False),
        )
    except KeyError as missing:
        raise ValueError(f"{config} has no {missing}; a plain decoder model such as Qwen3 is needed") from None


@dataclass(frozen=True)
class Peak:
    """What fills the card at the worst moment of training, in GB."""

    weights: float
    trained: float
    activations: float
    loss: float
    other: float = OTHER

    @property
    def total(self) -> float:
        return self.weights + self.trained + self.activations + self.loss + self.other


def training_peak(
    model: Shape, *, rank: int, tokens: int, four_bit: bool, card: float, backend: str = "unsloth"
) -> Peak:
    """The peak for `tokens` tokens at once (micro batch times the longest row) on a card of `card` GB.

    Both backends compute a layer's activations again when they are needed and take the loss in pieces. Unsloth keeps
    the inputs of the layers in the computer's memory, and larger pieces the more memory is free; transformers keeps
    them on the card.
    """
    weights, trained = model.weights(four_bit), model.lora(rank) * TRAINED_BYTES / 1e9
    activations = one_layer(model, tokens)
    if backend == "transformers":
        return Peak(weights, trained, activations + layer_inputs(model, tokens), whole_loss(model, TRL_PIECE))
    free = max(0.0, card - weights - trained - activations - OTHER)
    return Peak(weights, trained, activations, min(whole_loss(model, tokens), UNSLOTH_PIECE, free / 2))


def full_peak(model: Shape, *, tokens: int, cards: int) -> Peak:
    """The same of full fine-tuning, on each of several cards that share weights, gradients and optimiser.

    `tokens` at once on each card. `weights` are those in float32, those in bfloat16 that a card computes with and,
    where there are several, the gradients of one layer before they are added up. Compared with nothing.
    """
    share, layer = model.parameters / cards, model.linear / model.layers
    gathered = 2 * model.parameters if cards == 1 else 10 * layer + 8 * (model.parameters - model.linear)
    activations = one_layer(model, tokens) + layer_inputs(model, tokens)
    weights, trained = (4 * share + gathered) / 1e9, (FULL_BYTES - 4) * share / 1e9
    return Peak(weights, trained, activations, whole_loss(model, TRL_PIECE))


def one_layer(model: Shape, tokens: int) -> float:
    """GB of activations of one layer."""
    return 2 * (5 * model.ffn + 4 * model.hidden + 4 * model.attention) * tokens / 1e9


def layer_inputs(model: Shape, tokens: int) -> float:
    """GB of the inputs of all layers, from which their activations are computed again."""
    return 2 * model.hidden * model.layers * tokens / 1e9


def whole_loss(model: Shape, tokens: int) -> float:
    """GB of logits and what else the loss of `tokens` tokens needs at once."""
    return LOGIT_BYTES * model.vocabulary * tokens / 1e9
