"""Solutions that skip steps, and are wrong now and then."""

import re
from collections import Counter
from random import Random

import pytest
from flawed_traces import STEP, answer_of, every_family, is_false, standing
from problems import draws

from rsft_utils.micro import arithmetic, flawed
from rsft_utils.micro.flawed import skipping_solution
from rsft_utils.micro.symbols import END_THINK, THINK


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
