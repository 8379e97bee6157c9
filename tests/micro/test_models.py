from itertools import pairwise

import pytest
import torch

from rsft_utils import evaluate, specs
from rsft_utils.micro import benchmarks
from rsft_utils.micro.models import MAX_POSITIONS, SIZES, new_model
from rsft_utils.micro.symbols import END, PAD, SYMBOL_ID, SYMBOLS

ARCHITECTURES = {"qwen3": "Qwen3ForCausalLM", "qwen2": "Qwen2ForCausalLM"}
every_size = pytest.mark.parametrize("size", SIZES)
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def made(size, seed, *architecture):
    torch.manual_seed(seed)
    return new_model(size, *architecture)


@pytest.fixture(scope="module")
def models():
    return {(size, architecture): made(size, 0, architecture) for size in SIZES for architecture in ARCHITECTURES}


def test_sizes_are_those_that_a_run_may_name():
    assert tuple(SIZES) == specs.SIZES


@every_architecture
def test_capability_grows_from_size_to_size(models, architecture):
    counts = [models[size, architecture].num_parameters() for size in SIZES]
    assert counts == sorted(counts) and all(b > 2 * a for a, b in pairwise(counts))


@every_architecture
@every_size
def test_a_model_is_of_the_architecture_asked_for(models, size, architecture):
    model = models[size, architecture]
    assert (type(model).__name__, model.config.model_type) == (ARCHITECTURES[architecture], architecture)


@every_size
def test_a_model_is_a_qwen3_unless_told_otherwise(models, size):
    expected, found = models[size, "qwen3"].state_dict(), made(size, 0).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@every_size
def test_architectures_are_compared_at_the_same_size(models, size):
    shapes = {
        (config.hidden_size, config.intermediate_size, config.num_hidden_layers, config.num_attention_heads)
        for config in (models[size, architecture].config for architecture in ARCHITECTURES)
    }
    assert shapes == {(SIZES[size].width, 3 * SIZES[size].width, SIZES[size].layers, SIZES[size].heads)}
    counts = [models[size, architecture].num_parameters() for architecture in ARCHITECTURES]
    assert max(counts) < 1.01 * min(counts)


@every_architecture
@every_size
def test_a_model_reads_and_writes_the_symbols_of_the_world(models, size, architecture):
    config = models[size, architecture].config
    assert config.vocab_size == len(SYMBOLS)
    assert (config.eos_token_id, config.pad_token_id) == (SYMBOL_ID[END], SYMBOL_ID[PAD])
    with torch.inference_mode():
        logits = models[size, architecture](torch.tensor([[1, 2, 3], [4, 5, 6]])).logits
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
