"""Sizes of the micro models: the real Qwen architectures, three orders of magnitude smaller."""

from dataclasses import dataclass

from rsft_utils.micro.symbols import END, PAD, SYMBOL_ID, SYMBOLS

MAX_POSITIONS = 512  # symbols, prompt and completion together


@dataclass(frozen=True)
class Size:
    """Width, depth and heads; the feed-forward layer is three times as wide."""

    width: int
    layers: int
    heads: int


SIZES = {"XS": Size(64, 3, 4), "S": Size(128, 4, 4)}  # 0.17 and 0.87 M parameters


def load_model(folder):
    """A saved model of any size in float32 and evaluation mode."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()


def new_model(size: str, architecture: str = "qwen3"):
    """A randomly initialised model of a size in `SIZES`, `qwen3` or `qwen2` (seed torch before)."""
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = SIZES[size]
    config = AutoConfig.for_model(
        architecture,
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
    return AutoModelForCausalLM.from_config(config)
