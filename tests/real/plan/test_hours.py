from types import SimpleNamespace

import pytest

from rsft_utils.real.plan import hours
from rsft_utils.real.plan.hours import (
    CARDS,
    Card,
    Hours,
    find_card,
    gigaflops_per_token,
    measuring_hours,
    training_hours,
)
from rsft_utils.real.plan.memory import shape

EARLY, LATE = {"runs_on": 0.06, "finished": 650}, {"runs_on": 0.35, "finished": 2500}


def measuring(card="A100 40GB", model="Qwen3-8B", four_bit=True, answers=500, cap=8192, vllm=True, at_once=64, **habit):
    settings = {"answers": answers, "cap": cap, "vllm": vllm, "at_once": at_once, **(habit or LATE)}
    return measuring_hours(shape(model), four_bit, CARDS[card], **settings)


def test_ranges_add_up_and_read_well():
    assert str(Hours(1, 2, 3.04) + Hours(0.5, 0.5, 0.5)) == "2.5 (1.5-3.5)"
    assert str(Hours(9.0, 12.34, 20.0)) == "12 (9.0-20)"
    assert str(Hours(2.5, 2.5, 2.5)) == "2.5"


@pytest.mark.parametrize(
    "name, memory, kind",
    [
        ("Tesla T4", 15.8, "T4"),
        ("NVIDIA L4", 23.6, "L4"),
        ("NVIDIA GeForce RTX 4090", 25.4, "RTX 4090"),
        ("NVIDIA A100-SXM4-40GB", 42.4, "A100 40GB"),
        ("NVIDIA A100 80GB PCIe", 85.1, "A100 80GB"),
        ("NVIDIA H100 80GB HBM3", 85.0, "H100"),
    ],
)
def test_a_card_is_found_with_the_speed_of_its_kind(monkeypatch, name, memory, kind):
    pretend_card(monkeypatch, name, memory)
    found = find_card()
    assert (found.name, found.memory) == (name, memory)
    assert (found.tflops, found.reads) == (CARDS[kind].tflops, CARDS[kind].reads)


@pytest.mark.parametrize("name", ["NVIDIA L40S", "NVIDIA RTX A6000", "Tesla V100-SXM2-16GB"])
def test_a_card_of_another_kind_has_no_known_speed(monkeypatch, name):
    pretend_card(monkeypatch, name, 48.0)
    assert find_card() == Card(name, 48.0, None, None)


def test_without_cuda_there_is_no_card(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_card() is None


def pretend_card(monkeypatch, name, memory):
    import torch

    properties = SimpleNamespace(name=name, total_memory=int(memory * 1e9))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)


def test_hours_of_training_are_tokens_times_work_over_speed():
    assert training_hours(3.6e6, gigaflops=10, tflops=(10, 20, 40)) == Hours(0.25, 0.5, 1.0)


def test_a_48_gb_run_of_others_trains_about_as_long_as_it_did():
    # Qwen3-4B-Base, rows up to 10,240 tokens: 44 s a step of 16 rows on what was probably an RTX 4090 of 48 GB
    work = gigaflops_per_token(shape("Qwen3-4B"), rank=32, length=6600)
    seconds = training_hours(16 * 5400, work, CARDS["RTX 4090"].tflops).likely * 3600
    assert seconds == pytest.approx(44, rel=0.3)


def test_a_token_is_more_work_in_a_longer_row_and_a_larger_model():
    lengths = [gigaflops_per_token(shape("Qwen3-4B"), 32, length) for length in (500, 5000, 16_000)]
    models = [gigaflops_per_token(shape(name), 32, 5400) for name in ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B")]
    assert lengths == sorted(lengths) and models == sorted(models)
    # two operations forward, two again, two backward per weight; attention and LoRA add little in short rows
    assert gigaflops_per_token(shape("Qwen3-4B"), 32, 1) == pytest.approx(6 * 4.02, rel=0.03)


def test_refilled_answers_take_as_long_as_ml_energy_measured():
    # H100, Qwen3-8B in 16 bit, answers of 7 to 8 thousand tokens: 2,510 to 3,117 tokens a second
    every_answer = {"runs_on": 1.0, "finished": 1}
    found = measuring("H100", four_bit=False, answers=2000, cap=7500, at_once=2000, **every_answer)
    assert 2000 * 7500 / (found.likely * 3600) == pytest.approx(2800, rel=0.2)


def test_measuring_takes_longer_with_a_longer_limit_more_answers_and_a_larger_model():
    for vllm in (True, False):
        caps = [measuring(cap=cap, vllm=vllm).likely for cap in (2048, 4096, 8192, 16_384)]
        counts = [measuring(answers=answers, vllm=vllm).likely for answers in (125, 500, 2000)]
        models = [measuring(model=name, vllm=vllm).likely for name in ("Qwen3-1.7B", "Qwen3-8B", "Qwen3-14B")]
        habits = [measuring(vllm=vllm, **habit).likely for habit in (EARLY, LATE)]
        for values in (caps, counts, models, habits):
            assert values == sorted(set(values))


def test_our_own_decoding_takes_longer_than_vllm():
    assert measuring(vllm=False, **EARLY).likely > 2 * measuring(vllm=True, **EARLY).likely


def test_the_steps_of_our_own_decoding_are_those_that_were_simulated():
    """48 places, 500 answers, a tenth of them to the limit: tokens over 85 % of the places, and the last ones' tail."""
    habit = {"runs_on": 0.1, "finished": 800}
    alone = measuring(answers=1, at_once=1, vllm=False, **habit).likely  # one answer: as many steps as the limit
    many = measuring(answers=500, at_once=500, vllm=False, **habit).likely
    assert alone < many < 500 * alone / 8


def test_answers_that_are_asked_for_in_small_parts_take_longer():
    for vllm in (True, False):
        small, large = (measuring(vllm=vllm, at_once=at_once, **EARLY).likely for at_once in (8, 500))
        assert small > large


def test_measuring_is_given_to_a_factor_of_two():
    found = measuring()
    assert (found.low, found.high) == pytest.approx((found.likely / 2, found.likely * 2))


def test_no_answer_is_taken_to_end_beyond_the_limit():
    assert measuring(cap=1024, runs_on=0.5, finished=10_000) == measuring(cap=1024, runs_on=0.5, finished=0.6 * 1024)


def test_the_speed_of_a_card_is_marked_where_it_is_a_guess():
    assert {name for name, card in hours.CARDS.items() if card.guessed} == {"RTX 3090", "H100", "H200"}
