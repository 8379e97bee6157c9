"""Flawed traces of all kinds, and those whose thoughts have no sense: corrupted and empty ones."""

from collections import Counter
from random import Random

import pytest
from flawed_traces import every_family, lines
from problems import draws

from rsft_utils.micro.behaviours import replay
from rsft_utils.micro.flawed import FILLER, corrupted_trace, empty_trace, skipping_solution, wrong_answer, wrong_trace
from rsft_utils.micro.symbols import END_THINK, NUMBERS, SYMBOL_ID, THINK
from rsft_utils.micro.traces import careful_trace

WRITERS = {
    "wrong": wrong_trace,
    "wrong answer": wrong_answer,
    "corrupted": corrupted_trace,
    "empty": empty_trace,
    "skipping": skipping_solution,
}

every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


# All of them


@every_writer
@every_family
def test_everything_is_written_in_symbols_of_the_world_and_answers_once(family, write):
    for seed, item in enumerate(draws(family)):
        text = write(item, Random(seed))
        assert set(text.split()) <= SYMBOL_ID.keys() and "  " not in text
        assert text.split()[-2] == "answer" and text.split().count("answer") == 1


@every_writer
@every_family
def test_the_same_generator_writes_the_same(family, write):
    for item in draws(family, range(20)):
        assert write(item, Random(1)) == write(item, Random(1))


# Corrupted and empty thoughts


@every_family
def test_a_corrupted_trace_is_the_careful_one_but_for_the_numbers_of_its_thought(family):
    for seed, item in enumerate(draws(family)):
        careful, corrupted = (write(item, Random(seed)).split() for write in (careful_trace, corrupted_trace))
        end = careful.index(END_THINK)
        assert corrupted[end:] == careful[end:]
        for said, other in zip(careful[:end], corrupted[:end], strict=True):
            assert (other in NUMBERS) if said in NUMBERS else (other == said)


@every_family
def test_the_numbers_of_a_corrupted_thought_are_drawn_from_all_alike(family):
    numbers, kept = Counter(), 0
    for seed, item in enumerate(draws(family, range(600))):
        careful, corrupted = (write(item, Random(seed)).split() for write in (careful_trace, corrupted_trace))
        pairs = [(a, b) for a, b in zip(careful[: careful.index(END_THINK)], corrupted, strict=False) if b in NUMBERS]
        numbers.update(b for _, b in pairs)
        kept += sum(a == b for a, b in pairs)
    assert kept / numbers.total() == pytest.approx(1 / len(NUMBERS), abs=0.01)
    assert [numbers[n] * len(NUMBERS) / numbers.total() for n in NUMBERS] == pytest.approx([1] * len(NUMBERS), abs=0.3)


@every_family
def test_hardly_a_step_of_a_corrupted_thought_is_right(family):
    counts = [
        replay(item, " ; ".join(lines(corrupted_trace(item, Random(seed))))) for seed, item in enumerate(draws(family))
    ]
    assert sum(found.right_steps for found in counts) / sum(found.steps for found in counts) < 0.05


@every_family
def test_an_empty_trace_is_as_long_as_the_careful_one_and_says_nothing_but_its_summary_and_answer(family):
    for seed, item in enumerate(draws(family)):
        careful, empty = (write(item, Random(seed)).split() for write in (careful_trace, empty_trace))
        end = careful.index(END_THINK)
        assert empty[0] == THINK and empty[end:] == careful[end:]
        assert empty[1:end] == [FILLER] * (end - 1)
