"""Answers of a real model: by vLLM where it is installed beside a card, else by this project's own batched decoding.

Nothing is merged: an adapter stays beside the weights that it was trained on. No stop string ever cuts an answer, only
the end of the turn or the limit does. vLLM was never run here; its calls were written after its documentation.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rsft_utils.generate import Sampling, generate_continuously
from rsft_utils.real import backends

ENDS_OF_TURN = ("<|im_end|>", "<|endoftext|>")  # a base model may use either
PROMPT_TOKENS = 4096  # the longest question that vLLM is prepared for
MEMORY_FOR_ANSWERS = 0.7  # share of what is free on the card once the weights are there


@dataclass(frozen=True)
class Answer:
    """One completion: its text, its tokens (the one that ends it included), and whether the model ended it itself."""

    text: str
    n_tokens: int
    ended: bool


@dataclass(frozen=True)
class Weights:
    """What answers: the folder of a model and, where there is one, an adapter or a checkpoint on top of it."""

    folder: Path
    checkpoint: Path | None = None


# prompts as token ids, one seed for each, and how to sample -> (index of the prompt, its answer), each as it ends
Ask = Callable[[Sequence[list[int]], Sequence[int], Sampling], Iterator[tuple[int, Answer]]]


def seed_of(item_id: str, sample: int) -> int:
    """The seed of one answer, so that it depends on nothing that is asked beside it or was asked before."""
    return int.from_bytes(hashlib.sha256(f"{item_id}/{sample}".encode()).digest()[:4], "big")


def has_vllm() -> bool:
    """Whether vLLM generates here."""
    return find_spec("vllm") is not None and backends.has_card()


def opened(spec, weights: Weights) -> Ask:
    """Load the weights and return what answers prompts with them; `spec` as for backends.load_for_inference."""
    return _vllm(spec, weights) if has_vllm() else _own(spec, weights)


def _own(spec, weights: Weights) -> Ask:
    model, tokenizer = backends.load_for_inference(spec, weights.folder, weights.checkpoint)
    ends = _ends(tokenizer)

    def ask(prompts, seeds, sampling):
        rows = _rows_that_fit(model, max(map(len, prompts)) + spec.max_new_tokens)
        completions = generate_continuously(
            model, prompts, spec.max_new_tokens, sampling=sampling, seeds=seeds, ends=ends, batch_rows=rows
        )
        for index, ids in completions:
            yield index, _answer(tokenizer, ids, ends)

    return ask


def _rows_that_fit(model, length: int) -> int:
    """How many answers of `length` tokens have room for their keys and values at once; 16 without a card."""
    import torch

    if not backends.has_card():
        return 16
    config = model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    a_token = 2 * config.num_hidden_layers * config.num_key_value_heads * head * model.dtype.itemsize
    torch.cuda.empty_cache()  # what the answers before these have used is free again
    free, _ = torch.cuda.mem_get_info()
    return max(1, int(MEMORY_FOR_ANSWERS * free / (a_token * length)))


def _vllm(spec, weights: Weights) -> Ask:
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    adapter = weights.checkpoint if spec.method == "lora" else None
    model = LLM(
        model=str(weights.folder if adapter or not weights.checkpoint else weights.checkpoint),
        tokenizer=str(weights.folder),
        quantization="bitsandbytes" if spec.four_bit else None,
        enable_lora=adapter is not None,
        max_lora_rank=max(16, spec.lora_rank) if adapter else 16,
        max_model_len=PROMPT_TOKENS + spec.max_new_tokens,
        seed=0,
    )
    tokenizer = backends.load_tokenizer(weights.folder)
    ends = _ends(tokenizer)
    request = LoRARequest("trained", 1, str(adapter)) if adapter else None

    def ask(prompts, seeds, sampling):
        ways = [
            SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=spec.max_new_tokens,
                seed=seed,
                stop_token_ids=ends,
            )
            for seed in seeds
        ]
        found = model.generate([{"prompt_token_ids": ids} for ids in prompts], ways, lora_request=request)
        for index, one in enumerate(found):  # vLLM gives nothing before the last of them has ended
            yield index, _answer(tokenizer, list(one.outputs[0].token_ids), ends)

    return ask


def _ends(tokenizer) -> list[int]:
    known = tokenizer.get_vocab()
    return list(dict.fromkeys([*(known[text] for text in ENDS_OF_TURN if text in known), tokenizer.eos_token_id]))


def _answer(tokenizer, ids: list[int], ends: list[int]) -> Answer:
    ended = bool(ids) and ids[-1] in ends
    return Answer(tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=False), len(ids), ended)
