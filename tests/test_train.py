import json
import math
import random

import pytest

from rsft_utils import train as train_module
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.micro import models, sft_data, symbols
from rsft_utils.specs import RunSpec
from rsft_utils.train import LOG_EVERY, TrainingError, check_rows, train

# 8 steps, checkpoints at 2, 5 and 8
FULL = RunSpec(size="XS", n_rows=32, batch_size=8, epochs=2, learning_rate=1e-3, warmup=0.25, n_items=1, n_items_ends=1)
LORA = RunSpec(**{**FULL.__dict__, "method": "lora", "lora_rank": 4})
MAX_LENGTH = 256


@pytest.fixture(scope="module")
def rows():
    return sft_data.rows("math-cot", FULL.n_rows, seed=0)


@pytest.fixture(scope="module")
def trained(rows, new_micro_model, tokenizer, tmp_path_factory):
    """Function that trains a random model by a spec, once: (weights before, model after, folder, outcome)."""
    made = {}

    def make(spec):
        if spec not in made:
            model, folder = new_micro_model(), tmp_path_factory.mktemp(spec.method)
            before = copied(model)
            outcome = train(spec, model, tokenizer, rows, folder, MAX_LENGTH)
            made[spec] = before, model, folder, outcome
        return made[spec]

    return make


def copied(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def saved(folder):
    return sorted(path.name for path in folder.iterdir() if "step" in path.name)


@pytest.mark.parametrize("spec", [FULL, LORA], ids=["full", "lora"])
def test_there_is_a_checkpoint_for_exactly_the_evaluated_steps(trained, spec):
    _, _, folder, _ = trained(spec)
    assert saved(folder) == ["step-00002", "step-00005", "step-00008"]
    assert checkpoint_folder(folder, 8) == folder / "step-00008"


def test_full_fine_tuning_changes_every_weight(trained):
    before, model, _, _ = trained(FULL)
    unchanged = [name for name, tensor in model.state_dict().items() if tensor.equal(before[name])]
    assert unchanged == []


def test_a_checkpoint_of_full_fine_tuning_is_the_model(trained):
    import torch
    from transformers import AutoModelForCausalLM

    _, model, folder, _ = trained(FULL)
    loaded = AutoModelForCausalLM.from_pretrained(folder / "step-00008", dtype=torch.float32)
    ids = torch.tensor([[2, 9, 30, 31, 3]])
    torch.testing.assert_close(loaded(ids).logits, model(ids).logits)
    earlier = AutoModelForCausalLM.from_pretrained(folder / "step-00002", dtype=torch.float32)
    assert not torch.allclose(earlier(ids).logits, model(ids).logits, atol=1e-3)


def test_lora_changes_only_the_adapter(trained):
    before, model, _, _ = trained(LORA)
    after = {name.replace(".base_layer", ""): tensor for name, tensor in model.state_dict().items()}
    adapter = {name: tensor for name, tensor in after.items() if "lora_" in name}
    assert {name for name in after if name not in adapter} == set(before)
    assert all(tensor.equal(after[name]) for name, tensor in before.items())
    assert len(adapter) == 2 * 7 * 3  # A and B of seven matrices in three layers
    assert all(tensor.abs().max() > 0 for tensor in adapter.values())  # B starts at zero


def test_a_checkpoint_of_lora_holds_the_adapter_alone_and_fits_the_base(trained, new_micro_model):
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file

    _, model, folder, _ = trained(LORA)
    step = folder / "step-00008"
    assert all("lora_" in name for name in load_file(step / "adapter_model.safetensors"))
    assert not (step / "model.safetensors").exists()
    ids = torch.tensor([[2, 9, 30, 31, 3]])
    base = new_micro_model()
    without = base(ids).logits
    loaded = PeftModel.from_pretrained(base, step)
    torch.testing.assert_close(loaded(ids).logits, model(ids).logits)
    assert not torch.allclose(loaded(ids).logits, without, atol=1e-4)


@pytest.mark.parametrize("spec", [FULL, LORA], ids=["full", "lora"])
def test_the_same_again_gives_the_same_bytes(trained, spec, rows, new_micro_model, tokenizer, tmp_path):
    _, _, folder, _ = trained(spec)
    train(spec, new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    for step in ("step-00002", "step-00008"):
        (weights,) = (folder / step).glob("*.safetensors")
        assert weights.read_bytes() == (tmp_path / step / weights.name).read_bytes()
    assert log(folder) == log(tmp_path)


def test_another_seed_gives_another_adapter(trained, rows, new_micro_model, tokenizer, tmp_path):
    _, _, folder, _ = trained(LORA)
    train(RunSpec(**{**LORA.__dict__, "seed": 1}), new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    one, other = ((f / "step-00002/adapter_model.safetensors").read_bytes() for f in (folder, tmp_path))
    assert one != other


def test_the_outcome_tells_tokens_and_the_last_loss(trained, rows):
    _, _, folder, outcome = trained(FULL)
    words = sum(len(turn["content"].split()) for row in rows for turn in row["prompt"] + row["completion"])
    assert outcome["tokens"] == 2 * (words + 3 * len(rows))  # <user> <assistant> <end>
    assert outcome["final_loss"] == log(folder)[-1]["loss"]
    assert outcome["seconds"] >= 0


def test_the_log_has_a_line_every_ten_steps_and_one_for_the_last(new_micro_model, tokenizer, rows, tmp_path):
    spec = RunSpec(size="XS", n_rows=24, batch_size=2, epochs=1, n_items=1, n_items_ends=1)
    train(spec, new_micro_model(), tokenizer, rows[:24], tmp_path, MAX_LENGTH)
    assert [line["step"] for line in log(tmp_path)] == [LOG_EVERY, 12]
    assert all(math.isfinite(line["loss"]) for line in log(tmp_path))


def test_the_rate_warms_up_linearly_and_falls_as_a_cosine(new_micro_model, tokenizer, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "LOG_EVERY", 1)
    spec = RunSpec(**{**FULL.__dict__, "epochs": 5, "learning_rate": 2e-3})  # 20 steps, 5 of them warm-up
    train(spec, new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    rising = [2e-3 * step / 5 for step in range(5)]
    falling = [2e-3 * math.cos(math.pi * step / 30) ** 2 for step in range(15)]  # (1 + cos 2x) / 2 = cos^2 x
    assert [line["rate"] for line in log(tmp_path)] == pytest.approx(rising + falling)


def test_a_constant_rate_warms_up_linearly_and_stays(new_micro_model, tokenizer, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "LOG_EVERY", 1)
    spec = RunSpec(**{**FULL.__dict__, "epochs": 5, "learning_rate": 2e-3, "schedule": "constant"})
    train(spec, new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    rising = [2e-3 * step / 5 for step in range(5)]
    assert [line["rate"] for line in log(tmp_path)] == pytest.approx(rising + [2e-3] * 15)


def test_without_warm_up_a_run_starts_at_its_full_rate(new_micro_model, tokenizer, rows, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "LOG_EVERY", 1)
    spec = RunSpec(**{**FULL.__dict__, "warmup": 0.0, "learning_rate": 2e-3})  # 8 steps
    train(spec, new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    falling = [2e-3 * math.cos(math.pi * step / 16) ** 2 for step in range(8)]
    assert [line["rate"] for line in log(tmp_path)] == pytest.approx(falling)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_epoch_has_all_rows_in_the_order_given(new_micro_model, tokenizer, rows, tmp_path, monkeypatch, seed):
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    seen = []
    collate = DataCollatorForLanguageModeling.torch_call

    def watched(self, batch):
        seen.append([tokenizer.decode(row["input_ids"]) for row in batch])
        return collate(self, batch)

    monkeypatch.setattr(DataCollatorForLanguageModeling, "torch_call", watched)
    train(RunSpec(**{**FULL.__dict__, "seed": seed}), new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    texts = [
        f"<user> {row['prompt'][0]['content']} <assistant> {row['completion'][0]['content']} <end>" for row in rows
    ]
    batches = [texts[start : start + FULL.batch_size] for start in range(0, len(texts), FULL.batch_size)]
    assert seen[: len(batches) * 2] == batches * 2


def test_a_machine_of_several_cards_does_not_multiply_the_batch(
    trained, new_micro_model, tokenizer, rows, tmp_path, monkeypatch
):
    from trl import SFTConfig

    expected, original = log(trained(FULL)[2]), SFTConfig.__post_init__

    def two_cards(self):
        original(self)
        assert self.n_gpu == 0
        self._n_gpu = 2

    monkeypatch.setattr(SFTConfig, "__post_init__", two_cards)
    train(FULL, new_micro_model(), tokenizer, rows, tmp_path, MAX_LENGTH)
    assert log(tmp_path) == expected


# A small world of the test's own: a change of the symbols or the data is none of the procedure of training.
GOLDEN_SYMBOLS = ("<pad>", "<end>", "<user>", "<assistant>", "answer", "reverse", *"abcdefghijklmnopqrstuvwxyz")
GOLDEN = RunSpec(size="XS", n_rows=32, batch_size=8, epochs=2, learning_rate=0.01, warmup=0.25, seed=1)
GOLDEN_LOSSES = {
    "full": [3.5160, 3.5009, 3.3714, 3.3855, 3.3017, 3.2087, 3.1334, 3.1656],
    "lora": [3.5160, 3.5009, 3.5058, 3.4515, 3.3786, 3.3275, 3.3085, 3.3250],
    "constant": [3.5160, 3.5009, 3.3714, 3.3855, 3.3024, 3.2516, 3.1605, 3.1693],
}


def golden_rows():
    rng = random.Random(0)
    words = [rng.choices(GOLDEN_SYMBOLS[6:], k=rng.randint(3, 20)) for _ in range(32)]
    return [
        {
            "prompt": [{"role": "user", "content": f"reverse {' '.join(word)}"}],
            "completion": [{"role": "assistant", "content": f"answer {' '.join(reversed(word))}"}],
        }
        for word in words
    ]


@pytest.mark.parametrize("kind", GOLDEN_LOSSES)
def test_training_is_the_training_of_this_version(kind, new_micro_model, tmp_path, monkeypatch):
    """When this fails on purpose, raise specs.TRAINING_VERSION, so that no old run passes for a new one, and store the
    new numbers. (New versions of torch, transformers or TRL that fail it have changed results as well.)"""
    monkeypatch.setattr(models, "SYMBOLS", GOLDEN_SYMBOLS)
    monkeypatch.setattr(symbols, "SYMBOL_ID", {symbol: i for i, symbol in enumerate(GOLDEN_SYMBOLS)})
    monkeypatch.setattr(train_module, "LOG_EVERY", 1)
    changes = {"lora": {"method": "lora", "lora_rank": 4}, "constant": {"schedule": "constant"}}.get(kind, {})
    spec = RunSpec(**{**GOLDEN.__dict__, **changes})
    train(spec, new_micro_model(), symbols.make_tokenizer(), golden_rows(), tmp_path, MAX_LENGTH)
    assert [line["loss"] for line in log(tmp_path)] == pytest.approx(GOLDEN_LOSSES[kind], abs=1e-3)


def test_a_row_that_is_too_long_is_named_and_nothing_is_trained(new_micro_model, tokenizer, rows, tmp_path):
    model = new_micro_model()
    before = copied(model)
    rows = [*rows]
    rows[7] = {**rows[7], "completion": [{"role": "assistant", "content": "answer " + "a " * 300}]}
    length = len(rows[7]["prompt"][0]["content"].split()) + 301 + 3
    said = f"1 of 32 rows are longer than max_length = {MAX_LENGTH} .*row 7, has {length} tokens"
    with pytest.raises(TrainingError, match=said):
        train(FULL, model, tokenizer, rows, tmp_path, MAX_LENGTH)
    assert saved(tmp_path) == []
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())


def test_a_row_may_be_as_long_as_allowed():
    row = {"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}
    check_rows([row], [{"prompt": "a"}], max_length=3)
    with pytest.raises(TrainingError, match="has 3 tokens"):
        check_rows([row], [{"prompt": "a"}], max_length=2)


def test_a_row_without_anything_to_learn_is_refused():
    good = {"input_ids": [1, 2], "labels": [-100, 2]}
    empty = {"input_ids": [1, 2], "labels": [1, -100]}  # the first token of a row is never predicted
    with pytest.raises(TrainingError, match=r"row 1 has no token to learn.*the prompt"):
        check_rows([good, empty], [{"prompt": "good"}, {"prompt": "the prompt"}], max_length=9)


def test_rows_that_vanish_in_tokenisation_are_noticed():
    with pytest.raises(TrainingError, match="2 of 3 rows vanished"):
        check_rows([{"input_ids": [1, 2], "labels": [-100, 2]}], [{"prompt": ""}] * 3, max_length=9)


@pytest.mark.parametrize("epochs", [1, 6])
def test_a_loss_that_is_no_number_stops_the_run(new_micro_model, tokenizer, rows, tmp_path, epochs):
    model = new_micro_model()
    model.model.norm.weight.data[0] = float("nan")
    with pytest.raises(TrainingError, match=r"diverged.*smaller learning_rate than 0\.001"):
        train(RunSpec(**{**FULL.__dict__, "epochs": epochs}), model, tokenizer, rows, tmp_path, MAX_LENGTH)
    assert not (tmp_path / "log.jsonl").exists()
