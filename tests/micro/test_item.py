from random import Random

import pytest

from rsft_utils.micro.families import PROBLEMS
from rsft_utils.micro.item import Item, Segment, Step, shown, slipped
from rsft_utils.micro.symbols import NUMBERS, TRUTHS

ADD, ADD_MORE = Step("3 + 2", "5"), Step("5 + 4", "9")


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (ADD, "3 + 2 = 5"),
        (Step("pass a b", "b", link="at"), "pass a b at b"),
        (Step("3 + 2", "5", mark="l1"), "l1 3 + 2 = 5"),
        (Step("pass a b", "b", link="at", mark="l2"), "l2 pass a b at b"),
        (Segment((ADD,)), "3 + 2 = 5"),
        (Segment((ADD, ADD_MORE)), "3 + 2 = 5 , 5 + 4 = 9"),
        (
            Segment((ADD, ADD_MORE), opening="try 3", verdict="goal 8 no"),
            "try 3 , 3 + 2 = 5 , 5 + 4 = 9 goal 8 no",
        ),
        (Segment((ADD, ADD_MORE), verdict="goal 9 ok"), "3 + 2 = 5 , 5 + 4 = 9 goal 9 ok"),
    ],
)
def test_text_of_a_piece_of_a_trace(piece, text):
    assert piece.text == text


def test_id_tells_problems_apart():
    items = [Item("chain", "calc 3 + 2", "5"), Item("chain", "calc 3 + 4", "7"), Item("benign", "calc 3 + 2", "5")]
    assert len({item.id for item in items}) == len(items)


def test_id_depends_on_nothing_but_the_problem():
    assert Item("chain", "calc 3 + 2", "5").id == Item("chain", "calc 3 + 2", "5", (Segment((ADD,)),), "so 5").id


def test_ids_of_many_problems_do_not_collide():
    items = {PROBLEMS[family](Random(seed)) for family in PROBLEMS for seed in range(300)}
    problems = {(item.family, item.prompt) for item in items}
    assert len({item.id for item in items}) == len(problems)


def slips_of(result):
    step = Step("left side", result, link="at", mark="l3")
    found = {slipped(step, Random(seed)) for seed in range(300)}
    assert {(slip.mark, slip.left, slip.link) for slip in found} == {("l3", "left side", "at")}
    return {slip.result for slip in found}


@pytest.mark.parametrize("kind", [TRUTHS, tuple("abcd")], ids=["truth values", "players"])
def test_a_slip_is_any_other_result_of_the_same_kind(kind):
    for right in kind:
        assert slips_of(right) == set(kind) - {right}


@pytest.mark.parametrize("right", NUMBERS)
def test_a_slip_of_a_number_is_a_number_close_by(right):
    assert slips_of(right) == {other for other in NUMBERS if 1 <= abs(int(other) - int(right)) <= 5}


def test_a_mirrored_prompt_is_read_from_right_to_left():
    assert shown("calc 13 l1 + 4 l2 * 2", mirrored=True) == "2 * l2 4 + l1 13 calc"
    assert shown("with m3 : fact q w", mirrored=True) == "w q fact : m3 with"


@pytest.mark.parametrize("family", PROBLEMS)
def test_mirroring_twice_gives_the_prompt_back(family):
    for seed in range(50):
        prompt = PROBLEMS[family](Random(seed)).prompt
        assert shown(shown(prompt, True), True) == prompt != shown(prompt, True)
        assert shown(prompt, False) == prompt


@pytest.mark.parametrize("family", PROBLEMS)
def test_every_step_of_a_trace_can_slip_within_its_kind(family):
    for seed in range(100):
        for step in (step for segment in PROBLEMS[family](Random(seed)).trace for step in segment.steps):
            kind = next(kind for kind in (NUMBERS, TRUTHS, "abcd") if step.result in kind)
            slip = slipped(step, Random(seed))
            assert slip.left == step.left and slip.result in kind and slip.result != step.result
