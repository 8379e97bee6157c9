"""The text that a row is trained on, and the fingerprint of all rows."""

import re

import pytest

from rsft_utils.real import datasets
from rsft_utils.real.datasets import chat, fingerprint


def test_the_chat_is_qwen_s_without_a_system_prompt_and_ends_with_the_end_of_text(tokenizer):
    assert chat(tokenizer, "Hi") == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert chat(tokenizer, "Hi", "Ho") == chat(tokenizer, "Hi") + "Ho<|endoftext|>"
    assert chat(tokenizer, "", "") == chat(tokenizer, "") + "<|endoftext|>"


@pytest.mark.parametrize(
    "completion",
    [
        "<think>\nSo.\n</think>\n\nDone.",
        "no thoughts",
        "</think> first <think> then </think>\n",
        "\n\n  <think>\n\n</think>\n\n  spaces and ends  \n\n",
        "{{ 1 + 1 }} {% if true %} {# x #} <b> & é \u2028 \r\n",
    ],
)
def test_the_text_of_prompt_and_completion_is_left_as_it_is(tokenizer, completion):
    text = chat(tokenizer, completion, completion)
    assert text == f"<|im_start|>user\n{completion}<|im_end|>\n<|im_start|>assistant\n{completion}<|endoftext|>"


def test_a_tokenizer_s_own_template_is_neither_used_nor_changed(tokenizer, monkeypatch):
    own = "{%- for m in messages %}system: be brief {{ m['content'].split('</think>')[-1] }}{% endfor %}"
    monkeypatch.setattr(tokenizer, "chat_template", own)
    assert chat(tokenizer, "Hi", "<think>a</think>b").endswith("assistant\n<think>a</think>b<|endoftext|>")
    assert tokenizer.chat_template == own


def test_the_end_of_the_turn_is_the_last_token_of_a_row_and_the_prompt_its_beginning(tokenizer):
    """What TRL builds on: it trains on what follows the prompt, and adds no end itself."""
    whole, prompt = (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (chat(tokenizer, "Hi", "<think>\nSo.\n</think>\n\nDone."), chat(tokenizer, "Hi"))
    )
    assert whole[: len(prompt)] == prompt
    assert tokenizer.decode(whole[len(prompt) :]) == "<think>\nSo.\n</think>\n\nDone.<|endoftext|>"
    assert whole[-1] == tokenizer.eos_token_id


def test_the_fingerprint_changes_with_every_text_and_the_order(tokenizer):
    pairs = [("a", "b"), ("c", "d")]
    variants = [pairs, pairs[::-1], pairs[:1], [("a", "b"), ("c", "e")], [("ab", ""), ("c", "d")], [("a", "bcd")]]
    prints = [fingerprint([datasets._as_turns(*pair) for pair in variant]) for variant in variants]
    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint([datasets._as_turns(*pair) for pair in pairs])
    assert re.fullmatch("[0-9a-f]{64}", prints[0])
