import re
from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import arithmetic, flawed, traces
from rsft_utils.micro.behaviours import replay
from rsft_utils.micro.families import LONGER, MATHS, PROBLEMS
from rsft_utils.micro.flawed import FILLER, corrupted_trace, empty_trace, skipping_solution, wrong_answer, wrong_trace
from rsft_utils.micro.symbols import END_THINK, NUMBERS, SYMBOL_ID, THINK
from rsft_utils.micro.traces import careful_trace

SEEDS = range(200)
WRITERS = {
    "wrong": wrong_trace,
    "wrong answer": wrong_answer,
    "corrupted": corrupted_trace,
    "empty": empty_trace,
    "skipping": skipping_solution,
}
STEP = re.compile(r"(?:(l\d) )?(\d+) ([-+*]) (\d+) = (\d+)")
every_family = pytest.mark.parametrize("family", MATHS)
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def draws(family, seeds=SEEDS):
    makers = [known[family] for known in (PROBLEMS, LONGER) if family in known]
    return [make(Random(seed)) for make in makers for seed in seeds]


def lines(trace):
    """What stands between `<think>` and `</think>`."""
    assert trace.startswith(f"{THINK} ") and trace.count(THINK) == trace.count(END_THINK) == 1
    return trace.removeprefix(f"{THINK} ").partition(f" {END_THINK}")[0].split(" ; ")


def standing(line):
    """Steps of a line as (mark, number, sign, number, result), without those taken back and without checks."""
    return STEP.findall(line.rpartition(" check no wait ")[2].partition(" check ")[0])


def is_false(step, gold):
    *_, result = step
    return gold(f"calc {' '.join(step[1:4])}") != result


def end_of(start, prompt, steps):
    """Where steps lead, each of which must take the value before it through the next operation of the prompt."""
    moves = re.findall(r"(l\d) ([-+*]) (\d+)", prompt)
    for (mark, a, sign, b, result), move in zip(steps, moves, strict=True):
        assert (a, mark, sign, b) == (start, *move)
        start = result
    return start


def answer_of(text):
    return text.rpartition("answer ")[2]


def candidates(item):
    return item.prompt.partition(" in ")[2].split()


def goal(item):
    return re.search(r"= (\d+) in ", item.prompt)[1]


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


# Wrong traces and wrong answers


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


# Skipping solutions


@pytest.fixture
def shares(monkeypatch):
    """Function that sets how many steps are left out and how many solutions are wrong."""

    def change(skipped, wrong):
        monkeypatch.setattr(flawed, "SKIPPED_SHARE", skipped)
        monkeypatch.setattr(flawed, "WRONG_SHARE", wrong)

    return change


def style(solution):
    return {"so": "results", "answer": "answer"}.get(solution.split()[0], "equations")


def solving_steps(item):
    """The steps that lead to the answer, without failed attempts, as (number, sign, number, result)."""
    segments = item.trace[-1:] if item.family == "equation" else item.trace
    return [step[1:] for segment in segments for step in standing(segment.text)]


def written_steps(solution):
    return [step[1:] for step in STEP.findall(solution)]


@every_family
def test_skipping_solutions_never_think_aloud(family):
    for seed, item in enumerate(draws(family)):
        said = set(skipping_solution(item, Random(seed)).split())
        assert not said & {THINK, END_THINK, "try", "goal", "check", "wait", "no", "ok", ";"}


@every_family
def test_a_solution_that_skips_nothing_says_all_steps_or_all_results_or_the_answer_alone(family, shares):
    shares(skipped=0, wrong=0)
    styles = Counter()
    for seed, item in enumerate(draws(family)):
        solution, steps = skipping_solution(item, Random(seed)), solving_steps(item)
        said = {
            "equations": " , ".join(f"{a} {sign} {b} = {result}" for a, sign, b, result in steps),
            "results": f"so {' , '.join(result for *_, result in steps)}",
            "answer": "",
        }[style(solution)]
        assert solution == f"{said} answer {item.answer}".lstrip()
        styles[style(solution)] += 1
    assert [styles[name] / styles.total() for name in styles] == pytest.approx([1 / 3] * 3, abs=0.1)


@every_family
def test_a_solution_that_skips_everything_is_the_answer(family, shares):
    shares(skipped=1, wrong=0)
    for seed, item in enumerate(draws(family)):
        assert skipping_solution(item, Random(seed)) == f"answer {item.answer}"


@every_family
def test_what_is_not_skipped_stays_as_it_is_and_in_its_order(family, shares):
    shares(skipped=0.5, wrong=0)
    for seed, item in enumerate(draws(family)):
        solution, steps = skipping_solution(item, Random(seed)), solving_steps(item)
        if style(solution) == "results":
            written, whole = re.findall(r"\d+", solution)[:-1], [result for *_, result in steps]
        else:
            written, whole = written_steps(solution), steps
        remaining = iter(whole)
        assert all(each in remaining for each in written)


@pytest.mark.parametrize("share", [flawed.SKIPPED_SHARE, 0.2])
def test_as_many_steps_are_skipped_as_asked_for(share, shares):
    shares(skipped=share, wrong=0)
    solutions = [skipping_solution(arithmetic.chain(Random(seed), 5), Random(seed)) for seed in range(1500)]
    equations = [solution for solution in solutions if style(solution) == "equations"]
    left_out = 1 - sum(len(written_steps(solution)) for solution in equations) / (5 * len(equations))
    assert left_out == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("share", [flawed.WRONG_SHARE, 0.4])
@every_family
def test_as_many_skipping_solutions_are_wrong_as_asked_for(family, share, shares, gold):
    shares(flawed.SKIPPED_SHARE, share)
    items = draws(family, range(1000))
    astray = sum(
        answer_of(skipping_solution(item, Random(seed))) != gold(item.prompt) for seed, item in enumerate(items)
    )
    assert astray / len(items) == pytest.approx(share, abs=0.04)


@every_family
def test_a_wrong_solution_has_one_wrong_step_as_a_wrong_trace_has(family, shares, gold):
    shares(skipped=0, wrong=1)
    found = Counter()
    for seed, item in enumerate(draws(family)):
        solution = skipping_solution(item, Random(seed))
        assert answer_of(solution) != item.answer
        if style(solution) == "equations":
            found[sum(is_false(step, gold) for step in STEP.findall(solution))] += 1
    assert found.keys() == {1}
