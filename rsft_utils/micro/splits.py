"""Content-disjoint splits: the text of a prompt alone decides who may see it."""

import hashlib

SPLITS = ("pretrain", "sft", "eval")


def split_of(prompt: str) -> str:
    """`pretrain` (60 % of all prompts), `sft` (20 %) or `eval` (20 %), by a hash of the prompt's text."""
    bucket = int.from_bytes(hashlib.blake2b(prompt.encode(), digest_size=8).digest()) % 10
    return "pretrain" if bucket < 6 else "sft" if bucket < 8 else "eval"
