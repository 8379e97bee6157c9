from random import Random

import pytest

from rsft_utils.micro import traces
from rsft_utils.micro.families import LONGER, PROBLEMS
from rsft_utils.micro.item import Step
from rsft_utils.micro.symbols import END_THINK, SYMBOL_ID, THINK
from rsft_utils.micro.traces import careful_trace, careless_trace, checked, second_teacher

SEEDS = range(200)
WITH_TRACES = [family for family in PROBLEMS if PROBLEMS[family](Random(0)).trace]
SEARCHES = ("equation", "lock")
CHAINS = [family for family in WITH_TRACES if family not in SEARCHES]
WRITERS = {
    "careful": careful_trace,
    "second teacher": second_teacher,
    "careless": lambda item, rng: careless_trace(item, rng, 0.3, rambles=False),
}
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


@pytest.fixture
def shares(monkeypatch):
    """Function that sets how many steps slip and how many are checked."""

    def change(slips, checks):
        monkeypatch.setattr(traces, "SLIP_SHARE", slips)
        monkeypatch.setattr(traces, "CHECK_SHARE", checks)

    return change


# All traces that close


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@every_family
def test_a_closed_trace_thinks_sums_up_and_gives_the_right_answer(family, write):
    for seed, item in enumerate(draws(family)):
        trace = write(item, Random(seed))
        assert trace.count(END_THINK) == 1
        assert trace.partition(f"{END_THINK} ")[2] == f"{item.summary} answer {item.answer}"
        assert set(trace.split()) <= SYMBOL_ID.keys() and "  " not in trace


# Careful traces


@every_family
def test_a_careful_trace_without_slips_and_checks_is_the_clean_one(family, shares):
    shares(slips=0, checks=0)
    for item in draws(family):
        assert lines(careful_trace(item, Random(0))) == clean(item)


@every_chain
def test_a_slip_is_corrected_on_the_spot(family, shares):
    shares(slips=1, checks=0)
    for seed, item in enumerate(draws(family)):
        written = lines(careful_trace(item, Random(seed)))
        for line, right in zip(written, clean(item), strict=True):
            wrong, _, again = line.partition(" check no wait ")
            assert again == right
            # the same step with another result
            assert wrong.split()[:-1] == right.split()[:-1] and wrong != right


@every_chain
def test_a_check_undoes_its_step(family, gold, shares):
    shares(slips=0, checks=1)
    for seed, item in enumerate(draws(family)):
        written = lines(careful_trace(item, Random(seed)))
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
        (Step("3 + 2", "5", mark="l1"), "check 5 - 2 = 3 ok"),
        (Step("3 * 2", "6"), ""),
        (Step("T & F", "F"), ""),
        (Step("pass a b", "b", link="at"), ""),
    ],
)
def test_only_sums_and_differences_are_checked(step, check):
    assert checked(step) == check


@pytest.mark.parametrize("family", SEARCHES)
def test_searches_carry_their_own_backtracks_and_no_slips(family, shares):
    shares(slips=1, checks=1)
    for item in draws(family):
        assert lines(careful_trace(item, Random(0))) == clean(item)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_slips_and_checks_are_as_frequent_as_asked_for(share, shares):
    shares(share, share)
    items = [item for item in draws("chain", range(1500)) if " * " not in item.prompt]
    written = [careful_trace(item, Random(seed)) for seed, item in enumerate(items)]
    n = sum(len(item.trace) for item in items)
    assert sum(trace.count("check no wait") for trace in written) / n == pytest.approx(share, abs=0.06)
    assert sum(trace.count(" ok") for trace in written) / n == pytest.approx(share, abs=0.06)


@every_family
def test_the_same_generator_writes_the_same_trace(family):
    for item in draws(family, range(20)):
        for write in (*WRITERS.values(), lambda item, rng: careless_trace(item, rng, 0.3, rambles=True)):
            assert write(item, Random(1)) == write(item, Random(1))


# The second teacher's traces


@every_family
def test_the_second_teacher_goes_through_the_whole_solution_at_the_end(family):
    for seed, item in enumerate(draws(family)):
        written = lines(second_teacher(item, Random(seed)))
        worked, gone_through = written[: len(item.trace)], written[len(item.trace) :]
        solution = item.trace[-1].steps if family in SEARCHES else [s for part in item.trace for s in part.steps]
        assert gone_through == [f"check {step.text} ok" for step in solution]
        assert not any("check" in line or "wait" in line for line in worked)


@every_family
def test_the_second_teacher_without_slips_works_cleanly(family, shares):
    shares(slips=0, checks=1)
    for item in draws(family):
        assert lines(second_teacher(item, Random(0)))[: len(item.trace)] == clean(item)


@every_chain
def test_the_second_teacher_corrects_every_slip_on_the_spot_in_one_word(family, shares):
    shares(slips=1, checks=0)
    for seed, item in enumerate(draws(family)):
        written = lines(second_teacher(item, Random(seed)))
        for line, right in zip(written, clean(item), strict=False):
            wrong, _, again = line.partition(" no ")
            assert again == right
            assert wrong.split()[:-1] == right.split()[:-1] and wrong != right


@pytest.mark.parametrize("family", SEARCHES)
def test_the_second_teacher_does_not_slip_in_a_search(family, shares):
    shares(slips=1, checks=1)
    for item in draws(family):
        assert lines(second_teacher(item, Random(0)))[: len(item.trace)] == clean(item)


def test_the_second_teacher_slips_as_often_as_the_first():
    items = draws("chain", range(1500))
    n = sum(len(item.trace) for item in items)
    for write in (careful_trace, second_teacher):
        slips = sum(write(item, Random(seed)).split().count("no") for seed, item in enumerate(items))
        assert slips / n == pytest.approx(traces.SLIP_SHARE, abs=0.03)


# Careless traces


@every_family
def test_a_careless_trace_that_notices_everything_is_a_careful_one(family):
    for seed, item in enumerate(draws(family)):
        careless = careless_trace(item, Random(seed), noticed_share=1, rambles=False)
        assert careless == careful_trace(item, Random(seed))


@every_family
def test_a_careless_trace_without_slips_and_checks_is_the_clean_one(family, shares):
    shares(slips=0, checks=0)
    for item in draws(family):
        assert lines(careless_trace(item, Random(0), noticed_share=0, rambles=False)) == clean(item)


@every_family
def test_slips_that_nobody_notices_stay_as_they_are(family, shares):
    shares(slips=1, checks=1)
    for seed, item in enumerate(draws(family)):
        written = lines(careless_trace(item, Random(seed), noticed_share=0, rambles=False))
        for line, segment in zip(written, item.trace, strict=True):
            slips = [part for part in line.split(" , ") if not part.startswith("try ")]
            for slip, step in zip(slips, segment.steps, strict=True):
                slip = slip.removesuffix(f" {segment.verdict}")
                assert slip.startswith(f"{step.text.rpartition(' ')[0]} ") and slip != step.text
            # and nobody checks them
            assert "wait" not in line and "check" not in line


@every_chain
def test_a_slip_stands_uncorrected_or_is_corrected_on_the_spot(family, shares):
    shares(slips=1, checks=0)
    kept = corrected = 0
    for seed, item in enumerate(draws(family)):
        written = lines(careless_trace(item, Random(seed), noticed_share=0.5, rambles=False))
        for line, right in zip(written, clean(item), strict=True):
            wrong, _, again = line.partition(" check no wait ")
            assert wrong != right and again in ("", right)
            kept, corrected = kept + (again == ""), corrected + (again == right)
    assert corrected / (kept + corrected) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_careless_slips_are_as_frequent_as_asked_for(share, shares):
    shares(slips=share, checks=0)
    items = draws("chain", range(1500))
    written = [lines(careless_trace(item, Random(seed), 0, rambles=False)) for seed, item in enumerate(items)]
    slips = [
        line != right
        for trace, item in zip(written, items, strict=True)
        for line, right in zip(trace, clean(item), strict=True)
    ]
    assert sum(slips) / len(slips) == pytest.approx(share, abs=0.04)


@every_family
def test_rambling_never_closes_and_never_answers(family):
    for seed, item in enumerate(draws(family)):
        symbols = careless_trace(item, Random(seed), noticed_share=0.3, rambles=True).split()
        assert symbols[0] == THINK
        assert END_THINK not in symbols and "answer" not in symbols


@every_family
def test_rambling_starts_over_again_and_again(family, shares, monkeypatch):
    shares(slips=0, checks=0)
    monkeypatch.setattr(traces, "MAX_RAMBLE", 10_000)
    for item in draws(family, range(50)):
        start = clean(item)
        for seed in range(5):
            written = lines(careless_trace(item, Random(seed), noticed_share=0, rambles=True))
            rounds = [[f"wait {start[0]}", *start[1:]]] * (len(written) // len(start) - 1)
            assert written == start + [line for round_ in rounds for line in round_]


@every_family
def test_rambling_goes_on_for_about_as_long_as_it_may(family, monkeypatch):
    monkeypatch.setattr(traces, "MAX_RAMBLE", 60)
    rambling = [careless_trace(item, Random(seed), 0.3, rambles=True) for seed, item in enumerate(draws(family))]
    assert max(len(trace.split()) for trace in rambling) == 60
    assert sum("wait" in trace for trace in rambling) > len(rambling) / 2
