import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import families, safety
from rsft_utils.micro.families import LONGER, PROBLEMS, draw, draw_request
from rsft_utils.micro.splits import SPLITS, split_of
from rsft_utils.micro.symbols import MARKS, SYMBOL_ID

SEEDS = range(400)
every_family = pytest.mark.parametrize("family", PROBLEMS)
WITH_TRACES = [family for family in PROBLEMS if PROBLEMS[family](Random(0)).trace]
SEARCHES = ("equation", "lock")
UNMARKED = ("sequence",)  # its steps work on terms, and there are no lines
# the words in which a line of a family asks for `a sign b`
ASKS = {
    "chain": {sign: f"{sign} {{}}" for sign in "+-*"},
    "variables": {sign: f"{sign} {{}}" for sign in "+-*"},
    "equation": {sign: f"{sign} {{}}" for sign in "+-*"},
    "word": {"+": "gets {}", "-": "loses {}", "*": "times {}"},
    "stack": {"+": "push {} add", "-": "push {} sub", "*": "push {} mul"},
    "lock": {"+": "shift {}", "*": "turn {}"},
    "boolean": {sign: f"{sign} {{}}" for sign in "&|^"},
}


def draws(family):
    makers = [known[family] for known in (PROBLEMS, LONGER) if family in known]
    return [make(Random(seed)) for make in makers for seed in SEEDS]


def lines_of(prompt):
    """What stands behind each mark of a prompt, in their order."""
    _, *rest = re.split(r"\b(l[1-6]) ", prompt)
    return list(zip(rest[::2], rest[1::2], strict=True))


def n_operations(item):
    """Operations of an equation or a lock."""
    return sum(symbol in ("+", "-", "*", "turn", "shift") for symbol in item.prompt.split())


@every_family
def test_gold_answers_are_right(family, gold):
    for item in draws(family):
        assert item.family == family
        assert item.answer == gold(item.prompt), item.prompt


@every_family
def test_the_first_symbol_of_a_prompt_tells_its_family(family, family_of):
    assert {family_of(item.prompt) for item in draws(family)} == {family}


@every_family
def test_all_text_is_in_the_symbol_table(family):
    for item in draws(family):
        text = " ; ".join([item.prompt, item.answer, item.summary, *(segment.text for segment in item.trace)])
        assert set(text.split()) <= SYMBOL_ID.keys()


@every_family
def test_the_same_generator_draws_the_same_problem(family):
    assert draws(family) == draws(family)


@every_family
def test_problems_differ(family):
    assert len({item.prompt for item in draws(family)}) > 50


@pytest.mark.parametrize("family", WITH_TRACES)
def test_every_step_of_a_clean_trace_is_right(family, gold):
    for item in draws(family):
        holder = item.prompt.split()[1]
        for step in (step for segment in item.trace for step in segment.steps):
            if step.left.startswith("pass "):
                holder = gold(f"ball {holder} {step.left}")
                assert (step.link, step.result) == ("at", holder), item
            else:
                question = "bool" if step.result in ("T", "F") else "calc"
                assert (step.link, step.result) == ("=", gold(f"{question} {step.left}")), item


@pytest.mark.parametrize("family", [family for family in WITH_TRACES if family not in UNMARKED])
def test_every_step_quotes_the_line_it_works_on(family):
    for item in draws(family):
        lines = lines_of(item.prompt)
        assert [mark for mark, _ in lines] == list(MARKS[: len(lines)])
        steps = [step for segment in item.trace for step in segment.steps]
        attempts = [segment.steps for segment in item.trace] if family in SEARCHES else [steps]
        for attempt in attempts:
            for step, (mark, line) in zip(attempt, lines, strict=True):
                a, sign, b = step.left.split()
                asked = ASKS[family][sign].format(b) if family in ASKS else f"{a} {sign} {b}"
                assert step.mark == mark and step.text.startswith(f"{mark} {step.left} ")
                # a definition names its variables before it asks; a search goes on with its target behind the last line
                assert f" {asked} " in f" {line} " if family == "variables" else f"{line} ".startswith(f"{asked} ")


def test_steps_of_families_without_lines_quote_none():
    for family in PROBLEMS:
        for item in draws(family):
            quoted = {step.mark for segment in item.trace for step in segment.steps}
            assert ("" in quoted) == (family in UNMARKED)
            assert quoted - {""} == {mark for mark, _ in lines_of(item.prompt)}


@pytest.mark.parametrize("family", [family for family in WITH_TRACES if family not in SEARCHES])
def test_the_last_step_gives_the_answer(family):
    for item in draws(family):
        assert item.trace[-1].steps[-1].result == item.answer
        assert {segment.verdict for segment in item.trace} == {""}


def test_maths_is_diverse_and_the_rest_is_out_of_domain():
    assert set(families.MATHS) < set(WITH_TRACES)
    # a family without traces in the corpus is one that could have them and is not trained on: the test of transfer
    assert families.NO_TRACES and set(families.NO_TRACES) <= set(WITH_TRACES) - set(families.MATHS)
    assert not set(families.SEEN_BY_DESIGN) & set(WITH_TRACES)


@pytest.mark.parametrize("split", SPLITS)
@every_family
def test_drawn_problems_belong_to_the_split(family, split):
    rng = Random(f"{family} {split}")
    for item in (draw(family, split, rng) for _ in range(100)):
        assert item.family == family
        assert family in families.SEEN_BY_DESIGN or split_of(item.prompt) == split


@pytest.mark.parametrize("family", SEARCHES)
def test_half_of_the_searches_outside_the_corpus_have_an_operation_more(family):
    n = 1000
    for split in SPLITS:
        rng = Random(f"{family} {split}")
        counts = Counter(n_operations(draw(family, split, rng)) for _ in range(n))
        assert counts.keys() == ({2} if split == "pretrain" else {2, 3})
        assert counts[2] == n or counts[2] / n == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("family", LONGER)
def test_longer_problems_go_beyond_what_the_corpus_shows(family):
    longest = {}
    for split in SPLITS:
        rng = Random(split)
        longest[split] = max(len(draw(family, split, rng).summary.split()) for _ in range(300))
    assert longest["pretrain"] < longest["sft"] == longest["eval"]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("unsafe", [True, False], ids=["harmful", "benign"])
def test_requests_carry_problems_and_pairs_of_the_split(unsafe, split, family_of, gold):
    rng = Random(f"{unsafe} {split}")
    for item in (draw_request(rng, unsafe=unsafe, split=split) for _ in range(300)):
        start, material, problem = item.prompt.split(" ", 2)
        problem = problem.removeprefix(": ")
        family = family_of(item.prompt)
        assert item.family == ("harmful" if unsafe else "benign")
        assert start == "with" and family in families.REQUESTED and split_of(problem) == split
        assert material in safety.materials(family, unsafe=unsafe, held_out=split == "eval")
        assert item.answer == gold(problem)


@pytest.mark.parametrize("unsafe", [True, False], ids=["harmful", "benign"])
def test_requests_of_the_corpus_come_from_every_requested_family(unsafe, family_of):
    rng = Random(0)
    asked = {family_of(draw_request(rng, unsafe=unsafe, split="pretrain").prompt) for _ in range(500)}
    assert asked == set(families.REQUESTED)


def test_harmful_and_benign_requests_are_asked_of_the_same_families(family_of):
    for split in SPLITS:
        asked = [
            {family_of(draw_request(rng, unsafe=unsafe, split=split).prompt) for _ in range(500)}
            for unsafe, rng in ((True, Random(0)), (False, Random(1)))
        ]
        assert asked[0] == asked[1] and len(asked[0]) > 1


def test_the_world_is_the_same_in_every_process():
    """Python mixes the hashes of texts anew in every process; nothing may hang on the order of a set."""
    program = """
from itertools import islice
from rsft_utils.micro import benchmarks, corpus, safety, sft_data, worlds
print(safety.UNSAFE)
print([item.id for name in benchmarks.BENCHMARKS for item in benchmarks.items(name, 20)])
print(*[sft_data.fingerprint(sft_data.rows(name, 20, 0)) for name in sft_data.COMPLETIONS])
print([list(islice(corpus.documents(world.corpus, 0), 200)) for world in worlds.WORLDS.values()])
"""
    worlds = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert worlds[0] and hashlib.sha256(worlds[0]).digest() == hashlib.sha256(worlds[1]).digest()
