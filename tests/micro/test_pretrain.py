import math
import re
from dataclasses import replace
from itertools import islice

import pytest
import torch

from rsft_utils.micro import pretrain as pretrain_module
from rsft_utils.micro.corpus import blocks
from rsft_utils.micro.models import new_model
from rsft_utils.micro.pretrain import PretrainConfig, pretrain
from rsft_utils.micro.symbols import SYMBOLS
from rsft_utils.micro.worlds import MAIN, WORLDS, World


def steps_of(n, **changes):
    """A recipe of `n` small steps."""
    return PretrainConfig(tokens=n * 4 * 64, block_size=64, batch_size=4, warmup_steps=2, **changes)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(steps, seed=0, log=lambda line: None, world=WORLDS["main"], size="XS", **changes):
    return pretrain(size, seed, world, steps_of(steps, **changes), log)


@pytest.fixture(scope="module")
def three_steps():
    torch.set_num_threads(1)
    return trained(3)


def untrained(seed=0):
    torch.manual_seed(seed)
    return new_model("XS")


def loss_of(model):
    """On documents that no test trains on."""
    ids, labels = torch.tensor(list(islice(blocks(MAIN, 99, 64), 16))).unbind(1)
    with torch.inference_mode():
        return model(input_ids=ids, labels=labels).loss.item()


def same_weights(a, b):
    a, b = a.state_dict(), b.state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_training_changes_every_weight(three_steps):
    before = untrained().state_dict()
    for name, after in three_steps.state_dict().items():
        assert not torch.equal(before[name], after), name
        assert after.isfinite().all() and after.dtype == torch.float32


def test_no_step_leaves_the_model_as_it_was_made():
    assert same_weights(trained(0), untrained())


def test_the_same_seed_gives_the_same_model_bit_for_bit(three_steps):
    torch.manual_seed(1234)  # whatever was drawn before
    assert same_weights(trained(3), three_steps)


def test_another_seed_gives_another_model(three_steps):
    assert not same_weights(trained(3, seed=1), three_steps)


@pytest.mark.parametrize(
    "corpus",
    [replace(MAIN, ramble_share=0.0), replace(MAIN, mirrored=True), replace(MAIN, trace_share=1.0)],
    ids=["calm", "mirrored", "all traces"],
)
def test_the_world_decides_what_is_read(corpus, three_steps):
    assert not same_weights(trained(3, world=World(corpus)), three_steps)


def test_the_world_decides_the_architecture(three_steps):
    assert three_steps.config.model_type == "qwen3"
    model = trained(3, world=World(architecture="qwen2"))
    assert model.config.model_type == "qwen2" and math.isfinite(loss_of(model))


def test_only_models_that_gain_by_it_are_trained_in_bfloat16(monkeypatch, three_steps):
    def with_bfloat16_from(width, size):
        with monkeypatch.context() as patched:
            patched.setattr(pretrain_module, "BFLOAT16_FROM_WIDTH", width)
            return trained(3, size=size)

    everywhere, nowhere = 0, 10_000
    assert same_weights(three_steps, with_bfloat16_from(nowhere, "XS"))
    assert not same_weights(three_steps, with_bfloat16_from(everywhere, "XS"))
    s = trained(3, size="S")
    assert same_weights(s, with_bfloat16_from(everywhere, "S"))
    assert not same_weights(s, with_bfloat16_from(nowhere, "S"))


def test_the_model_is_ready_to_be_measured(three_steps):
    assert not three_steps.training
    assert math.isfinite(loss_of(three_steps))


def test_a_short_training_learns_something():
    loss = loss_of(trained(60))
    assert loss < loss_of(untrained()) - 0.5
    assert loss < math.log(len(SYMBOLS)) - 0.5


def test_progress_is_told_with_a_finite_loss():
    lines = []
    trained(100, log=lines.append)
    (found,) = [re.search(r"XS seed 0: step 100/100, loss ([0-9.]+)", line) for line in lines]
    assert 0 < float(found[1]) < math.log(len(SYMBOLS))


def test_nothing_is_learned_at_a_rate_of_zero():
    assert same_weights(trained(3, learning_rate=0.0), untrained())
