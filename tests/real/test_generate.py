"""Answers of a tiny Qwen3 by this project's own decoding, as they are without a card."""

import runpy
from pathlib import Path

import pytest

from rsft_utils.generate import Sampling
from rsft_utils.real.backends import load_tokenizer
from rsft_utils.real.generate import Weights, opened, seed_of
from rsft_utils.real.spec import RealSpec

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
SPEC = RealSpec(four_bit=False, max_new_tokens=24)
HOT = Sampling(temperature=1.0, top_p=1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return TINY["save"](tmp_path_factory.mktemp("models") / "tiny-qwen3")


@pytest.fixture(scope="module")
def ask(folder, one_thread):
    return opened(SPEC, Weights(folder))


@pytest.fixture(scope="module")
def asked(folder):
    """More prompts than are decoded at once, and a seed for each."""
    tokenizer = load_tokenizer(folder)
    prompts = [tokenizer(f"What is {'the sum of ' * (i % 4)}{i} + {i}?").input_ids for i in range(40)]
    return prompts, [seed_of(str(i), 0) for i in range(40)]


def test_every_prompt_is_answered_once_as_it_ends(ask, asked):
    found = list(ask(*asked, HOT))
    assert sorted(index for index, _ in found) == list(range(40))
    assert [index for index, _ in found] != list(range(40))
    assert found[0][1].n_tokens < max(answer.n_tokens for _, answer in found) == SPEC.max_new_tokens
    assert all(answer.n_tokens == SPEC.max_new_tokens for _, answer in found if not answer.ended)
    assert 0 < sum(answer.ended for _, answer in found) < 40


def test_an_answer_does_not_depend_on_what_is_asked_beside_it(ask, asked):
    prompts, seeds = asked
    together = dict(ask(prompts, seeds, HOT))
    for index in (0, 17, 39):
        assert dict(ask(prompts[index : index + 1], seeds[index : index + 1], HOT)) == {0: together[index]}
    assert dict(ask(prompts, seeds[::-1], HOT)) != together


def test_no_end_stands_in_the_text_of_an_answer(ask, asked):
    answers = dict(ask(*asked, HOT)).values()
    assert not any(end in answer.text for answer in answers for end in ("<|im_end|>", "<|endoftext|>"))
