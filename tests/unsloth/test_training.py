import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsft_utils import train as train_module
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.real import backends
from rsft_utils.real import spec as spec_module
from rsft_utils.real.spec import RealSpec
from rsft_utils.train import train

# 12 steps, checkpoints at 5 and 12
SPEC = RealSpec(n_rows=24, batch_size=2, micro_batch=1, lora_rank=4, learning_rate=0.01, max_length=256, four_bit=False)
FOUR_BIT = dataclasses.replace(SPEC, four_bit=True)
both_precisions = pytest.mark.parametrize("spec", [SPEC, FOUR_BIT], ids=["16bit", "4bit"])


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec_module, "PAPER_STEPS", (0, 5))
        patch.setattr(train_module, "LOG_EVERY", 1)
        yield


@pytest.fixture(scope="module")
def run(base, tiny, few_steps):
    """Function that trains the tiny model into a folder: (model after, outcome)."""

    def train_it(folder, spec, backend="unsloth", resume=False):
        model, tokenizer = backends.load_for_training(spec, base, backend)
        device = backends.device(spec, backend)
        outcome = train(
            spec, model, tokenizer, tiny["rows"](spec.n_rows), folder, spec.max_length, device, resume=resume
        )
        return model.eval(), outcome

    return train_it


@pytest.fixture(scope="module")
def straight(run, tmp_path_factory):
    """Function that trains with Unsloth by a spec without interruption, once: (folder, model after)."""
    made = {}

    def make(spec):
        if spec not in made:
            folder = tmp_path_factory.mktemp("straight")
            made[spec] = folder, run(folder, spec)[0]
        return made[spec]

    return make


@pytest.fixture
def bitsandbytes_on_a_cpu(monkeypatch):
    """It works here for loading; people are told to use a card, because it is far too slow for a real model."""
    monkeypatch.setattr(backends, "check", lambda spec, backend: None)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder, step):
    return (checkpoint_folder(folder, step) / "adapter_model.safetensors").read_bytes()


def asked(tokenizer):
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 3 + 3?"}], tokenize=False, add_generation_prompt=True
    )
    return tokenizer([text], return_tensors="pt")


def logits(model, tokenizer):
    import torch

    with torch.inference_mode():
        return model(**asked(tokenizer)).logits


@both_precisions
def test_training_learns_and_writes_an_adapter_at_the_measured_steps(straight, spec):
    folder, model = straight(spec)
    assert sorted(p.name for p in folder.iterdir() if "step" in p.name) == ["step-00005", "step-00012"]
    assert losses(folder)[-1] < losses(folder)[0] - 1
    config = json.loads((folder / "step-00012/adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (4, 4, 0.0)
    assert set(config["target_modules"]) == set(backends.LINEAR_LAYERS)
    kinds = {type(module).__name__ for module in model.modules()}
    assert ("Linear4bit" in kinds) == spec.four_bit


def test_unsloth_learns_what_transformers_learns(straight, run, tmp_path):
    run(tmp_path, SPEC, backend="transformers")
    assert losses(straight(SPEC)[0]) == pytest.approx(losses(tmp_path), rel=1e-4)


@both_precisions
def test_a_run_that_was_killed_goes_on_to_the_same_result(straight, run, monkeypatch, tmp_path, spec):
    from trl import SFTTrainer

    passes, original = [], SFTTrainer.training_step

    def counted(self, *args, **kwargs):
        passes.append(1)
        if len(passes) == 15:  # two passes a step: in the middle of step 8
            raise KeyboardInterrupt
        return original(self, *args, **kwargs)

    monkeypatch.setattr(SFTTrainer, "training_step", counted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, spec, resume=True)
    assert [path.name for path in (tmp_path / "trainer").glob("checkpoint-*")] == ["checkpoint-5"]
    assert len(losses(tmp_path)) == 7
    run(tmp_path, spec, resume=True)
    assert len(passes) == 15 + 14
    folder, _ = straight(spec)
    assert losses(tmp_path) == losses(folder)
    assert weights(tmp_path, 12) == weights(folder, 12)


@both_precisions
def test_what_unsloth_trained_is_measured_with_transformers(straight, base, bitsandbytes_on_a_cpu, spec):
    import torch

    folder, model = straight(spec)
    loaded, tokenizer = backends.load_for_inference(spec, base, checkpoint_folder(folder, 12))
    for module in loaded.modules():  # bitsandbytes would compute in bfloat16 here; Unsloth does the same to it
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    torch.testing.assert_close(logits(loaded, tokenizer), logits(model, tokenizer), atol=1e-4, rtol=1e-4)
    answers = [m.generate(**asked(tokenizer), max_new_tokens=12, do_sample=False).tolist() for m in (loaded, model)]
    assert answers[0] == answers[1]


def test_an_adapter_is_merged_as_unsloth_merges_it(straight, base, tmp_path):
    from safetensors.torch import load_file

    folder, model = straight(SPEC)
    backends.merge(base, checkpoint_folder(folder, 12), tmp_path / "ours")
    model.save_pretrained_merged(tmp_path / "theirs", save_method="merged_16bit")
    ours, theirs = (load_file(tmp_path / whose / "model.safetensors") for whose in ("ours", "theirs"))
    assert set(ours) == set(theirs)
    for name, tensor in theirs.items():
        assert ours[name].to(tensor.dtype).equal(tensor), name


def test_an_adapter_on_4_bit_weights_is_merged_into_the_weights_as_they_were(straight, base, tmp_path):
    folder, model = straight(FOUR_BIT)
    backends.merge(base, checkpoint_folder(folder, 12), tmp_path)
    merged, tokenizer = backends.load_for_inference(SPEC, tmp_path, None)
    beside, _ = backends.load_for_inference(SPEC, base, checkpoint_folder(folder, 12))
    distance = (logits(merged, tokenizer) - logits(beside, tokenizer)).abs().max()
    rounded = (logits(merged, tokenizer) - logits(model, tokenizer)).abs().max()
    assert distance < 1e-3 < rounded


# Unsloth writes a trainer of its own for cards. It is made here by pretending that there is one (Unsloth's own variable
# for that), and given a plain model, since its kernels do need a card.
ON_A_CARD = """
import json, os, sys
import unsloth
from unsloth.models import rl
from unsloth.trainer import _patch_trl_trainer
os.environ["UNSLOTH_ALLOW_CPU"] = "0"  # else TRL's trainer is left as it is
rl._patch_trl_rl_trainers("sft_trainer")
_patch_trl_trainer()
import runpy
from pathlib import Path
import torch, trl
from rsft_utils import train
from rsft_utils.real import backends
from rsft_utils.real.spec import RealSpec
torch.set_num_threads(1)
train.LOG_EVERY = 1
assert "Unsloth" in trl.SFTTrainer.__name__
base, folder, tiny = map(Path, sys.argv[1:])
spec = RealSpec(n_rows=24, batch_size=2, micro_batch=1, lora_rank=4, learning_rate=0.01, max_length=256, four_bit=False)
model, tokenizer = backends.load_for_training(spec, base, "transformers")
rows = runpy.run_path(str(tiny))["rows"](spec.n_rows)
train.train(spec, model, tokenizer, rows, folder, spec.max_length, backends.device(spec, "unsloth"))
"""


def test_the_trainer_for_cards_learns_the_same_from_the_same_rows(straight, base, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "UNSLOTH_FORCE_CPU"} | {
        "UNSLOTH_ALLOW_CPU": "1",
        "UNSLOTH_COMPILE_DISABLE": "1",
        "UNSLOTH_COMPILE_LOCATION": str(tmp_path / "compiled"),
    }
    tiny = Path(__file__).parents[1] / "tiny_qwen.py"
    done = subprocess.run(
        [sys.executable, "-c", ON_A_CARD, base, tmp_path, tiny], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert losses(tmp_path) == pytest.approx(losses(straight(SPEC)[0]), rel=1e-4)
