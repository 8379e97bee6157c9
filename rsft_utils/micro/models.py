"""Sizes of the micro models: the real Qwen3 architecture, three orders of magnitude smaller."""

from dataclasses import dataclass

from rsft_utils.micro.symbols import END, PAD, SYMBOL_ID, SYMBOLS

MAX_POSITIONS = 512  # symbols, prompt and completion together


@dataclass(frozen=True)
class Size:
    """Width, depth and heads; the feed-forward layer is three times as wide."""

    width: int
    layers: int
    heads: int


SIZES = {"XS": Size(64, 3, 4), "S": Size(128, 4, 4), "M": Size(192, 6, 6)}  # 0.17, 0.87 and 2.9 M parameters


def new_model(size: str):
    """A randomly initialised `Qwen3ForCausalLM` of a size in `SIZES` (seed torch before)."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    shape = SIZES[size]
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(SYMBOLS),
            hidden_size=shape.width,
            intermediate_size=3 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            head_dim=shape.width // shape.heads,
            max_position_embeddings=MAX_POSITIONS,
            tie_word_embeddings=True,
            attention_dropout=0.0,
            bos_token_id=None,
            eos_token_id=SYMBOL_ID[END],
            pad_token_id=SYMBOL_ID[PAD],
        )
    )
