from itertools import pairwise

import pytest
import torch

from rsft_utils import evaluate, specs
from rsft_utils.micro import benchmarks
from rsft_utils.micro.models import MAX_POSITIONS, SIZES, new_model
from rsft_utils.micro.symbols import END, PAD, SYMBOL_ID, SYMBOLS

every_size = pytest.mark.parametrize("size", SIZES)


def made(size, seed):
    torch.manual_seed(seed)
    return new_model(size)


@pytest.fixture(scope="module")
def models():
    return {size: made(size, 0) for size in SIZES}


def test_sizes_are_those_that_a_run_may_name():
    assert tuple(SIZES) == specs.SIZES


def test_capability_grows_from_size_to_size(models):
    counts = [model.num_parameters() for model in models.values()]
    assert counts == sorted(counts) and all(b > 2 * a for a, b in pairwise(counts))


@every_size
def test_a_model_reads_and_writes_the_symbols_of_the_world(models, size):
    config = models[size].config
    assert config.vocab_size == len(SYMBOLS)
    assert (config.eos_token_id, config.pad_token_id) == (SYMBOL_ID[END], SYMBOL_ID[PAD])
    with torch.inference_mode():
        logits = models[size](torch.tensor([[1, 2, 3], [4, 5, 6]])).logits
    assert logits.shape == (2, 3, len(SYMBOLS)) and logits.isfinite().all()


def test_the_seed_decides_the_weights():
    first, again, other = (made("XS", seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_there_is_room_for_the_longest_question_and_answer():
    prompts = [item.prompt for name in benchmarks.BENCHMARKS for item in benchmarks.items(name, 200)]
    longest = max(len(prompt.split()) for prompt in prompts) + 2  # <user> and <assistant>
    closing = 1 + evaluate.CLOSING_TOKENS  # </think> put in by force
    assert longest + evaluate.MAX_NEW_TOKENS + closing <= MAX_POSITIONS
