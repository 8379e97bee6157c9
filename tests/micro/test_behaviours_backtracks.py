"""Where the backtracks of a thought stand."""

import time
from random import Random

import pytest
from problems import draws, every_family
from thoughts import CHAIN, EQUATION, GAME, GAME_HIT, GAME_MISS, assert_backtracks_agree_with_replay, thought_of

from rsft_utils.micro.behaviours import backtracks
from rsft_utils.micro.traces import careful_trace, careless_trace, second_teacher

WRITERS = {
    "careful": careful_trace,
    "careless": lambda item, rng: careless_trace(item, rng, noticed_share=0.5, rambles=False),
    "rambling": lambda item, rng: careless_trace(item, rng, noticed_share=0.5, rambles=True),
    "second teacher": second_teacher,
}


@pytest.mark.parametrize(
    ("item", "thought", "found"),
    [
        (CHAIN, "3 + 2 = 6 check no wait 3 + 2 = 5", {7: True}),
        (CHAIN, "3 + 2 = 6 no 3 + 2 = 5 ; 5 * 4 = 20", {5: True}),
        (CHAIN, "3 + 2 = 5 ; wait 3 + 2 = 5", {6: False}),
        (CHAIN, "3 + 2 = 5 check no wait 3 + 2 = 5", {7: False}),
        (CHAIN, "wait 3 + 2 = 6 no 3 + 2 = 5 ; 5 * 4 = 21 check no wait 5 * 4 = 20", {0: False, 6: True, 20: True}),
        (EQUATION, "try 1 , 1 * 3 = 3 , 3 + 2 = 5 no ; try 6 , 6 * 3 = 18 , 18 + 2 = 20 ok", {14: True}),
        (EQUATION, "try 6 , 6 * 3 = 18 , 18 + 2 = 20 no ; try 1 , 1 * 3 = 3 , 3 + 2 = 5 ok", {14: False}),
        (EQUATION, "try 1 no ; try 1 no ; try 4 no", {2: False, 6: True, 10: False}),
        (GAME, f"{GAME_MISS} no ; {GAME_HIT} ok", {11: True}),
        (GAME, f"{GAME_HIT} no ; {GAME_MISS} ok", {11: False}),
        (CHAIN, "no wait no", {1: False, 2: False}),
        (CHAIN, "", {}),
    ],
)
def test_a_backtrack_is_found_in_its_place_and_judged(item, thought, found):
    assert backtracks(item, thought) == found


@every_family
@pytest.mark.parametrize("writer", WRITERS)
def test_the_backtracks_of_a_trace_are_those_that_are_counted(family, writer):
    judged = []
    for seed, item in enumerate(draws(family, range(60))):
        thought = thought_of(WRITERS[writer](item, Random(seed)))
        assert_backtracks_agree_with_replay(item, thought)
        judged += backtracks(item, thought).values()
    assert len(judged) > 3
    assert any(judged)
    assert writer != "rambling" or not all(judged)


def test_thousands_of_backtracks_are_found_in_a_time_that_grows_with_their_number():
    again = "3 + 2 = 6 check no wait 3 + 2 = 5 ; "
    begin = time.process_time()
    found = backtracks(CHAIN, again * 10_000)
    assert time.process_time() - begin < 5  # ten when every marker was counted up to from the beginning
    assert list(found.items())[::5000] == [(7, True), (7 + 5000 * 14, True)]
    assert len(found) == 10_000
