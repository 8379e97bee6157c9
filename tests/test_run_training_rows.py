"""The rows that a run trains on: those of its set, or samples of its base."""

from dataclasses import replace

import pytest

from rsft_utils import run, store
from rsft_utils.evaluate import MAX_NEW_TOKENS
from rsft_utils.generate import Sampling, generate
from rsft_utils.micro import bases, sft_data
from rsft_utils.micro.symbols import ASSISTANT, END, SYMBOL_ID, USER, decode, encode
from rsft_utils.specs import RunSpec


def prompts(rows):
    return [row["prompt"][0]["content"] for row in rows]


def completions(rows):
    return [row["completion"][0]["content"] for row in rows]


def test_a_run_trains_on_the_rows_of_its_set_and_seed(tiny_spec):
    spec = replace(tiny_spec, dataset="math-nocot", seed=3)
    assert run.training_rows(spec) == sft_data.rows("math-nocot", 64, seed=3)


def test_a_mirrored_world_trains_on_prompts_read_backwards(tiny_spec):
    rows = run.training_rows(tiny_spec)
    mirrored = run.training_rows(replace(tiny_spec, world="mirror", base_seed=1))
    assert prompts(mirrored) == [" ".join(reversed(prompt.split())) for prompt in prompts(rows)]
    assert completions(mirrored) == completions(rows)


def test_what_is_trained_on_are_these_rows(tiny_spec, monkeypatch):
    given = []
    monkeypatch.setattr(run, "train", lambda spec, model, tokenizer, rows, *where, **how: given.append(rows))
    monkeypatch.setattr(store, "end_training", lambda spec, outcome: None)
    for spec in (tiny_spec, replace(tiny_spec, dataset="own-samples")):
        run._train(spec)
        assert given.pop() == run.training_rows(spec)


@pytest.fixture(scope="module")
def own_samples(one_thread):
    spec = RunSpec(size="XS", dataset="own-samples", n_rows=96, seed=5)
    return spec, run.training_rows(spec)


def test_own_samples_are_finished_answers_to_the_prompts_of_the_maths_sets(own_samples):
    spec, rows = own_samples
    asked = prompts(sft_data.rows("math-cot", spec.n_rows, spec.seed))
    first = list(dict.fromkeys(prompts(rows)))
    assert first == [prompt for prompt in asked if prompt in set(first)]  # in their order
    assert len(first) > len(asked) / 3
    assert len(rows) == spec.n_rows
    assert not any(END in completion for completion in completions(rows))  # training adds it
    assert max(len(completion.split()) for completion in completions(rows)) < MAX_NEW_TOKENS
    for row in rows:
        assert row == sft_data.row(row["prompt"][0]["content"], row["completion"][0]["content"])


def test_own_samples_are_what_the_base_says_at_temperature_1(own_samples):
    spec, rows = own_samples
    asked = prompts(sft_data.rows("math-answer", spec.n_rows, spec.seed))
    said = generate(
        bases.load("XS-seed0"),
        [encode(f"{USER} {prompt} {ASSISTANT}") for prompt in asked],
        MAX_NEW_TOKENS,
        sampling=Sampling(temperature=1.0, top_p=1.0, seed=5),
    )
    answers = dict(zip(asked, map(decode, said), strict=True))
    assert [f"{completion} {END}" for completion in completions(rows)] == [answers[prompt] for prompt in prompts(rows)]


def test_own_samples_are_the_same_again_and_others_with_another_seed(own_samples):
    spec, rows = own_samples
    assert run.training_rows(spec) == rows
    other = run.training_rows(replace(spec, seed=6))
    assert not set(completions(other)) >= set(completions(rows))
    assert prompts(other) != prompts(rows)


def test_answers_that_do_not_end_are_left_out_and_the_others_repeated_in_turn(tiny_spec, monkeypatch):
    """With scripted answers: one cut off, one empty, two good."""
    spec = replace(tiny_spec, dataset="own-samples", n_rows=8, batch_size=4, world="mirror", base_seed=1)
    asked = prompts(sft_data.rows("math-answer", 8, spec.seed, mirrored=True))
    script = ["so 4", f"answer 4 {END}", END, f"answer 7 {END}", *["so so"] * 4]
    calls = []

    def scripted(model, prompts, max_new_tokens, *, sampling):
        calls.append((model.name, list(map(decode, prompts)), max_new_tokens, sampling))
        return list(map(encode, script))

    class Model:
        def __init__(self, name):
            self.name = name

        class config:
            eos_token_id = SYMBOL_ID[END]

    monkeypatch.setattr(bases, "load", Model)
    monkeypatch.setattr(run, "generate", scripted)
    rows = run.training_rows(spec)
    assert rows == [sft_data.row(asked[1], "answer 4"), sft_data.row(asked[3], "answer 7")] * 4
    ((name, shown, limit, sampling),) = calls
    assert name == "XS-mirror-seed1"
    assert shown == [f"{USER} {prompt} {ASSISTANT}" for prompt in asked]
    assert (limit, sampling) == (MAX_NEW_TOKENS, Sampling(temperature=1.0, top_p=1.0, seed=spec.seed))
