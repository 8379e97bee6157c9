"""Training as real models are trained: a step in several passes, checkpoints, and going on after an interruption."""

import dataclasses
import json
import runpy
from pathlib import Path

import pytest

from rsft_utils import train as train_module
from rsft_utils.durable import sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.real import backends
from rsft_utils.real import spec as spec_module
from rsft_utils.real.spec import RealSpec
from rsft_utils.train import tokenise, train

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
# 12 steps, checkpoints at 5 and 12
SPEC = RealSpec(n_rows=48, batch_size=4, micro_batch=2, lora_rank=4, learning_rate=0.01, max_length=256, four_bit=False)
FULL = dataclasses.replace(SPEC, method="full", lora_rank=0)


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec_module, "PAPER_STEPS", (0, 5))
        patch.setattr(train_module, "LOG_EVERY", 1)
        yield


@pytest.fixture(scope="module")
def run(base, few_steps):
    """Function that trains the tiny model by a spec into a folder; gives the outcome."""

    def train_it(folder, spec=SPEC, resume=True, **device):
        model, tokenizer = backends.load_for_training(spec, base, "transformers")
        device = dataclasses.replace(backends.device(spec, "transformers"), **device)
        return train(spec, model, tokenizer, TINY["rows"](spec.n_rows), folder, spec.max_length, device, resume)

    return train_it


@pytest.fixture(scope="module")
def straight(run, tmp_path_factory):
    """Function that trains by a spec without interruption, once, and keeps no state: (folder, outcome)."""
    made = {}

    def make(spec):
        if spec not in made:
            folder = tmp_path_factory.mktemp("straight")
            made[spec] = folder, run(folder, spec, resume=False)
        return made[spec]

    return make


@pytest.fixture
def interrupt(monkeypatch):
    """Function that makes the trainer stop with KeyboardInterrupt before a method's nth call from now on."""
    from trl import SFTTrainer

    def stop(method, call):
        calls, original = [], getattr(SFTTrainer, method)

        def counted(self, *args, **kwargs):
            calls.append(1)
            if len(calls) == call:
                raise KeyboardInterrupt
            return original(self, *args, **kwargs)

        monkeypatch.setattr(SFTTrainer, method, counted)

    return stop


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder, step):
    (file,) = checkpoint_folder(folder, step).glob("*.safetensors")
    return file.read_bytes()


def states(folder):
    return sorted(path.name for path in (folder / "trainer").glob("checkpoint-*"))


def test_there_is_an_adapter_for_exactly_the_measured_steps(straight):
    folder, _ = straight(SPEC)
    assert sorted(p.name for p in folder.glob("*step-*")) == ["step-00005", "step-00012"]
    assert (folder / "step-00005/adapter_model.safetensors").exists()
    assert not (folder / "step-00005/model.safetensors").exists()
    assert weights(folder, 5) != weights(folder, 12)
    assert states(folder) == []


def test_the_loss_of_a_step_is_the_mean_over_its_tokens(straight, base):
    import torch
    from transformers import AutoModelForCausalLM

    logged = log(straight(SPEC)[0])[0]["loss"]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), backends.load_tokenizer(base)
    losses, means = [], []
    for row in TINY["rows"](SPEC.batch_size):
        row = tokenise(row, tokenizer)
        with torch.inference_mode():
            predicted = model(torch.tensor([row["input_ids"]])).logits[0, :-1]
        labels = torch.tensor(row["labels"][1:])
        of_row = torch.nn.functional.cross_entropy(predicted, labels, ignore_index=-100, reduction="none")
        losses += of_row[labels != -100].tolist()
        means.append(of_row[labels != -100].mean().item())
    assert logged == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    # rows of unequal length tell it from the mean over rows
    assert logged != pytest.approx(sum(means) / len(means), rel=1e-2)


@pytest.mark.parametrize("spec", [SPEC, FULL], ids=["lora", "full"])
def test_a_step_in_four_passes_is_the_step_in_one(run, tmp_path, spec):
    import torch
    from safetensors.torch import load

    for micro_batch in (1, 4):
        run(tmp_path / str(micro_batch), spec, resume=False, micro_batch=micro_batch)
    one_row, whole = tmp_path / "1", tmp_path / "4"
    assert [line["loss"] for line in log(one_row)] == pytest.approx([line["loss"] for line in log(whole)], rel=1e-4)
    a, b = load(weights(one_row, 12)), load(weights(whole, 12))
    for name, tensor in a.items():
        torch.testing.assert_close(tensor, b[name], rtol=1e-2, atol=2e-4)


def test_a_loss_in_chunks_is_the_same_loss(run, straight, tmp_path):
    run(tmp_path, resume=False, loss="nll")
    chunked, whole = ([line["loss"] for line in log(folder)] for folder in (straight(SPEC)[0], tmp_path))
    assert chunked == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("spec", [SPEC, FULL], ids=["lora", "full"])
def test_a_run_that_was_killed_goes_on_to_the_same_result_bit_for_bit(run, straight, interrupt, tmp_path, spec):
    folder, outcome = straight(spec)
    interrupt("training_step", call=15)  # two passes a step: in the middle of step 8
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, spec)
    assert [line["step"] for line in log(tmp_path)][-1] == 7 and states(tmp_path) == ["checkpoint-5"]
    interrupt("training_step", call=15)  # never reached: 7 steps are left
    resumed = run(tmp_path, spec)
    for step in (5, 12):
        assert weights(tmp_path, step) == weights(folder, step)
    assert log(tmp_path) == log(folder)
    assert states(tmp_path) == ["checkpoint-12"]  # only the last one is kept
    assert (resumed["tokens"], resumed["final_loss"]) == (outcome["tokens"], outcome["final_loss"])


def test_a_run_killed_between_a_checkpoint_and_the_state_is_whole_in_the_end(run, straight, interrupt, tmp_path):
    interrupt("_save_rng_state", call=1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert checkpoint_folder(tmp_path, 5).exists() and states(tmp_path) == ["checkpoint-5"]
    assert sealed.problem(tmp_path / "trainer" / "checkpoint-5")
    interrupt("_save_rng_state", call=3)  # never reached
    run(tmp_path)
    assert weights(tmp_path, 12) == weights(straight(SPEC)[0], 12)
    assert log(tmp_path) == log(straight(SPEC)[0])


def test_a_finished_run_is_not_trained_again(run, interrupt, tmp_path):
    outcome = run(tmp_path)
    before = log(tmp_path)
    interrupt("training_step", call=1)
    again = run(tmp_path)
    assert {**again, "seconds": 0} == {**outcome, "seconds": 0}
    assert log(tmp_path) == before


def test_rows_may_be_strings_and_end_with_one_end_of_text():
    tokenizer = TINY["make_tokenizer"]()
    row = {"prompt": "What is 1 + 1?\n", "completion": "It is 2."}
    plain = tokenise(row, tokenizer)
    learned = [token for token in plain["labels"] if token != -100]
    assert tokenizer.decode(plain["input_ids"]) == "What is 1 + 1?\nIt is 2.<|endoftext|>"
    assert tokenizer.decode(learned) == "It is 2.<|endoftext|>"
    assert tokenise({**row, "completion": "It is 2.<|endoftext|>"}, tokenizer) == plain


def test_of_a_chat_only_the_answer_is_learned(base):
    tokenizer = backends.load_tokenizer(base)
    row = tokenise(TINY["rows"](2)[1], tokenizer)
    learned = [token for token in row["labels"] if token != -100]
    assert len(row["labels"]) == len(row["input_ids"])
    assert tokenizer.decode(learned) == "It is It is It is It is It is 2.<|endoftext|>"
    assert tokenizer.decode(row["input_ids"]).startswith("<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n")
