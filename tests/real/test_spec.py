from dataclasses import replace

import pytest

from rsft_utils.real import released
from rsft_utils.real.released import RUNS, ReleasedSpec
from rsft_utils.real.spec import RealSpec, measuring_key

SPEC = RealSpec()


def test_the_name_says_what_is_trained_on_what():
    assert SPEC.name == "qwen3-1.7b-4bit_math-cot-20k-1280_lora32_lr2e-4_ep1_bs8_seed0_len8192"
    own = replace(SPEC, base_model="/somewhere/my-model", dataset="rows/mine.jsonl", four_bit=False)
    assert own.name == "my-model_mine-1280_lora32_lr2e-4_ep1_bs8_seed0_len8192"


def test_measured_are_the_paper_s_steps_and_the_last():
    assert SPEC.total_steps == 160
    assert SPEC.steps == (0, 10, 20, 40, 80, 160)
    assert replace(SPEC, n_rows=800).steps == (0, 10, 20, 40, 80, 100)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"max_length": 4096}, {"four_bit": False}, {"dataset": "NuminaMath-20k"}, {"n_rows": 800}]
)
def test_what_training_sees_makes_another_run(change):
    assert replace(SPEC, **change).key("data") != SPEC.key("data") != SPEC.key("other data")


@pytest.mark.parametrize(
    "change",
    [{"benchmarks": ("AIME24",)}, {"samples": 3}, {"n_items": 20}, {"n_items_ends": 300}, {"max_new_tokens": 8192}],
)
def test_another_way_of_measuring_is_the_same_run_measured_anew(change):
    changed = replace(SPEC, **change)
    assert changed.key("data") == SPEC.key("data")
    assert measuring_key(changed) != measuring_key(SPEC)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"benchmarks": ("MATH",)}, "benchmark is 'MATH'; allowed: MATH500, AIME24"),
        ({"max_length": 0}, "max_length is 0; allowed: a whole number, 1 or more"),
        ({"micro_batch": 3}, r"batch_size \(8\) must be a multiple of micro_batch \(3\)"),
        ({"lora_rank": 0}, "lora needs 1 or more"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(change, said):
    with pytest.raises(ValueError, match=said):
        replace(SPEC, **change)


def test_a_released_run_is_named_as_its_authors_name_it():
    spec = ReleasedSpec(base_model="Qwen3-8B", dataset="Numina-Math-20k", steps=(0, 40, 640))
    assert spec.repository == "jasonrqh/Qwen3-8B_Numina-Math-20k_lr5e-5_ep8_bs256"
    assert spec.name == "released-qwen3-8b_numina-math-20k_lr5e-5_ep8_bs256"
    assert spec.total_steps == 640
    assert spec.key("data") != replace(spec, four_bit=True).key("data")


def test_the_commit_is_known_of_the_runs_on_the_default_data_and_part_of_what_answers(monkeypatch):
    for model in RUNS:
        assert len(ReleasedSpec(base_model=model).commit) == 40
        assert ReleasedSpec(base_model=model, dataset="Math-NoCoT-20k").commit is None
    before = ReleasedSpec().key("data")
    monkeypatch.setitem(released.COMMITS, "Qwen3-1.7B", "a" * 40)
    assert ReleasedSpec().key("data") != before


def test_other_steps_of_a_released_run_are_another_way_of_measuring_the_same():
    fewer = replace(ReleasedSpec(), steps=(0, 640))
    assert fewer.key("data") == ReleasedSpec().key("data")
    assert measuring_key(fewer) != measuring_key(ReleasedSpec())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_model": "Qwen3-32B"}, f"base_model is 'Qwen3-32B'; allowed: {', '.join(RUNS)}"),
        ({"dataset": "NuminaMath-20k"}, "dataset of Qwen3-1.7B is 'NuminaMath-20k'; allowed: Math-CoT-20k, Math-NoCoT"),
        ({"steps": (0, 30)}, "a step is 30; allowed: 0, 10, 20, 40, 80"),
        ({"steps": (640, 0)}, "allowed: two or more, rising"),
    ],
)
def test_a_released_run_that_does_not_exist_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(ReleasedSpec(), **change)
