from random import Random

import pytest

from rsft_utils.micro.families import PROBLEMS
from rsft_utils.micro.item import Item, Segment, Step, slipped
from rsft_utils.micro.symbols import DIGITS, TRUTHS

ADD, ADD_MORE = Step("3 + 2", "5"), Step("5 + 4", "2")


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (ADD, "3 + 2 = 5"),
        (Step("pass a b", "b", link="at"), "pass a b at b"),
        (Segment((ADD,)), "3 + 2 = 5"),
        (Segment((ADD, ADD_MORE)), "3 + 2 = 5 , 5 + 4 = 2"),
        (Segment((ADD, ADD_MORE), opening="try 3", verdict="no"), "try 3 , 3 + 2 = 5 , 5 + 4 = 2 no"),
        (Segment((ADD, ADD_MORE), verdict="ok"), "3 + 2 = 5 , 5 + 4 = 2 ok"),
    ],
)
def test_text_of_a_piece_of_a_trace(piece, text):
    assert piece.text == text


def test_id_tells_problems_apart():
    items = [Item("chain", "calc 3 + 2", "5"), Item("chain", "calc 3 + 4", "0"), Item("benign", "calc 3 + 2", "5")]
    assert len({item.id for item in items}) == len(items)


def test_id_depends_on_nothing_but_the_problem():
    assert Item("chain", "calc 3 + 2", "5").id == Item("chain", "calc 3 + 2", "5", (Segment((ADD,)),), "so 5").id


def test_ids_of_many_problems_do_not_collide():
    items = {PROBLEMS[family](Random(seed)) for family in PROBLEMS for seed in range(300)}
    problems = {(item.family, item.prompt) for item in items}
    assert len({item.id for item in items}) == len(problems)


@pytest.mark.parametrize("kind", [DIGITS, TRUTHS, tuple("abcd")])
def test_a_slip_is_any_other_result_of_the_same_kind(kind):
    for right in kind:
        step = Step("left side", right, link="at")
        found = {slipped(step, Random(seed)) for seed in range(200)}
        assert found == {Step("left side", other, link="at") for other in kind if other != right}


@pytest.mark.parametrize("family", PROBLEMS)
def test_every_step_of_a_trace_can_slip_within_its_kind(family):
    for seed in range(100):
        for step in (step for segment in PROBLEMS[family](Random(seed)).trace for step in segment.steps):
            kind = next(kind for kind in (DIGITS, TRUTHS, "abcd") if step.result in kind)
            slip = slipped(step, Random(seed))
            assert slip.left == step.left and slip.result in kind and slip.result != step.result
