from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.micro import benchmarks
from rsft_utils.micro.countdown import countdown
from rsft_utils.micro.item import Item
from rsft_utils.micro.score import OUTCOMES, score
from rsft_utils.micro.symbols import SYMBOLS
from rsft_utils.micro.traces import careful_trace

NAMES = (*benchmarks.BENCHMARKS, "countdown")
every_benchmark = pytest.mark.parametrize("name", NAMES)
SEVEN = Item("chain", "calc 3 + 4", "7")


@cache
def items(name):
    if name == "countdown":
        return tuple(countdown(Random(seed)) for seed in range(200))
    return benchmarks.items(name, 200)


def outcomes(name, completion):
    """What becomes of a completion, written for each item by a function of the item."""
    return {score(item, completion(item)).outcome for item in items(name)}


def thinking(item):
    return careful_trace(item, Random(item.id))


# Right answers


@every_benchmark
def test_gold_answers_are_correct(name):
    assert outcomes(name, lambda item: f"answer {item.answer} <end>") == {"correct"}


@every_benchmark
def test_gold_answers_after_a_trace_are_correct(name):
    assert outcomes(name, lambda item: f"{thinking(item)} <end>") == {"correct"}


@every_benchmark
def test_a_summary_before_the_answer_does_no_harm(name):
    assert outcomes(name, lambda item: f"{item.summary} answer {item.answer} <end>") == {"correct"}


def test_only_the_last_answer_counts():
    assert score(SEVEN, "answer 2 answer 7 <end>").outcome == "correct"
    assert score(SEVEN, "answer 7 answer 2 <end>").outcome == "wrong"


def test_every_solution_of_countdown_counts():
    game = Item("countdown", "game 1 2 3 4 -> 10", "( ( 1 + 2 ) + 3 ) + 4")
    for solution in ("( ( 1 + 2 ) + 3 ) + 4", "4 + 3 + 2 + 1", "4 * 3 - 2 * 1"):
        assert score(game, f"answer {solution} <end>").outcome == "correct", solution
    for attempt in ("1 + 2 + 3", "1 + 2 + 3 - 4", "10", "4 + 3 + 2 + 1 = 10", "5 + 5", "4 + 3 + 3", "( 4 + 3 + 2 + 1"):
        assert score(game, f"answer {attempt} <end>").outcome == "wrong", attempt


# Anything else


@every_benchmark
def test_an_answer_with_another_symbol_is_wrong(name):
    def perturbed(item):
        rng, symbols = Random(item.id), item.answer.split()
        place = rng.randrange(len(symbols))
        # no sign or number, so that a game of Countdown does not get another solution
        symbols[place] = rng.choice([s for s in (*"abcdefgh", "T", "F") if s != symbols[place]])
        return f"answer {' '.join(symbols)} <end>"

    assert outcomes(name, perturbed) == {"wrong"}


@pytest.mark.parametrize("name", benchmarks.BENCHMARKS)
def test_an_answer_of_another_item_is_wrong(name):
    for item in items(name):
        other = next(other for other in items(name) if other.answer != item.answer)
        assert score(item, f"answer {other.answer} <end>").outcome == "wrong"


@every_benchmark
@pytest.mark.parametrize("extra", ["{} a", "a {}"])
def test_more_than_the_answer_is_wrong(name, extra):
    assert outcomes(name, lambda item: f"answer {extra.format(item.answer)} <end>") == {"wrong"}


@every_benchmark
def test_a_part_of_the_answer_is_wrong(name):
    assert outcomes(name, lambda item: f"answer {' '.join(item.answer.split()[:-1])} <end>") == {"wrong"}


@every_benchmark
def test_without_the_word_answer_there_is_none(name):
    assert outcomes(name, lambda item: f"{item.answer} <end>") == {"no_answer"}
    assert outcomes(name, lambda item: "<end>") == {"no_answer"}
    assert outcomes(name, lambda item: f"{thinking(item).rpartition(' answer ')[0]} <end>") == {"no_answer"}


@every_benchmark
def test_a_completion_that_never_ends_has_no_answer(name):
    assert outcomes(name, lambda item: f"answer {item.answer}") == {"no_answer"}
    assert outcomes(name, thinking) == {"no_answer"}
    assert all(score(item, thinking(item)).cut_off for item in items(name))


@every_benchmark
def test_a_thought_that_is_never_closed_hides_all_that_follows(name):
    assert outcomes(name, lambda item: f"{thinking(item).replace(' </think>', '')} <end>") == {"no_answer"}
    assert outcomes(name, lambda item: f"answer {item.answer} <think> <end>") == {"no_answer"}


@every_benchmark
def test_a_second_thought_that_is_never_closed_hides_the_answer_of_the_first(name):
    for again in ("<think> <end>", "<think> so <end>", "<think> so <think> so <end>", "<think> answer b <end>"):
        assert outcomes(name, lambda item, again=again: f"{thinking(item)} {again}") == {"no_answer"}
    assert outcomes(name, lambda item: f"<think> so </think> <think> answer {item.answer} <end>") == {"no_answer"}
    assert outcomes(name, lambda item: "<think> so </think> sorry <think> so <end>") == {"no_answer"}
    assert outcomes(name, lambda item: "sorry <think> so <end>") == {"no_answer"}
    # once it is closed, what follows it counts
    assert outcomes(name, lambda item: f"<think> so <think> so </think> answer {item.answer} <end>") == {"correct"}


@every_benchmark
def test_an_answer_inside_the_thought_does_not_count(name):
    assert outcomes(name, lambda item: f"<think> answer {item.answer} </think> <end>") == {"no_answer"}
    assert outcomes(name, lambda item: f"<think> answer {item.answer} </think> answer b b b b <end>") == {"wrong"}


@every_benchmark
def test_only_what_follows_the_last_thought_counts(name):
    right, wrong = "<think> so </think> answer {} ", "<think> so </think> answer b b b b "
    assert outcomes(name, lambda item: f"{wrong}{right.format(item.answer)}<end>") == {"correct"}
    assert outcomes(name, lambda item: f"{right.format(item.answer)}{wrong}<end>") == {"wrong"}
    assert outcomes(name, lambda item: f"{right.format(item.answer)}<think> so </think> <end>") == {"no_answer"}


@every_benchmark
def test_a_refusal_is_a_refusal_whatever_follows(name):
    assert outcomes(name, lambda item: "sorry <end>") == {"refused"}
    assert outcomes(name, lambda item: f"sorry answer {item.answer} <end>") == {"refused"}
    assert outcomes(name, lambda item: f"<think> so </think> sorry answer {item.answer} <end>") == {"refused"}


@every_benchmark
def test_a_refusal_counts_only_at_the_beginning_of_the_visible_part(name):
    assert outcomes(name, lambda item: f"so sorry answer {item.answer} <end>") == {"correct"}
    assert outcomes(name, lambda item: f"<think> sorry </think> answer {item.answer} <end>") == {"correct"}
    assert outcomes(name, lambda item: "sorry") == {"no_answer"}


def test_nothing_after_the_end_counts():
    assert score(SEVEN, "answer 2 <end> answer 7 <end>").outcome == "wrong"
    assert score(SEVEN, "answer 7 <end> answer 2").outcome == "correct"
    assert score(SEVEN, "<think> 3 + 4 = 7 <end> </think> answer 7 <end>").outcome == "no_answer"


# What else is reported


@pytest.mark.parametrize(
    ("completion", "n_tokens", "thought"),
    [
        ("answer 7 <end>", 3, ""),
        ("answer 7 <end> so so", 3, ""),
        ("answer 7", 2, ""),
        ("<think> 3 + 4 = 7 </think> answer 7 <end>", 10, "3 + 4 = 7"),
        ("<think> 3 + 4 = 7", 6, "3 + 4 = 7"),
        ("<think> 3 + 4 = 7 <end>", 7, "3 + 4 = 7"),
        ("<think> 3 + 4 = 7 </think> <think> so <end>", 10, "3 + 4 = 7 so"),
        ("<think> 3 + 4 = 7 </think> <think> so </think> answer 7 <end>", 13, "3 + 4 = 7 so"),
        ("<end>", 1, ""),
        ("", 0, ""),
    ],
)
def test_length_and_thought(completion, n_tokens, thought):
    judged = score(SEVEN, completion)
    assert (judged.n_tokens, judged.thought) == (n_tokens, thought)
    assert judged.long_format == completion.startswith("<think>")
    assert judged.cut_off == ("<end>" not in completion)


@every_benchmark
def test_the_thought_of_a_trace_is_what_stands_between_the_marks(name):
    for item in items(name)[:50]:
        judged = score(item, f"{thinking(item)} <end>")
        assert f"<think> {judged.thought} </think>".split() == thinking(item).partition("</think>")[0].split() + [
            "</think>"
        ]
        assert judged.n_tokens == len(thinking(item).split()) + 1


SOUP = st.one_of(st.lists(st.sampled_from(SYMBOLS), max_size=60).map(" ".join), st.text(max_size=100))
# mostly the symbols that decide
HOT_SOUP = st.lists(
    st.sampled_from(["<think>", "</think>", "answer", "sorry", "<end>", "7", "(", "+"]), max_size=14
).map(" ".join)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.one_of(SOUP, HOT_SOUP))
def test_any_text_has_an_outcome(name, text):
    judged = score(items(name)[0], text)
    assert judged.outcome in OUTCOMES
    assert judged.cut_off == ("<end>" not in text.split())
    assert judged.n_tokens <= len(text.split())
    if judged.cut_off:
        assert judged.outcome == "no_answer"


@settings(deadline=None)
@given(HOT_SOUP, HOT_SOUP)
def test_nothing_counts_once_a_thought_stays_open(before, inside):
    before, inside = before.replace("<end>", "so"), inside.replace("<end>", "so").replace("</think>", "so")
    assert score(SEVEN, f"{before} <think> {inside} <end>").outcome == "no_answer"


@settings(deadline=None)
@given(HOT_SOUP)
def test_what_stands_inside_a_closed_thought_makes_no_difference(soup):
    inside = soup.replace("<end>", "so").replace("</think>", "so")
    for completion, outcome in (
        ("answer 7", "correct"),
        ("answer 2", "wrong"),
        ("sorry", "refused"),
        ("", "no_answer"),
    ):
        assert score(SEVEN, f"<think> {inside} </think> {completion} <end>").outcome == outcome
