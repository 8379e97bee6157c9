"""What this machine really does: a stand-in of the asked-for shape is trained for a few steps, and timed.

The stand-in has random weights and invented words, so nothing is downloaded; how fast it trains and what memory it
takes depend on its shape alone. It goes through the code that trains the real model: same backend, same precision.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from rsft_utils.real.models import known
from rsft_utils.real.plan.memory import HEAD_WIDTH, QWEN3_VOCABULARY
from rsft_utils.real.spec import RealSpec

STEPS = 20  # of one micro batch each
WARM_UP = 3  # steps before the clock starts: kernels are compiled in the first
WORDS = 100  # of the invented language


@dataclass(frozen=True)
class Probe:
    """Tokens per second in training, and the most memory that was taken on the card in GB (None: no card)."""

    backend: str
    tokens_per_second: float
    peak: float | None


def probe(spec: RealSpec, backend: str, row_tokens: int | None = None) -> Probe:
    """Train a stand-in for the base model of `spec` with `backend` for STEPS steps, in a process of its own.

    Rows have `row_tokens` tokens, or the most that the spec allows. Needs 2 bytes of disk for each parameter while it
    lasts. Raises what loading and training raise; a process that dies for want of memory is a BrokenProcessPool.
    """
    with tempfile.TemporaryDirectory() as folder:
        # a process of its own: Unsloth is imported first there, and the card is free afterwards
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(stand_in, spec.base_model, Path(folder)).result()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_timed, spec, backend, Path(folder), row_tokens or spec.max_length).result()


def stand_in(base_model: str, folder: Path) -> None:
    """Write a model with random 16-bit weights and the shape of `base_model` (a known name, a hub id or a folder)."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config

    if model := known(base_model):
        config = Qwen3Config(
            vocab_size=QWEN3_VOCABULARY,
            hidden_size=model.hidden,
            intermediate_size=model.ffn,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            num_key_value_heads=model.kv_heads,
            head_dim=HEAD_WIDTH,
            tie_word_embeddings=model.tied,
            max_position_embeddings=32_768,
        )
    else:
        config = AutoConfig.from_pretrained(Path(base_model).expanduser())
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _tokenizer():
    """One token per invented word: the length of a row is the number of its words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<|endoftext|>": 0} | {f"w{i}": i for i in range(1, WORDS)}
    level = Tokenizer(models.WordLevel(words, unk_token="w1"))
    level.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=level, eos_token="<|endoftext|>", pad_token="<|endoftext|>")


def _timed(spec: RealSpec, backend: str, folder: Path, row_tokens: int) -> Probe:
    from rsft_utils.real import backends

    model, tokenizer = backends.load_for_training(spec, folder, backend)
    import datasets  # only now, like torch and train: Unsloth must be imported before transformers
    import torch

    from rsft_utils.train import train

    datasets.disable_progress_bars()

    device = backends.device(spec, backend)
    if has_card := backends.has_card():
        torch.cuda.reset_peak_memory_stats()
    for steps in (WARM_UP, STEPS):
        short = replace(spec, n_rows=steps * spec.micro_batch, batch_size=spec.micro_batch, epochs=1)
        rows = [_row(row_tokens, seed) for seed in range(short.n_rows)]
        with tempfile.TemporaryDirectory() as checkpoints:
            outcome = train(short, model, tokenizer, rows, Path(checkpoints), spec.max_length, device)
    peak = torch.cuda.max_memory_reserved() / 1e9 if has_card else None
    return Probe(backend, outcome["tokens"] / outcome["seconds"], peak)


def _row(length: int, seed: int) -> dict:
    """A row of exactly `length` tokens: a word, others, and the end of the text."""
    import random

    said = random.Random(seed).choices(range(1, WORDS), k=length - 2)
    return {"prompt": "w1", "completion": "".join(f" w{i}" for i in said)}
