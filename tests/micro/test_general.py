from random import Random

import pytest

from rsft_utils.micro.general import FACTS, N_FACTS, fact, format_
from rsft_utils.micro.symbols import LETTERS


@pytest.mark.parametrize("length", range(1, 7))
def test_formats_do_what_the_instruction_says(length, gold):
    for seed in range(150):
        item = format_(Random(seed), length)
        assert item.family == "format"
        assert item.answer == gold(item.prompt), item.prompt


@pytest.mark.parametrize(
    ("instruction", "change"),
    [
        ("reverse", lambda letters: letters[::-1]),
        ("twice", lambda letters: letters[:1] * 2 + letters[1:2] * 2 + letters[2:] * 2),
        ("first", lambda letters: letters[:1] * 3),
    ],
)
def test_every_instruction_is_asked_for(instruction, change):
    found = [item for item in (format_(Random(seed), 3) for seed in range(100)) if item.prompt.startswith(instruction)]
    assert found
    for item in found:
        assert item.answer.split() == change(item.prompt.split()[1:])


def test_every_fact_is_two_letters_that_belong_to_two():
    assert len(FACTS) == N_FACTS
    for text in [*FACTS, *FACTS.values()]:
        assert len(text.split()) == 2 and set(text.split()) <= set(LETTERS)


def test_facts_are_asked_for_as_they_are_remembered():
    rng = Random(0)
    items = [fact(rng) for _ in range(20 * N_FACTS)]
    assert {(item.family, item.prompt, item.answer) for item in items} == {
        ("fact", f"fact {key}", answer) for key, answer in FACTS.items()
    }


def test_a_fact_cannot_be_read_off_its_key():
    # a model that repeats the key, either way round, would otherwise pass for one that remembers
    assert sum(sorted(key) == sorted(answer) for key, answer in FACTS.items()) / N_FACTS < 0.05


@pytest.mark.parametrize("draw", [fact, lambda rng: format_(rng, 4)], ids=["fact", "format"])
def test_there_is_no_trace_to_help(draw):
    item = draw(Random(0))
    assert (item.trace, item.summary) == ((), "")
