"""Wrong traces and wrong answers."""

import re
from collections import Counter
from random import Random

import pytest
from flawed_traces import answer_of, every_family, is_false, lines, standing
from problems import SEEDS, draws

from rsft_utils.micro import arithmetic, traces
from rsft_utils.micro.flawed import wrong_answer, wrong_trace
from rsft_utils.micro.symbols import END_THINK, NUMBERS


def end_of(start, prompt, steps):
    """Where steps lead, each of which must take the value before it through the next operation of the prompt."""
    moves = re.findall(r"(l\d) ([-+*]) (\d+)", prompt)
    for (mark, a, sign, b, result), move in zip(steps, moves, strict=True):
        assert (a, mark, sign, b) == (start, *move)
        start = result
    return start


def candidates(item):
    return item.prompt.partition(" in ")[2].split()


def goal(item):
    return re.search(r"= (\d+) in ", item.prompt)[1]


@pytest.mark.parametrize("write", [wrong_trace, wrong_answer])
@every_family
def test_a_wrong_answer_is_wrong_and_still_one_that_could_be_right(family, write, gold):
    for seed, item in enumerate(draws(family)):
        answer = answer_of(write(item, Random(seed)))
        assert answer != gold(item.prompt)
        assert answer in (candidates(item) if family == "equation" else NUMBERS)


@every_family
def test_a_wrong_answer_is_that_of_the_wrong_trace_and_nothing_else(family):
    for seed, item in enumerate(draws(family)):
        trace, answer = (write(item, Random(seed)) for write in (wrong_trace, wrong_answer))
        assert answer == f"answer {answer_of(trace)}"


@every_family
def test_another_generator_leads_astray_another_way(family):
    for item in draws(family, range(20)):
        answers = {answer_of(wrong_answer(item, Random(seed))) for seed in range(30)}
        assert len(answers) > 1
        assert family != "equation" or answers == set(candidates(item)) - {item.answer}


@every_family
def test_one_step_of_a_wrong_trace_is_wrong_and_never_taken_back(family, gold):
    for seed, item in enumerate(draws(family)):
        trace = wrong_trace(item, Random(seed))
        # the right candidate of an equation, where it is tried, fails by a slip of its own
        slips = 1 + (family == "equation" and any(line.startswith(f"try {item.answer} ,") for line in lines(trace)))
        assert sum(is_false(step, gold) for line in lines(trace) for step in standing(line)) == slips, trace


def test_a_wrong_chain_goes_on_from_its_slip():
    for seed, item in enumerate(draws("chain")):
        trace = wrong_trace(item, Random(seed))
        steps = [step for line in lines(trace) for step in standing(line)]
        assert end_of(item.prompt.split()[1], item.prompt, steps) == answer_of(trace)


def test_any_step_of_a_chain_may_be_the_wrong_one(gold):
    places = set()
    for seed in SEEDS:
        trace = wrong_trace(arithmetic.chain(Random(seed), 4), Random(seed))
        places.add([is_false(step, gold) for line in lines(trace) for step in standing(line)].index(True))
    assert places == {0, 1, 2, 3}


def test_only_the_last_term_of_a_wrong_sequence_slips():
    for seed, item in enumerate(draws("sequence")):
        trace = wrong_trace(item, Random(seed))
        *before, last = [step for line in lines(trace) for step in standing(line)]
        *right_before, right_last = [step for segment in item.trace for step in standing(segment.text)]
        assert before == right_before
        assert last[:-1] == right_last[:-1] and last[-1] == answer_of(trace)


def test_a_wrong_candidate_is_the_last_to_be_tried_and_slips_to_the_goal_at_its_end(gold):
    for seed, item in enumerate(draws("equation")):
        trace = wrong_trace(item, Random(seed))
        *failed, taken = lines(trace)
        assert taken.startswith(f"try {answer_of(trace)} , ") and taken.endswith(f" goal {goal(item)} ok")
        assert end_of(answer_of(trace), item.prompt, standing(taken)) == goal(item)
        assert not any(is_false(step, gold) for step in standing(taken)[:-1])
        tried = [line.split()[1] for line in (*failed, taken)]
        assert len(set(tried)) == len(tried) == len(item.trace)
        # what was tried before is given up for good reasons, but for the right candidate, which is the last resort
        assert item.answer not in tried[:-2] and (item.answer in tried) == (len(tried) == 3)
        for candidate, line in zip(tried, failed, strict=False):
            *before, last = (is_false(step, gold) for step in standing(line))
            assert not any(before) and last == (candidate == item.answer)
            assert line.endswith(f" goal {goal(item)} no")


@every_family
def test_the_summary_of_a_wrong_trace_sums_up_that_trace(family):
    for seed, item in enumerate(draws(family)):
        trace = wrong_trace(item, Random(seed))
        if family == "equation":
            told = [f"{mark} {a} {sign} {b} = {result}" for mark, a, sign, b, result in standing(lines(trace)[-1])]
        else:
            told = [step[-1] for line in lines(trace) for step in standing(line)]
        # the difference of a sequence is none of its terms
        told = told[1:] if family == "sequence" else told
        assert trace.partition(f" {END_THINK} ")[2] == f"so {' , '.join(told)} answer {answer_of(trace)}"


@pytest.mark.parametrize("family", ["chain", "sequence"])
def test_other_slips_of_a_wrong_trace_are_noticed_as_often_as_in_a_right_one(family):
    written = [line for seed, item in enumerate(draws(family)) for line in lines(wrong_trace(item, Random(seed)))]
    noticed = sum(" check no wait " in line for line in written) / len(written)
    assert noticed == pytest.approx(traces.SLIP_SHARE, abs=0.05)
    assert any(line.endswith(" ok") for line in written)


def test_wrong_equations_backtrack_as_often_as_right_ones():
    tried = Counter(len(lines(wrong_trace(item, Random(seed)))) for seed, item in enumerate(draws("equation")))
    assert tried == Counter(len(item.trace) for item in draws("equation"))
    assert tried.keys() == {1, 2, 3}
