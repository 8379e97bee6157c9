"""Rows of training data: each a conversation of a prompt and a completion."""

from rsft_utils.real.datasets import chat


def texts(rows_):
    """Rows as (prompt, completion)."""
    return [(row["prompt"][0]["content"], row["completion"][0]["content"]) for row in rows_]


def length(tokenizer, row):
    text = chat(tokenizer, row["prompt"][0]["content"], row["completion"][0]["content"])
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
