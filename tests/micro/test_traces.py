from random import Random

import pytest

from rsft_utils.micro.families import LONGER, PROBLEMS
from rsft_utils.micro.item import Step
from rsft_utils.micro.symbols import END_THINK, SYMBOL_ID, THINK
from rsft_utils.micro.traces import careful_trace, careless_trace, checked

SEEDS = range(200)
WITH_TRACES = [family for family in PROBLEMS if PROBLEMS[family](Random(0)).trace]
SEARCHES = ("equation", "lock")
CHAINS = [family for family in WITH_TRACES if family not in SEARCHES]
every_family = pytest.mark.parametrize("family", WITH_TRACES)
every_chain = pytest.mark.parametrize("family", CHAINS)


def draws(family, seeds=SEEDS):
    makers = [known[family] for known in (PROBLEMS, LONGER) if family in known]
    return [make(Random(seed)) for make in makers for seed in seeds]


def lines(trace):
    """What stands between `<think>` and `</think>`, or between `<think>` and the end."""
    assert trace.startswith(f"{THINK} ") and trace.count(THINK) == 1
    return trace.removeprefix(f"{THINK} ").partition(f" {END_THINK}")[0].split(" ; ")


def clean(item):
    return [segment.text for segment in item.trace]


# Careful traces


@every_family
def test_a_careful_trace_thinks_sums_up_and_answers(family):
    for seed, item in enumerate(draws(family)):
        trace = careful_trace(item, Random(seed))
        assert trace.count(END_THINK) == 1
        assert trace.partition(f"{END_THINK} ")[2] == f"{item.summary} answer {item.answer}"
        assert set(trace.split()) <= SYMBOL_ID.keys() and "  " not in trace


@every_family
def test_a_careful_trace_without_slips_and_checks_is_the_clean_one(family):
    for item in draws(family):
        assert lines(careful_trace(item, Random(0), slip_share=0, check_share=0)) == clean(item)


@every_chain
def test_a_slip_is_corrected_on_the_spot(family):
    for seed, item in enumerate(draws(family)):
        written = lines(careful_trace(item, Random(seed), slip_share=1, check_share=0))
        for line, right in zip(written, clean(item), strict=True):
            wrong, _, again = line.partition(" check no wait ")
            assert again == right
            # the same step with another result
            assert wrong.split()[:-1] == right.split()[:-1] and wrong != right


@every_chain
def test_a_check_undoes_its_step(family, gold):
    for seed, item in enumerate(draws(family)):
        written = lines(careful_trace(item, Random(seed), slip_share=0, check_share=1))
        for line, segment in zip(written, item.trace, strict=True):
            step, _, check = line.partition(" check ")
            assert step == segment.text
            assert bool(check) == (segment.steps[0].left.split()[1] in ("+", "-"))
            if check:
                equation, verdict = check.rsplit(" ", 1)
                left, _, result = equation.partition(" = ")
                assert verdict == "ok" and left.split()[0] == segment.steps[0].result
                assert result == segment.steps[0].left.split()[0] == gold(f"calc {left}")


@pytest.mark.parametrize(
    ("step", "check"),
    [
        (Step("3 + 2", "5"), "check 5 - 2 = 3 ok"),
        (Step("9 - 5", "4"), "check 4 + 5 = 9 ok"),
        (Step("3 * 2", "6"), ""),
        (Step("T & F", "F"), ""),
        (Step("pass a b", "b", link="at"), ""),
    ],
)
def test_only_sums_and_differences_are_checked(step, check):
    assert checked(step) == check


@pytest.mark.parametrize("family", SEARCHES)
def test_searches_carry_their_own_backtracks_and_no_slips(family):
    for item in draws(family):
        assert lines(careful_trace(item, Random(0), slip_share=1, check_share=1)) == clean(item)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_slips_and_checks_are_as_frequent_as_asked_for(share):
    items = [item for item in draws("chain", range(1500)) if " * " not in item.prompt]
    traces = [careful_trace(item, Random(seed), share, share) for seed, item in enumerate(items)]
    n = sum(len(item.trace) for item in items)
    assert sum(trace.count("check no wait") for trace in traces) / n == pytest.approx(share, abs=0.06)
    assert sum(trace.count(" ok") for trace in traces) / n == pytest.approx(share, abs=0.06)


@every_family
def test_the_same_generator_writes_the_same_trace(family):
    for item in draws(family, range(20)):
        assert careful_trace(item, Random(1)) == careful_trace(item, Random(1))
        careless = [careless_trace(item, Random(1), 0.3, rambles=True) for _ in range(2)]
        assert careless[0] == careless[1]


# Careless traces


@every_family
def test_a_careless_trace_that_closes_has_no_summary_and_the_right_answer(family):
    for seed, item in enumerate(draws(family)):
        trace = careless_trace(item, Random(seed), slip_share=0.5, rambles=False)
        assert trace.partition(f"{END_THINK} ")[2] == f"answer {item.answer}"
        assert len(lines(trace)) == len(item.trace)


@every_family
def test_a_careless_trace_without_slips_is_the_clean_one(family):
    for item in draws(family):
        assert lines(careless_trace(item, Random(0), slip_share=0, rambles=False)) == clean(item)


@every_family
def test_careless_slips_stay_as_they_are(family):
    for seed, item in enumerate(draws(family)):
        written = lines(careless_trace(item, Random(seed), slip_share=1, rambles=False))
        for line, segment in zip(written, item.trace, strict=True):
            slips = [part for part in line.split(" , ") if not part.startswith("try ")]
            for slip, step in zip(slips, segment.steps, strict=True):
                slip = slip.removesuffix(f" {segment.verdict}")
                assert slip.startswith(f"{step.left} {step.link} ") and slip != step.text
            assert "wait" not in line and "check" not in line


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_careless_slips_are_as_frequent_as_asked_for(share):
    items = draws("chain", range(1500))
    traces = [lines(careless_trace(item, Random(seed), share, rambles=False)) for seed, item in enumerate(items)]
    slips = [
        line != right
        for trace, item in zip(traces, items, strict=True)
        for line, right in zip(trace, clean(item), strict=True)
    ]
    assert sum(slips) / len(slips) == pytest.approx(share, abs=0.04)


@every_family
def test_rambling_never_closes_and_never_answers(family):
    for seed, item in enumerate(draws(family)):
        symbols = careless_trace(item, Random(seed), slip_share=0.3, rambles=True).split()
        assert symbols[0] == THINK
        assert END_THINK not in symbols and "answer" not in symbols


@every_family
def test_rambling_starts_over_again_and_again(family):
    for item in draws(family, range(50)):
        start = clean(item)
        for seed in range(5):
            written = lines(careless_trace(item, Random(seed), slip_share=0, rambles=True, max_symbols=10_000))
            rounds = [[f"wait {start[0]}", *start[1:]]] * (len(written) // len(start) - 1)
            assert written == start + [line for round_ in rounds for line in round_]


@every_family
def test_rambling_goes_on_for_about_as_long_as_it_may(family):
    traces = [
        careless_trace(item, Random(seed), 0.3, rambles=True, max_symbols=60) for seed, item in enumerate(draws(family))
    ]
    lengths = [len(trace.split()) for trace in traces]
    assert max(lengths) == 60
    assert sum("wait" in trace for trace in traces) > len(traces) / 2
