import json
from dataclasses import replace

import pytest

from rsft_utils.real.plan import costs, lengths, planner, probe
from rsft_utils.real.plan.hours import CARDS, Card
from rsft_utils.real.plan.lengths import Lengths
from rsft_utils.real.plan.planner import PlanError, check, plan, speed
from rsft_utils.real.plan.presets import NOTEBOOKS, PRESETS, groups
from rsft_utils.real.plan.text import describe

DIP, DATA, SIZES, SAFETY = NOTEBOOKS


def nothing_here(spec):
    return None


def planned(notebook=DIP, preset="24gb", lengths_of=nothing_here, **asked):
    return plan(notebook, preset, lengths_of=lengths_of, **asked)


def test_steps_and_tokens_of_counted_rows_are_exact():
    counts = range(1001, 1001 + 1280)
    (run,) = planned(preset="t4-16gb", lengths_of=lambda spec: Lengths(counts)).runs
    assert run.spec.total_steps == 160
    assert (run.tokens.total, run.tokens.kind) == (sum(counts), "exact")


def test_a_notebook_is_named_or_its_file_is():
    assert planned("notebooks/01_dip_and_recovery.ipynb") == planned("01_dip_and_recovery")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_preset_fits_the_card_it_is_for(notebook, preset):
    found = planned(notebook, preset)
    assert found.fits and found.found == (preset == "cpu")
    assert found.preset_that_fits is None


def test_a_plan_holds_the_runs_that_it_is_about():
    found = planned(DATA, seeds=2)
    assert found.groups == groups(DATA, "24gb", seeds=2)
    assert [run.spec for run in found.runs] == [spec for specs in found.groups.values() for spec in specs]


def test_totals_are_sums_and_the_peak_is_the_largest():
    found = planned(SIZES)
    assert len(found.runs) == 3
    assert found.training.likely == pytest.approx(sum(run.training.likely for run in found.runs))
    assert found.measuring.high == pytest.approx(sum(run.measuring.high for run in found.runs))
    assert found.peak.total == max(run.peak.total for run in found.runs) == found.runs[-1].peak.total


def test_the_untrained_base_is_measured_once_for_all_data_sets_and_anew_for_every_seed():
    first, *_, last = planned(DATA).runs
    assert first.tokens.total == last.tokens.total  # both long, and the rest of their measurements alike
    assert first.measuring.likely > last.measuring.likely
    one, other = planned(DIP, seeds=2).runs
    assert one.measuring == other.measuring


def test_a_measured_speed_replaces_the_assumed_one_and_is_less_for_a_larger_model():
    weak, _, strong = planned(SIZES, tokens_per_second=2000.0, lengths_of=lambda spec: Lengths([1000] * 2560)).runs
    assert weak.training.low == weak.training.high == pytest.approx(2560 * 1000 * 2 / 2000 / 3600)
    assert strong.training.likely > 3 * weak.training.likely


def test_short_data_are_quicker_to_train_on_and_to_measure():
    by_data = {run.spec.dataset: run for run in planned(DATA, vllm=True).runs}
    long, short = by_data["Countdown-CoT-20k"], by_data["Math-NoCoT-20k"]
    assert long.training.likely > 2 * short.training.likely
    assert long.measuring.likely > 2 * short.measuring.likely


def test_no_more_items_are_asked_than_there_are():
    spec = planned().runs[0].spec
    assert costs.items_at(spec, "MATH500", 0) == 500 == costs.items_at(spec, "MATH500", spec.total_steps)
    assert costs.items_at(spec, "MATH500", 10) == 125
    assert costs.items_at(spec, "AIME24", 0) == costs.items_at(spec, "AIME24", 10) == 30


def test_disk_holds_an_adapter_for_every_measured_step():
    (run,) = planned(preset="t4-16gb").runs
    numbers = 34_865_152  # LoRA of rank 32 on Qwen3-1.7B
    assert run.disk == pytest.approx(numbers * (4 * 5 + 2) / 1e9)


def test_each_model_and_each_data_set_that_is_not_here_is_fetched_once(tmp_path):
    found = planned(SIZES, seeds=2)
    assert [item.what for item in found.downloads] == ["Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Math-CoT-20k"]
    assert [item.size and round(item.size, 1) for item in found.downloads] == [3.4, 8.0, 16.4, None]
    here = planned(SIZES, lengths_of=lambda spec: Lengths([1000] * 2560), base_model=str(local_model(tmp_path)))
    assert here.downloads == ()


def test_a_local_model_is_planned_from_its_config(tmp_path):
    own, known = (planned(base_model=model).runs[0] for model in (str(local_model(tmp_path)), "Qwen3-4B"))
    assert (own.peak, own.training, own.measuring) == (known.peak, known.training, known.measuring)


def local_model(folder):
    config = {
        "num_hidden_layers": 36, "hidden_size": 2560, "intermediate_size": 9728, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"preset": "16gb"}, "preset is '16gb'; allowed: cpu, t4-16gb, 24gb, 40gb, 80gb"),
        ({"notebook": "06_else"}, "notebook is '06_else'"),
        ({"base_model": "Qwen3-5B"}, "base_model is 'Qwen3-5B', whose size is not known here"),
        ({"dataset": "Math"}, "dataset is 'Math'"),
        ({"lengths_of": lambda spec: Lengths([10_000] * 5000)}, "has 0 rows of at most 8192 tokens"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_sentence(asked, message):
    with pytest.raises(PlanError, match=message) as refusal:
        planned(**asked)
    assert "\n" not in str(refusal.value)


def test_without_a_gpu_the_plan_is_shown_and_the_run_refused():
    found = planned(preset="t4-16gb")
    assert "no GPU was found here" in describe(found)
    with pytest.raises(PlanError, match="needs an NVIDIA GPU and none was found here; profile micro trains on any"):
        check(found)


def test_a_card_that_was_found_and_is_large_enough_is_let_through():
    check(planned(preset="24gb", card=CARDS["RTX 4090"]))


def test_too_little_memory_is_refused_with_the_preset_that_would_fit():
    found = planned(preset="80gb", card=CARDS["L4"])
    assert not found.fits
    with pytest.raises(PlanError, match=r"preset 80gb needs about \d+.\d GB .* L4 has 23.6 GB; preset 40gb would fit"):
        check(found)
    assert "Verdict: does not fit. The plan of preset 80gb needs about" in " ".join(describe(found).split())
    with pytest.raises(PlanError, match="no preset would fit"):
        check(planned(preset="t4-16gb", card=Card("small", 2.0, (1, 2, 3), 0.1)))


def test_no_room_for_an_answer_is_told_apart_from_no_room_to_train():
    found = planned()
    cramped = replace(found, runs=(replace(found.runs[0], answer_fits=False),))
    assert not cramped.fits
    assert "leaves the L4 (23.6 GB) no room to write one answer of full length" in planner.shortage(cramped)
    assert not costs.answer_fits(replace(found.runs[0].spec, max_new_tokens=200_000), CARDS["L4"], vllm=False)


@pytest.mark.parametrize("notebook, preset", [(DIP, "t4-16gb"), (DATA, "40gb"), (SIZES, "24gb"), (SAFETY, "80gb")])
def test_the_text_fits_100_columns_and_has_a_line_for_every_run(notebook, preset):
    found = planned(notebook, preset, seeds=2, base_model="Qwen3-1.7B" if notebook == SIZES else "")
    lines = describe(found).splitlines()
    assert max(map(len, lines)) <= 100
    rows = [line for line in lines if ", seed " in line and line[:1] != " "]
    assert len(rows) == len(found.runs)
    assert f"all {len(found.runs)} runs" in describe(found)


def test_a_long_name_does_not_break_the_table():
    text = describe(planned(base_model="Qwen3-1.7B Qwen3-4B", dataset="Countdown-CoT-20k Math-NoCoT-20k", seeds=2))
    assert max(map(len, text.splitlines())) <= 100


def test_the_text_says_where_every_number_comes_from():
    assumed = in_one_line(planned())
    for said in (
        "rows, steps exact: the preset",
        "Math-CoT-20k assumed: 4,862 tokens a row",
        "peak GB computed, for Qwen3-4B:",
        "training h computed from the tokens and an assumed speed, as read off the logs of others",
        "measuring h computed, and true to a factor of two at best",
        "Step 0 is the untrained model, measured in the very weights that are trained, quantised to 4 bit",
        "this project's own decoding writes them",
        "disk GB computed",
        "Qwen3-4B 8.0 GB, computed",
        "Math-CoT-20k size not known here",
        "Verdict: fits.",
    ):
        assert said in assumed
    known = in_one_line(
        planned(lengths_of=lambda spec: Lengths([1000] * 2560), tokens_per_second=1500.0, card=CARDS["H100"], vllm=True)
    )
    assert "Math-CoT-20k exact: counted in the 2,560 rows of the run" in known
    assert "training h measured: 1,500 tokens a second" in known
    assert "vLLM writes them" in known
    assert "assumed speed" not in known
    guessed = in_one_line(planned(card=CARDS["H100"]))
    assert "a guess for this card" in guessed


def test_the_peak_is_shown_with_its_terms():
    found = planned(preset="40gb")
    peak, text = found.peak, in_one_line(found)
    for term, what in (
        (peak.weights, "weights in 4 bit"),
        (peak.trained, "LoRA"),
        (peak.activations, "intermediate results of one row of 17,408 tokens"),
        (peak.loss, "the loss"),
        (peak.other, "assumed for CUDA and gaps"),
    ):
        assert f"{term:.1f} {what}" in text
    assert f"about {peak.total:.1f} of 42.4 GB" in text


def test_hours_are_unknown_on_a_card_whose_speed_is_on_no_record():
    unknown = Card("NVIDIA L40S", 48.0)
    found = planned(card=unknown)
    assert (found.training, found.measuring) == (None, None)
    text = in_one_line(found)
    assert text.count("not known: the speed of this card (NVIDIA L40S) is on no record") == 2
    assert "How long it takes is not known before a trial" in text
    assert planned(card=unknown, tokens_per_second=1000.0).training is not None


def test_a_tight_fit_is_said():
    assert "That is tight" not in describe(planned())
    tight = planned(card=Card("small", 6.5, (1, 2, 3), 0.1))
    assert tight.fits and "That is tight" in in_one_line(tight)


def in_one_line(found):
    return " ".join(describe(found).split())


def test_a_probe_times_the_first_run_on_rows_of_its_mean_length(monkeypatch):
    asked = []
    monkeypatch.setattr(lengths, "local", lambda spec: Lengths([1000] * 2560))
    monkeypatch.setattr(probe, "probe", lambda *how: asked.append(how) or probe.Probe("unsloth", 1234.5, 10.0))
    found = speed(SIZES, "24gb", card=CARDS["L4"], backend="unsloth", base_model="Qwen3-4B Qwen3-8B")
    assert found == 1234.5
    assert [(spec.base_model, backend, tokens) for spec, backend, tokens in asked] == [("Qwen3-4B", "unsloth", 1000)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [({}, "--probe .* needs an NVIDIA card; none was found here"), ({"preset": "16gb"}, "preset is '16gb'; allowed")],
)
def test_a_probe_that_cannot_be_made_is_refused_before_it_starts(asked, message):
    card = CARDS["L4"] if "preset" in asked else None
    with pytest.raises(PlanError, match=message):
        speed(**{"notebook": DIP, "preset": "24gb", "backend": "unsloth", "card": card, **asked})
