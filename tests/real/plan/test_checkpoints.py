from itertools import pairwise

import pytest

from rsft_utils.real.plan import checkpoints, memory, presets
from rsft_utils.real.plan.checkpoints import PRESETS, groups
from rsft_utils.real.plan.hours import CARDS
from rsft_utils.real.plan.presets import NOTEBOOKS
from rsft_utils.real.released import RUNS
from rsft_utils.real.spec import PAPER_STEPS

DIP, DATA, SIZES, SAFETY = NOTEBOOKS
EVERY = [(notebook, preset) for notebook in NOTEBOOKS for preset in PRESETS]


def specs(notebook, preset, **asked):
    return [spec for found in groups(notebook, preset, **asked).values() for spec in found]


def test_there_are_published_runs_for_every_preset_with_a_card():
    assert set(PRESETS) == set(presets.PRESETS) - {"cpu"}


@pytest.mark.parametrize("preset", PRESETS)
def test_the_notebooks_compare_what_they_are_about(preset):
    assert [spec.dataset for spec in specs(DIP, preset)] == ["Math-CoT-20k"]
    (model,) = {spec.base_model for spec in specs(DATA, preset)}
    assert {spec.dataset for spec in specs(DATA, preset)} == set(RUNS[model]) & set(checkpoints.FOUR_SETS)
    assert len({spec.base_model for spec in specs(SIZES, preset)}) >= 2
    assert [spec.dataset for spec in specs(SAFETY, preset)] == ["Math-CoT-20k", "Math-NoCoT-20k"]
    assert all("HEx-PHI" in spec.benchmarks for spec in specs(SAFETY, preset))


@pytest.mark.parametrize("notebook, preset", EVERY)
def test_they_are_asked_what_runs_that_are_trained_here_are_asked(notebook, preset):
    trained = presets.groups(notebook, preset)
    for text, (spec,) in groups(notebook, preset).items():
        (other, *_) = trained.get(text, next(iter(trained.values())))
        assert (spec.benchmarks, spec.max_new_tokens) == (other.benchmarks, other.max_new_tokens)
        assert (spec.n_items, spec.n_items_ends) == (other.n_items, other.n_items_ends) or preset == "t4-16gb"
    if notebook != DATA:  # for the small models there is no set of short solutions by people
        assert list(groups(notebook, preset)) == list(trained)


def test_on_a_t4_there_is_less_of_everything():
    (few,), (more,) = specs(DIP, "t4-16gb"), specs(DIP, "24gb")
    assert set(few.steps) < set(more.steps) <= set(PAPER_STEPS)
    assert few.n_items < more.n_items and few.n_items_ends < more.n_items_ends


def test_the_steps_are_those_that_the_paper_has_with_and_without_long_thoughts():
    from rsft_utils import published

    for data in ("Math-CoT-20k", "Math-NoCoT-20k"):
        assert set(checkpoints.STEPS) <= set(published.curves("Qwen3-1.7B", ["MATH500"], data).step)


@pytest.mark.parametrize("notebook, preset", EVERY)
def test_runs_that_are_compared_differ_in_one_thing(notebook, preset):
    for one, other in pairwise(specs(notebook, preset)):
        assert (one.base_model == other.base_model) == (notebook != SIZES)
        assert (one.steps, one.benchmarks, one.four_bit) == (other.steps, other.benchmarks, other.four_bit)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("model", RUNS)
def test_weights_are_in_16_bit_where_the_card_has_room_for_them_and_answers(model, preset):
    (spec,) = specs(DIP, preset, base_model=model)
    whole, card = memory.shape(model).weights(four_bit=False), CARDS[presets.PRESETS[preset].card].memory
    assert spec.four_bit == (whole > 0.7 * card)
    assert memory.shape(model).weights(spec.four_bit) < 0.7 * card


def test_other_models_and_data_replace_the_preset_s_and_the_legend_says_what_differs():
    assert list(groups(DIP, "24gb")) == ["Qwen3-4B"]
    assert list(groups(DATA, "40gb")) == ["Math-CoT-20k", "Math-NoCoT-20k", "Numina-Math-20k", "Countdown-CoT-20k"]
    assert list(groups(DIP, "24gb", base_model="Qwen3-8B", dataset="DeepSeek-R1-20k")) == ["Qwen3-8B"]
    assert list(groups(SIZES, "24gb", base_model="Qwen3-4B,Qwen3-8B", dataset="Math-CoT-20k Math-NoCoT-20k")) == [
        "Qwen3-4B, Math-CoT-20k",
        "Qwen3-4B, Math-NoCoT-20k",
        "Qwen3-8B, Math-CoT-20k",
        "Qwen3-8B, Math-NoCoT-20k",
    ]


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"preset": "cpu"}, "preset cpu has no published runs: .*; allowed with profile released: t4-16gb, 24gb, 40gb"),
        ({"preset": "16gb"}, "preset is '16gb'; allowed: t4-16gb, 24gb, 40gb, 80gb"),
        ({"notebook": "00_micro_world"}, "notebook is '00_micro_world'; allowed: 01_dip_and_recovery"),
        ({"base_model": "Qwen3-0.6B"}, "base_model of profile released is 'Qwen3-0.6B'; allowed: Qwen3-1.7B, Qwen3-4B"),
        ({"dataset": "own.jsonl"}, "dataset of Qwen3-4B is 'own.jsonl'; allowed: Math-CoT-20k, Math-NoCoT-20k"),
        ({"dataset": "Numina-Math-20k"}, "dataset of Qwen3-4B is 'Numina-Math-20k'; allowed: Math-CoT-20k"),
        ({"seeds": 2}, "seeds is 2; allowed with profile released: 1, for of each run one is published"),
    ],
)
def test_what_is_not_published_is_refused_with_what_is(asked, message):
    with pytest.raises(ValueError, match=message):
        groups(**({"notebook": DIP, "preset": "24gb"} | asked))
