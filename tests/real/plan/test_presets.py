from dataclasses import replace
from itertools import pairwise

import pytest

from rsft_utils.real import datasets
from rsft_utils.real.models import MODELS
from rsft_utils.real.plan import memory, presets
from rsft_utils.real.plan.hours import CARDS
from rsft_utils.real.plan.presets import NOTEBOOKS, PRESETS, groups

DIP, DATA, SIZES, SAFETY = NOTEBOOKS
WITH_CARD = [preset for preset in PRESETS if preset != presets.CPU]
EVERY = [(notebook, preset) for notebook in NOTEBOOKS for preset in WITH_CARD]


def specs(notebook, preset, **asked):
    return [spec for found in groups(notebook, preset, **asked).values() for spec in found]


@pytest.mark.parametrize("notebook, preset", EVERY)
def test_every_run_of_every_preset_fits_its_card(notebook, preset):
    card = CARDS[PRESETS[preset].card]
    for spec in specs(notebook, preset):
        settings = {"rank": spec.lora_rank, "tokens": spec.micro_batch * spec.max_length, "four_bit": spec.four_bit}
        for backend in ("unsloth", "transformers"):
            peak = memory.training_peak(memory.shape(spec.base_model), card=card.memory, backend=backend, **settings)
            assert peak.total < 0.9 * card.memory


@pytest.mark.parametrize("preset", WITH_CARD)
def test_the_notebooks_compare_what_they_are_about(preset):
    assert [spec.dataset for spec in specs(DIP, preset)] == ["Math-CoT-20k"]
    assert set(presets.THREE_SETS) <= {spec.dataset for spec in specs(DATA, preset)}
    assert 2 <= len({spec.base_model for spec in specs(SIZES, preset)}) <= 3
    assert [spec.dataset for spec in specs(SAFETY, preset)] == ["Math-CoT-20k", "Math-NoCoT-20k"]
    assert all("HEx-PHI" in spec.benchmarks for spec in specs(SAFETY, preset))


@pytest.mark.parametrize("notebook, preset", EVERY)
def test_runs_that_are_compared_differ_in_one_thing(notebook, preset):
    changed = "base_model" if notebook == SIZES else "dataset"
    for one, other in pairwise(specs(notebook, preset)):
        assert replace(one, **{changed: getattr(other, changed)}) == other


def test_notebook_01_shares_its_run_with_notebook_02_and_on_larger_cards_with_03():
    for preset in WITH_CARD:
        assert specs(DIP, preset)[0] in specs(DATA, preset)
        assert (specs(DIP, preset)[0] in specs(SIZES, preset)) == (preset != "t4-16gb")


@pytest.mark.parametrize("preset", WITH_CARD)
def test_the_weak_base_of_the_paper_is_among_the_sizes(preset):
    sizes = [spec.base_model for spec in specs(SIZES, preset)]
    assert sizes[0] == "Qwen3-1.7B" and sizes == sorted(sizes, key=list(MODELS).index)


def test_presets_do_the_steps_that_they_promise():
    assert {name: preset.main.total_steps for name, preset in PRESETS.items()} == {
        "cpu": 20,
        "t4-16gb": 160,
        "24gb": 320,
        "40gb": 320,
        "80gb": 640,
    }


def test_the_rank_holds_as_many_numbers_as_there_are_tokens_to_learn():
    from rsft_utils.real.plan.lengths import tokens

    for notebook, preset in EVERY:
        for spec in specs(notebook, preset):
            read_once = tokens(replace(spec, epochs=1), None).total
            assert memory.shape(spec.base_model).lora(spec.lora_rank) > read_once


def test_the_preset_without_a_card_needs_no_hub_but_for_the_model_and_fits_a_laptop():
    for notebook in NOTEBOOKS:
        for spec in specs(notebook, presets.CPU):
            assert spec.dataset in datasets.OFFLINE and not spec.four_bit
            assert set(spec.benchmarks) <= {"Countdown", "HEx-PHI"}
            settings = {"rank": spec.lora_rank, "tokens": spec.micro_batch * spec.max_length, "four_bit": False}
            peak = memory.training_peak(memory.shape(spec.base_model), card=16, backend="transformers", **settings)
            assert peak.total < 8


def test_seeds_give_one_run_each_under_one_text():
    found = groups(DIP, "t4-16gb", seeds=3)
    assert [spec.seed for spec in found["Qwen3-1.7B"]] == [0, 1, 2]


def test_the_legend_says_what_differs():
    assert list(groups(DIP, "24gb")) == ["Qwen3-4B"]
    assert list(groups(DATA, "t4-16gb")) == list(presets.THREE_SETS)
    assert list(groups(SIZES, "24gb", dataset="Math-CoT-20k NuminaMath-20k", base_model="Qwen3-4B,Qwen3-8B")) == [
        "Qwen3-4B, Math-CoT-20k",
        "Qwen3-4B, NuminaMath-20k",
        "Qwen3-8B, Math-CoT-20k",
        "Qwen3-8B, NuminaMath-20k",
    ]


@pytest.mark.parametrize(
    "text", ["Math-CoT-20k,NuminaMath-20k", "Math-CoT-20k NuminaMath-20k", " Math-CoT-20k , NuminaMath-20k"]
)
def test_names_stand_between_commas_or_blanks(text):
    assert [spec.dataset for spec in specs(DIP, "24gb", dataset=text)] == ["Math-CoT-20k", "NuminaMath-20k"]


def test_a_path_with_blanks_is_one_name(tmp_path):
    folder = tmp_path / "My Drive"
    folder.mkdir()
    file = folder / "own rows, new.jsonl"
    file.touch()
    (spec,) = specs(DATA, "24gb", dataset=str(file), base_model=str(folder))
    assert (spec.dataset, spec.base_model) == (str(file), str(folder))
    assert list(groups(DATA, "24gb", dataset=str(file), base_model=str(folder))) == ["My Drive"]


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"preset": "16gb"}, "preset is '16gb'; allowed: cpu, t4-16gb, 24gb, 40gb, 80gb"),
        ({"notebook": "00_micro_world"}, "notebook is '00_micro_world'; allowed: 01_dip_and_recovery"),
        ({"dataset": "Math-CoT"}, "dataset is 'Math-CoT'; allowed: Math-CoT-20k.*or a .jsonl file of your own"),
        ({"dataset": "gone.jsonl"}, "dataset is 'gone.jsonl', and there is no such file"),
        ({"seeds": 0}, "seeds is 0; allowed: a whole number, 1 or more"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(asked, message):
    with pytest.raises(ValueError, match=message):
        groups(**({"notebook": DIP, "preset": "24gb"} | asked))
