import json
from dataclasses import replace

import pytest

from rsft_utils.real.plan import probe
from rsft_utils.real.plan.memory import shape
from rsft_utils.real.spec import RealSpec

SPEC = RealSpec(lora_rank=4, micro_batch=2, batch_size=4, max_length=64, four_bit=False)


def test_the_stand_in_has_the_shape_of_a_folders_model(base, tmp_path):
    probe.stand_in(str(base), tmp_path)
    assert shape(str(tmp_path)) == shape(str(base))


def test_the_stand_in_has_the_shape_of_a_known_model(tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM

    made = []
    from_config = AutoModelForCausalLM.from_config

    def without_weights(config, **settings):
        with torch.device("meta"):
            made.append(from_config(config, **settings))
        return made[-1]

    def only_the_config(model, folder):
        model.config.save_pretrained(folder)

    monkeypatch.setattr(AutoModelForCausalLM, "from_config", without_weights)
    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", only_the_config)
    probe.stand_in("Qwen3-1.7B", tmp_path)
    assert shape(str(tmp_path)) == shape("Qwen3-1.7B")
    assert made[0].dtype == torch.bfloat16
    assert made[0].num_parameters() == pytest.approx(shape("Qwen3-1.7B").parameters, rel=0.001)


def test_rows_are_exactly_as_long_as_they_may_be(one_thread, tmp_path):
    from rsft_utils.train import tokenise

    row = probe._row(64, seed=0)
    assert len(tokenise(row, probe._tokenizer())["input_ids"]) == 64
    assert row != probe._row(64, seed=1)


def test_what_is_timed_is_some_steps_of_one_micro_batch_after_a_warm_up(monkeypatch, base, tmp_path):
    trained = []

    def train(spec, model, tokenizer, rows, folder, max_length, device):
        words = {len(row["completion"].split()) for row in rows}
        trained.append((spec.total_steps, spec.batch_size, len(rows), *words, type(model).__name__))
        return {"tokens": 1000 * len(trained), "seconds": 10.0}

    monkeypatch.setattr("rsft_utils.train.train", train)
    probe.stand_in(str(base), tmp_path)
    found = probe._timed(replace(SPEC, base_model=str(base)), "transformers", tmp_path, row_tokens=32)
    model = "PeftModelForCausalLM"
    assert trained == [(3, 2, 6, 30, model), (20, 2, 40, 30, model)]  # prompt and end are a token each
    assert found == probe.Probe("transformers", 200.0, None)


@pytest.mark.slow
def test_a_probe_trains_a_stand_in_and_leaves_nothing(base, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = probe.probe(replace(SPEC, base_model=str(base)), "transformers")
    assert found.tokens_per_second > 0
    assert not list(tmp_path.glob("*"))
    assert json.loads((base / "config.json").read_text())["num_hidden_layers"] == 2
