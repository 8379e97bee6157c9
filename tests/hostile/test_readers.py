"""Whatever a model writes: no reader of ours raises, does anything but read, or takes longer than its length asks.

A quick run reads some thousand texts, `-m slow` a million with every reader; docs/hostile_input.md says what was
measured. Hypothesis makes no more than some hundred texts a second, so it mostly draws a number from which a hundred
texts are made (helpers/hostile_texts.py): what fails is named by its own number, and `text(number)` is the text. Where
Hypothesis draws the pieces themselves it also finds the shortest text that fails.
"""

import json
import os
import subprocess
import sys
import time

import hostile_texts as texts
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rsft_utils import paths
from rsft_utils.real import benchmarks, countdown
from rsft_utils.real.benchmarks import Item
from rsft_utils.real.scoring import instructions, maths

FILE = paths.ROOT / "tests" / "helpers" / "hostile_texts.py"
TEXTS = 100  # made from one number that Hypothesis draws
SECONDS_PER_MILLION = 10  # characters; measured: 4, and 0.1 for most texts
every_reader = pytest.mark.parametrize("name", texts.READERS)


def read_all(text, about):
    for name, read in texts.READERS.items():
        try:
            read(text)
        except Exception as error:
            error.add_note(f"{name} fails on {about}: {text[:300]!r}")
            raise


# Nothing raises


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**48))
def test_no_text_like_a_models_makes_a_reader_raise(number):
    for each in range(number, number + TEXTS):
        read_all(texts.text(each), f"text({each})")


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(texts.FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join))
@example("")
def test_no_pieces_put_together_make_a_reader_raise(text):
    read_all(text, "pieces")


def test_a_text_is_the_same_whenever_it_is_made_from_the_same_number():
    assert [texts.text(number) for number in range(50)] == [texts.text(number) for number in range(50)]
    assert len({texts.text(number) for number in range(1000)}) > 900


def test_the_texts_are_of_all_kinds():
    """Else nothing above would mean much."""
    made = [texts.text(number) for number in range(3000)]
    assert {countdown.score(texts.PROBLEMS[0], text) for text in made} == {"correct", "wrong", "no_answer"}
    assert {texts.score.score(item, text).outcome for text in made for item in texts.ITEMS[:3]} == {*texts.OUTCOMES}
    replayed = [texts.game.replay(texts.PROBLEMS[0], text) for text in made]
    assert sum(found.right_steps < found.steps for found in replayed) > 30
    assert sum(found.valid_backtracks > 0 for found in replayed) > 30
    assert sum("\x1b" in text for text in made) > 30
    assert max(map(len, made)) > texts.LONGEST


@pytest.mark.slow
def test_a_million_texts_make_no_reader_raise(capsys):
    """In one process; prints what it took."""
    n, slowest, characters = 1_000_000, (0.0, ""), 0
    took = dict.fromkeys(texts.READERS, 0.0)
    begin = time.process_time()
    for number in range(n):
        text = texts.text(number)
        characters += len(text)
        before = time.process_time()
        for name, read in texts.READERS.items():
            try:
                read(text)
            except Exception as error:
                error.add_note(f"{name} fails on text({number}): {text[:300]!r}")
                raise
            after = time.process_time()
            took[name] += after - before
            slowest = max(slowest, (after - before, f"{name} on text({number}), {len(text):,} characters"))
            before = after
    total = time.process_time() - begin
    with capsys.disabled():
        print(f"\n{n:,} texts, {characters:,} characters, {len(took)} readers: {total:.0f} CPU seconds")
        print(f"slowest: {slowest[0] * 1000:.1f} ms, {slowest[1]}")
        for name, seconds_of_it in took.items():
            print(f"  {name:28}{seconds_of_it:7.1f} s")
    assert slowest[0] < 2


# Nothing is done but reading


def audited(count, culprit=""):
    """What Python's auditing reports in a process of its own, since a hook stays until its process ends."""
    command = [sys.executable, str(FILE), "0", str(count), *filter(None, [culprit])]
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout)


def test_readers_execute_import_open_and_start_nothing():
    """Not one event of any kind: no exec, compile, import, open, subprocess, socket, ctypes, marshal or pickle."""
    assert audited(2000) == {}


@pytest.mark.parametrize("culprit", texts.FOUND_OUT)
def test_a_reader_that_does_more_is_found_out(culprit):
    assert texts.FOUND_OUT[culprit][1] in audited(3, culprit)[culprit]


# Time

PUMPED = (
    "1+1=2 { ", "3 + 2 = 6 check no wait 3 + 2 = 5 ; ", " ; ", "try 1 no ; try 6 no ; ", "(", "\\boxed{", "\\frac{",
    "1" + 40 * "*1" + "=1 ", "<think>", "answer is ", "```\n", "\\boxed ", "wait ", "backtrack", "\x1b", "9", "{", " ",
)  # fmt: skip
QUICK = PUMPED[:8]


def seconds(read, text, tries):
    found = []
    for _ in range(tries):
        before = time.process_time()
        read(text)
        found.append(time.process_time() - before)
    return min(found)


def grows_too_fast(read, beginning, piece, end, length=10_000):
    """Whether four times the text takes more than eight times as long: linear is four, quadratic sixteen."""
    short, long = (beginning + piece * (n // len(piece)) + end for n in (length, 4 * length))
    # once more where another process may have been in the way
    return all(seconds(read, long, tries) > 8 * seconds(read, short, tries) + 0.01 for tries in (1, 3, 9))


@every_reader
def test_four_times_the_text_takes_about_four_times_as_long(name):
    for piece in QUICK:
        assert not grows_too_fast(texts.READERS[name], "", piece, ""), piece


@pytest.mark.parametrize(
    "quadratic",
    [
        lambda text: sum(text[:at].count("wait") for at in range(0, len(text), 5)),
        lambda text: __import__("re").findall(r"wait.*!", text),
    ],
    ids=["loop", "regex"],
)
def test_growth_that_is_quadratic_is_found_out(quadratic):
    assert grows_too_fast(quadratic, "", "wait ", "", length=8000)


@pytest.mark.slow
@every_reader
def test_no_pieces_pumped_up_take_quadratic_time(name):
    rng = texts.Random(name)
    pieces = [*texts.FRAGMENTS, *PUMPED]
    for piece in pieces:
        for pumped in (piece, f"{piece} "):
            assert not grows_too_fast(texts.READERS[name], "", pumped, ""), pumped
    for _ in range(100):
        three = rng.choice(pieces), "".join(rng.choices(pieces, k=rng.randint(1, 3))), rng.choice(pieces)
        assert not grows_too_fast(texts.READERS[name], *three), three


MILLION = 10**6


def million(piece):
    return (piece * (MILLION // len(piece) + 1))[:MILLION]


def test_a_completion_of_a_million_characters_is_read_within_seconds():
    for name, read in texts.READERS.items():
        assert seconds(read, million("wait ("), 1) < SECONDS_PER_MILLION, name


@pytest.mark.slow
@pytest.mark.parametrize("piece", PUMPED)
def test_no_completion_of_a_million_characters_takes_long(piece, capsys):
    took = {name: seconds(read, million(piece), 1) for name, read in texts.READERS.items()}
    slowest = max(took, key=took.get)
    with capsys.disabled():
        print(f"\n{piece!r:24} {slowest}: {took[slowest]:.2f} s")
    assert took[slowest] < SECONDS_PER_MILLION


@every_reader
def test_a_hundred_thousand_parentheses_are_no_depth_to_fall_into(name):
    for opening, closing in ("()", ("\\boxed{", "}"), ("\\frac{", "}{1}")):
        inside = opening * 100_000 + "1" + closing * 100_000
        for text in (inside, f"<think></think>\\boxed{{{inside}}}"):
            assert seconds(texts.READERS[name], text, 1) < 2 * SECONDS_PER_MILLION


# Packages of others read in a process of their own (real/scoring/limited.py)

CODE = "__import__('pathlib').Path({file!r}).write_text('executed')"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["{}", "\\boxed{{{}}}", "$${}$$", "\\text{{{}}}", "The answer is {}.", "</think>{}"])
def test_code_in_an_answer_in_mathematics_is_not_run(form, tmp_path):
    file = tmp_path / "proof"
    item = Item("MATH500", "1", "", {"answer": "3"})
    for code in (CODE, f"sympy.{CODE}", f"[{CODE}]", f"lambda: {CODE}"):
        found = benchmarks.score(item, form.format(code.format(file=str(file))), True)
        assert found.outcome in ("wrong", "no_answer")
    assert not file.exists()


@pytest.mark.slow
def test_the_processes_of_others_answer_for_any_text_within_their_limits():
    rules = {"key": 0, "prompt": "", "instruction_id_list": ["punctuation:no_comma", "detectable_format:json_format"]}
    rules["kwargs"] = [{}, {}]
    for number in range(150):
        text = texts.text(number)
        begin = time.monotonic()
        assert maths.judge({"answer": "98"}, text, True).outcome in texts.OUTCOMES
        assert instructions.judge(rules, text, True).outcome in texts.OUTCOMES
        assert time.monotonic() - begin < 2 * maths.SECONDS + 30, number  # and a new process where one was ended
