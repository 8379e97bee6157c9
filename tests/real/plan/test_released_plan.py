"""The plan of profile released: downloads, memory, hours of measuring, token limit."""

import pytest

from rsft_utils.real.plan import costs, hours, presets
from rsft_utils.real.plan.checkpoints import PRESETS
from rsft_utils.real.plan.hours import CARDS, Card
from rsft_utils.real.plan.planner import PlanError, check, plan_released
from rsft_utils.real.plan.presets import NOTEBOOKS
from rsft_utils.real.plan.text import describe

DIP, DATA, SIZES, SAFETY = NOTEBOOKS
T4 = CARDS["T4"]


def in_one_line(found):
    return " ".join(describe(found).split())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_preset_fits_the_card_it_is_for_and_the_text_fits_100_columns(notebook, preset):
    found = plan_released(notebook, preset)
    assert found.fits and found.released and not found.found
    assert found.card == CARDS[presets.PRESETS[preset].card]
    lines = describe(found).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(any(line.startswith(run.text[:30]) for line in lines) for run in found.runs)


def test_every_measured_step_but_the_base_is_a_whole_model_to_download():
    found = plan_released(DATA, "t4-16gb")
    bytes_of_1_7b = 2 * 1_720_451_072
    assert [item.what for item in found.downloads] == [
        "Qwen3-1.7B",
        "Math-CoT-20k: 2 steps",
        "Math-NoCoT-20k: 2 steps",
        "Countdown-CoT-20k: 2 steps",
    ]
    assert [item.size for item in found.downloads] == pytest.approx(
        [bytes_of_1_7b / 1e9, *[2 * bytes_of_1_7b / 1e9] * 3], rel=1e-3
    )
    text = in_one_line(found)
    assert "Math-CoT-20k: 2 steps 6.9 GB, computed: two bytes a parameter" in text
    assert "in all 24.1 GB" in text
    assert "all 3 runs 20.6 4.4 " in text


def test_disk_holds_the_base_and_one_step():
    (run,) = plan_released(DIP, "24gb").runs
    assert run.disk == pytest.approx(2 * costs.step_size(run.spec))
    sizes = plan_released(SIZES, "24gb")  # every base, and the largest step
    step = [costs.step_size(run.spec) for run in sizes.runs]
    assert f" {sum(step) + max(step):.1f}" in describe(sizes).split("all 3 runs")[1].splitlines()[0]


def test_nothing_is_trained_and_the_base_is_measured_once():
    found = plan_released(DATA, "40gb")
    assert found.training == hours.Hours(0, 0, 0)
    first, *_, last = found.runs
    assert first.measuring.likely > last.measuring.likely  # both think at length
    assert found.measuring.likely == pytest.approx(sum(run.measuring.likely for run in found.runs))
    assert f"Expect {found.measuring} hours" in in_one_line(found)


def test_models_that_think_at_length_are_expected_to_run_to_the_limit_more_often_than_adapters_do():
    (full,), (base, *_) = plan_released(DIP, "24gb").runs, presets.groups(DIP, "24gb")["Qwen3-4B"]
    assert costs.habit(full.spec, 0) == costs.habit(base, 0)
    for step in (10, 40, 160, 640):
        assert costs.habit(full.spec, step)[0] > costs.habit(base, step)[0]
    short = plan_released(DIP, "40gb", dataset="Numina-Math-20k").runs[0].spec
    assert costs.habit(short, 40) == costs.habit(short, 0)


def test_the_text_says_where_every_number_comes_from_and_how_far_the_limit_is_from_the_paper_s():
    text = in_one_line(plan_released(DIP, "40gb"))
    for said in (
        "nothing is trained",
        "steps exact: the preset",
        "GB a step computed: a step is a folder with a whole model",
        "peak GB computed, for Qwen3-8B: 16.4 weights in 16 bit + 1.0 assumed",
        "measuring h computed, true to a factor of two at best",
        "Guessed from the lengths below: after training on long thoughts 88%",
        "token limit exact: answers of at most 8,192 tokens. The paper allowed 32,768",
        "come out lower than the paper's",
        "disk GB computed: the base model and one step",
        "Verdict: fits.",
    ):
        assert said in text
    assert "illustration" not in text
    assert "vLLM writes them" in in_one_line(plan_released(DIP, "40gb", vllm=True))


def test_on_a_t4_it_is_called_an_illustration():
    text = in_one_line(plan_released(DIP, "t4-16gb", card=T4))
    assert "An illustration, too little for a claim: 3 of the paper's 9 steps, at most 100 questions" in text


def test_a_repository_of_which_nothing_was_checked_is_named():
    assert "not known of" not in in_one_line(plan_released(DIP, "24gb"))
    text = in_one_line(plan_released(SAFETY, "24gb"))
    assert "not known of jasonrqh/Qwen3-4B_Math-NoCoT-20k_lr5e-5_ep8_bs256: a step that is missing" in text


def test_a_model_that_is_too_large_for_the_preset_is_put_into_4_bit_and_said_to_be():
    text = in_one_line(plan_released(DIP, "t4-16gb", base_model="Qwen3-1.7B Qwen3-8B"))
    assert "For this card Qwen3-8B go into 4 bit, at step 0 as well" in text
    assert "computed, for Qwen3-8B: 6.1 weights in 4 bit" in text


def test_without_a_gpu_the_plan_is_shown_and_the_run_refused():
    found = plan_released(DIP, "t4-16gb")
    assert "no GPU was found here" in describe(found)
    with pytest.raises(PlanError, match=r"profile released needs an NVIDIA GPU and none was found here; .*published"):
        check(found)
    check(plan_released(DIP, "t4-16gb", card=T4))


def test_too_small_a_card_is_refused_with_the_preset_that_would_fit():
    found = plan_released(DIP, "80gb", card=CARDS["L4"])
    assert not found.fits
    with pytest.raises(PlanError, match=r"preset 80gb needs about 30.\d GB .* L4 has 23.6 GB; preset 40gb would fit"):
        check(found)


def test_a_preset_whose_model_never_saw_the_data_is_not_named_instead():
    found = plan_released(DIP, "80gb", dataset="Numina-Math-20k", card=CARDS["L4"])
    assert found.preset_that_fits == "40gb"
    nothing = plan_released(DIP, "40gb", dataset="Numina-Math-20k", card=CARDS["T4"])
    assert nothing.preset_that_fits is None


def test_hours_are_unknown_on_a_card_whose_speed_is_on_no_record():
    text = in_one_line(plan_released(DIP, "24gb", card=Card("NVIDIA L40S", 48.0)))
    assert "not known: the speed of this card (NVIDIA L40S) is on no record. MATH500" in text


def test_what_cannot_be_planned_is_refused_in_one_sentence():
    with pytest.raises(PlanError, match="preset cpu has no published runs") as refusal:
        plan_released(DIP, "cpu")
    assert "\n" not in str(refusal.value)
