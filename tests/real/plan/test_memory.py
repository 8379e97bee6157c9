import json

import pytest

from rsft_utils.real.models import MODELS
from rsft_utils.real.plan import memory
from rsft_utils.real.plan.memory import Peak, Shape, layer_inputs, shape, training_peak, whole_loss

GIB = 1.0737  # GB: PyTorch's memory counters, and the notebooks that print them, say GB and mean this
T4, A100 = 15.83, 42.4
LLAMA2_7B = Shape(32, 4096, 11008, 4096, 4096, 32_000, tied=False)
QWEN3_32B = Shape(64, 5120, 25600, 8192, 1024, 151_936, tied=False)
# LLaMA-Factory's table of peaks, LLaMA2-7B in 4 bit, rank 8, one row at a time, A100 40GB: tokens, with
# FlashAttention 2, with Unsloth of April 2024 beside it; None: out of memory
LLAMA_FACTORY = [
    (4096, 9, 7), (8192, 12, 8), (16_384, 19, 10), (32_768, 32, 16), (65_536, None, 25), (102_400, None, 37)
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_shape_gives_the_parameters_of_the_table(name):
    assert shape(name).linear / 1e9 == pytest.approx(MODELS[name].linear, abs=0.006)
    assert shape(name).head / 1e9 == pytest.approx(MODELS[name].head, abs=0.006)


def test_lora_has_the_parameters_that_unsloth_printed():
    assert shape("Qwen3-14B").lora(32) == 128_450_560
    assert shape("Qwen3-4B").lora(32) == 66_060_288


def test_weights_in_4_bit_are_as_large_as_vllm_found_them():
    assert shape("Qwen3-8B").weights(four_bit=True) == pytest.approx(5.91 * GIB, rel=0.1)


@pytest.mark.parametrize(
    "model, rank, card, measured",
    [(shape("Qwen3-14B"), 32, T4, 14.51 * GIB), (QWEN3_32B, 32, A100, 24.53 * GIB)],
    ids=["Qwen3-14B on a T4", "Qwen3-32B on an A100"],
)
def test_the_peak_is_near_what_unsloths_notebooks_measured(model, rank, card, measured):
    peak = training_peak(model, rank=rank, tokens=2 * 2048, four_bit=True, card=card)
    assert peak.total == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("tokens, plain, unsloth", LLAMA_FACTORY)
def test_the_peak_is_near_llama_factorys_table(tokens, plain, unsloth):
    ours = training_peak(LLAMA2_7B, rank=8, tokens=tokens, four_bit=True, card=A100)
    assert ours.total == pytest.approx(unsloth, rel=0.33)
    # that Unsloth took the loss of the whole row at once: logits and their gradient in 16 bit
    then = Peak(ours.weights, ours.trained, ours.activations, loss=4 * LLAMA2_7B.vocabulary * tokens / 1e9)
    assert then.total == pytest.approx(unsloth, rel=0.12)
    with_whole_loss = _plain(LLAMA2_7B, rank=8, tokens=tokens, four_bit=True)
    if plain is None:
        assert with_whole_loss > A100
    else:
        assert with_whole_loss == pytest.approx(plain, rel=0.15)


def test_the_run_that_went_out_of_memory_on_48_gb_would_and_the_one_that_ran_fits():
    model = shape("Qwen3-4B")
    assert _plain(model, rank=32, tokens=19_456, four_bit=False) > 48 * GIB
    assert _plain(model, rank=32, tokens=10_240, four_bit=False) < 48 * GIB


def _plain(model, *, rank, tokens, four_bit):
    """The peak of transformers with the loss over whole rows, which TRL's `chunked_nll` avoids."""
    peak = training_peak(model, rank=rank, tokens=tokens, four_bit=four_bit, card=A100, backend="transformers")
    return peak.total - peak.loss + whole_loss(model, tokens)


@pytest.mark.parametrize("backend", ["unsloth", "transformers"])
def test_longer_rows_a_higher_rank_and_a_larger_model_need_more(backend):
    def total(name="Qwen3-4B", rank=32, tokens=4096, four_bit=True):
        settings = {"rank": rank, "tokens": tokens, "four_bit": four_bit, "card": 80.0, "backend": backend}
        return training_peak(shape(name), **settings).total

    for values in (
        [total(tokens=tokens) for tokens in (512, 2048, 8192, 16_384)],
        [total(rank=rank) for rank in (8, 16, 64, 256)],
        [total(name) for name in MODELS],
        [total(four_bit=four_bit) for four_bit in (True, False)],
    ):
        assert values == sorted(set(values))


def test_unsloth_keeps_layer_inputs_off_the_card_and_takes_no_more_for_the_loss_than_is_free():
    model = shape("Qwen3-8B")
    settings = {"rank": 32, "tokens": 8192, "four_bit": True}
    unsloth = training_peak(model, card=80.0, **settings)
    plain = training_peak(model, card=80.0, backend="transformers", **settings)
    assert plain.activations - unsloth.activations == pytest.approx(layer_inputs(model, 8192))
    assert unsloth.loss == memory.UNSLOTH_PIECE
    small = training_peak(model, card=11.0, **settings)
    rest = small.total - small.loss
    assert small.loss == pytest.approx((11.0 - rest) / 2)
    assert training_peak(model, card=rest, **settings).loss == pytest.approx(0)


def test_a_folder_is_read_from_its_config(tmp_path):
    config = {
        "num_hidden_layers": 36, "hidden_size": 2560, "intermediate_size": 9728, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": True,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert shape(str(tmp_path)) == shape("Qwen3-4B") == shape("Qwen/Qwen3-4B-Base")
    del config["head_dim"]  # as Qwen2.5's, where it follows from the others
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert shape(str(tmp_path)).attention == 2560


def test_an_unknown_model_is_refused_with_what_is_allowed(tmp_path):
    with pytest.raises(ValueError, match=r"'Qwen3-5B'.*Qwen3-1.7B, Qwen3-4B.*config.json"):
        shape("Qwen3-5B")
    (tmp_path / "config.json").write_text('{"hidden_size": 64}')
    with pytest.raises(ValueError, match="has no 'num_attention_heads'"):
        shape(str(tmp_path))
