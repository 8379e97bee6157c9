"""Steps and backtracks of thoughts written by hand."""

import pytest
from behaviour_counts import behaviours
from thoughts import (
    BALL,
    BOOL,
    CHAIN,
    EQUATION,
    GAME,
    GAME_HIT,
    GAME_MISS,
    LOCK,
    LONG_EQUATION,
    LONG_LOCK,
    TRY_1,
    TRY_4,
    TRY_6,
)

from rsft_utils.micro.behaviours import replay, right_result
from rsft_utils.micro.safety import request

NO, OK = "goal 20 no", "goal 20 ok"
GAME_NO, GAME_OK = "goal 6 no", "goal 6 ok"


@pytest.mark.parametrize(
    ("thought", "found"),
    [
        # plain work
        ("", behaviours()),
        ("l1 3 + 2 = 5 ; l2 5 * 4 = 20", behaviours(steps=2, right=2)),
        ("3 + 2 = 5 ; 5 * 4 = 20", behaviours(steps=2, right=2)),
        ("3 + 2 = 6 ; 6 * 4 = 24", behaviours(steps=2, right=1)),
        ("3 + 2 = 5 check 5 - 2 = 3 ok ; 5 * 4 = 20", behaviours(steps=3, right=3)),
        ("2 - 5 = 3", behaviours(steps=1)),
        ("12 - 10 = 2", behaviours(steps=1, right=1)),
        # a wrong result put right
        ("l1 3 + 2 = 6 check no wait l1 3 + 2 = 5 ; l2 5 * 4 = 20", behaviours(3, 2, markers=1, valid=1)),
        ("3 + 2 = 6 check no wait 3 + 2 = 5 ; 5 * 4 = 20", behaviours(steps=3, right=2, markers=1, valid=1)),
        ("3 + 2 = 6 check no wait 3 + 2 = 5 check 5 - 2 = 3 ok", behaviours(steps=3, right=2, markers=1, valid=1)),
        # at the second go
        (
            "3 + 2 = 6 check no wait 3 + 2 = 4 check no wait 3 + 2 = 5",
            behaviours(steps=3, right=1, markers=2, valid=1),
        ),
        # nothing was wrong
        ("3 + 2 = 5 check no wait 3 + 2 = 5", behaviours(steps=2, right=2, markers=1)),
        # a right result spoiled
        ("3 + 2 = 5 check no wait 3 + 2 = 6", behaviours(steps=2, right=1, markers=1)),
        # wrong before, wrong after
        ("3 + 2 = 6 check no wait 3 + 2 = 4", behaviours(steps=2, markers=1)),
        ("3 + 2 = 6 check no wait 3 + 2 = 6", behaviours(steps=2, markers=1)),
        # another step than the wrong one
        ("3 + 2 = 6 check no wait 5 * 4 = 20", behaviours(steps=2, right=1, markers=1)),
        ("3 + 2 = 6 check no wait 1 + 4 = 5", behaviours(steps=2, right=1, markers=1)),
        # mere words
        ("3 + 2 = 6 check no wait", behaviours(steps=1, markers=1)),
        ("3 + 2 = 6 check no wait so 5", behaviours(steps=1, markers=1)),
        ("wait ; wait wait", behaviours(markers=3)),
        ("3 + 2 = 6 ; wait 3 + 2 = 5", behaviours(steps=2, right=1, markers=1)),
        ("3 + 2 = 5 no ; 5 * 4 = 20 ok", behaviours(steps=2, right=2, markers=1)),
    ],
)
def test_a_chain(thought, found):
    assert replay(CHAIN, thought) == found


@pytest.mark.parametrize("item", [EQUATION, LOCK], ids=["equation", "lock"])
@pytest.mark.parametrize(
    ("thought", "found"),
    [
        (f"{TRY_6} {OK}", behaviours(steps=2, right=2)),
        # a candidate that fails is given up for another one
        (f"{TRY_1} {NO} ; {TRY_6} {OK}", behaviours(steps=4, right=4, markers=1, valid=1)),
        (f"{TRY_1} {NO} ; {TRY_4} {NO} ; {TRY_6} {OK}", behaviours(steps=6, right=6, markers=2, valid=2)),
        # `no` to the candidate that solves it
        (f"{TRY_6} {NO} ; {TRY_1} {OK}", behaviours(steps=4, right=4, markers=1)),
        # however badly it was worked out
        ("try 6 , 6 * 3 = 17 , 17 + 2 = 19 no ; try 1 ok", behaviours(steps=2, right=1, markers=1)),
        ("try 1 , 1 * 3 = 4 , 4 + 2 = 6 no ; try 6 ok", behaviours(steps=2, right=1, markers=1, valid=1)),
        # nothing follows
        (f"{TRY_1} {NO}", behaviours(steps=2, right=2, markers=1)),
        (f"{TRY_1} {NO} ; so", behaviours(steps=2, right=2, markers=1)),
        # the same again, at once or later
        (f"{TRY_1} {NO} ; {TRY_1} {NO}", behaviours(steps=4, right=4, markers=2)),
        (f"{TRY_1} {NO} ; {TRY_4} {NO} ; {TRY_1} {NO}", behaviours(steps=6, right=6, markers=3, valid=1)),
        # with other arithmetic it is still the same candidate
        (f"{TRY_1} {NO} ; try 1 , 1 * 3 = 4 , 4 + 2 = 6 no", behaviours(steps=4, right=3, markers=2)),
        (f"{TRY_1} {NO} ; try 1 , 1 * 3 = 4 , 4 + 2 = 6 no ; {TRY_6} {OK}", behaviours(6, 5, markers=2, valid=1)),
        (f"{TRY_1} {NO} ; {TRY_4} {NO} ; try 1 , 2 * 3 = 6 ok", behaviours(steps=5, right=5, markers=2, valid=1)),
        (f"{TRY_1} {NO} ; try 1 ok", behaviours(steps=2, right=2, markers=1)),
        # other arithmetic makes no attempt of its own either, and the candidate alone is enough for one
        (f"{TRY_1} {NO} ; 6 * 3 = 18 , 18 + 2 = 20 ok", behaviours(steps=4, right=4, markers=1)),
        ("try 1 no ; try 4 no ; try 6 ok", behaviours(markers=2, valid=2)),
        # a mere verdict is no attempt
        (f"{TRY_1} {NO} ; so ok", behaviours(steps=2, right=2, markers=1)),
        (f"so no ; {TRY_6} {OK}", behaviours(steps=2, right=2, markers=1)),
        (f"{TRY_1} {NO} ; so ok ; {TRY_1} {OK}", behaviours(steps=4, right=4, markers=1)),
        (f"{TRY_1} {NO} ; so ok ; {TRY_6} {OK}", behaviours(steps=4, right=4, markers=1, valid=1)),
        # no candidate at all
        ("try no ; try 6 ok", behaviours(markers=1)),
        ("no ; no", behaviours(markers=2)),
        ("try a no ; try 6 ok", behaviours(markers=1)),
    ],
)
def test_a_search(item, thought, found):
    assert replay(item, thought) == found


@pytest.mark.parametrize(
    ("item", "end_1", "end_6"),
    [(LONG_EQUATION, "l3 5 - 5 = 0", "l3 20 - 5 = 15"), (LONG_LOCK, "l3 5 + 5 = 10", "l3 20 + 5 = 25")],
    ids=["equation", "lock"],
)
def test_a_search_with_an_operation_more(item, end_1, end_6):
    try_1, try_6 = f"{TRY_1} , {end_1}", f"{TRY_6} , {end_6}"
    assert replay(item, f"{try_6} ok") == behaviours(steps=3, right=3)
    assert replay(item, f"{try_1} no ; {try_6} ok") == behaviours(steps=6, right=6, markers=1, valid=1)
    assert replay(item, f"{try_6} no ; {try_1} ok") == behaviours(steps=6, right=6, markers=1)
    assert replay(item, f"{try_1} no ; {TRY_1} no ; so ok") == behaviours(steps=5, right=5, markers=2)
    # the last operation counts: without it, another candidate would fit
    assert replay(item, f"{TRY_6} no ; {try_1} ok") == behaviours(steps=5, right=5, markers=1)


@pytest.mark.parametrize(
    ("thought", "found"),
    [
        (f"{GAME_MISS} {GAME_NO} ; {GAME_HIT} {GAME_OK}", behaviours(steps=4, right=4, markers=1, valid=1)),
        (f"{GAME_HIT} {GAME_NO} ; {GAME_MISS} {GAME_OK}", behaviours(steps=4, right=4, markers=1)),
        (f"{GAME_MISS} {GAME_NO} ; {GAME_MISS} {GAME_OK}", behaviours(steps=4, right=4, markers=1)),
        (f"{GAME_MISS} {GAME_NO}", behaviours(steps=2, right=2, markers=1)),
        # a mere verdict is no attempt
        (f"{GAME_MISS} {GAME_NO} ; so ok", behaviours(steps=2, right=2, markers=1)),
        (f"so no ; {GAME_HIT} {GAME_OK}", behaviours(steps=2, right=2, markers=1)),
        (f"{GAME_MISS} {GAME_NO} ; so ok ; {GAME_HIT} {GAME_OK}", behaviours(steps=4, right=4, markers=1, valid=1)),
        # the same left sides are the same attempt, whatever they are said to give
        (f"{GAME_MISS} {GAME_NO} ; 3 * 5 = 14 , 15 - 2 = 6 ok", behaviours(steps=4, right=2, markers=1)),
        (f"3 * 5 = 14 , 15 - 2 = 12 no ; {GAME_MISS} {GAME_NO}", behaviours(steps=4, right=2, markers=2)),
        (f"{GAME_MISS} {GAME_NO} ; 2 * 3 = 6 , 6 + 5 = 11 no ; {GAME_MISS} no", behaviours(6, 6, markers=3, valid=1)),
        ("so no ; 3 + 5 = 8 ok", behaviours(steps=1, right=1, markers=1)),
    ],
)
def test_a_game_of_countdown(thought, found):
    assert replay(GAME, thought) == found


@pytest.mark.parametrize(
    ("thought", "found"),
    [
        ("l1 pass a b at b ; l2 pass b d at d", behaviours(steps=2, right=2)),
        ("pass a b at b ; pass b d at d", behaviours(steps=2, right=2)),
        # who does not have the ball cannot pass it
        ("pass b d at a ; pass a b at b", behaviours(steps=2, right=2)),
        ("pass b d at d", behaviours(steps=1)),
        # each step is judged by what the trace holds to be the case
        ("pass a b at c ; pass c d at d", behaviours(steps=2, right=1)),
        ("pass a b at a ; pass b d at a", behaviours(steps=2, right=1)),
        # a correction sets it right for what follows
        ("pass a b at c check no wait pass a b at b ; pass b d at d", behaviours(3, 2, 1, 1)),
        ("pass a b at b check no wait pass a b at c ; pass c d at d", behaviours(3, 2, 1, 0)),
        ("pass a b at b check no wait pass a b at b", behaviours(2, 2, 1, 0)),
    ],
)
def test_a_ball_is_followed(thought, found):
    assert replay(BALL, thought) == found


@pytest.mark.parametrize(
    ("thought", "found"),
    [
        ("l1 T & F = F ; l2 F | T = T", behaviours(steps=2, right=2)),
        ("T & F = F ; F | T = T", behaviours(steps=2, right=2)),
        ("T & F = T ; T | T = T", behaviours(steps=2, right=1)),
        ("T & F = T check no wait T & F = F ; F | T = T", behaviours(3, 2, 1, 1)),
        ("T & F = F check no wait T & F = F", behaviours(2, 2, 1, 0)),
    ],
)
def test_a_boolean_chain(thought, found):
    assert replay(BOOL, thought) == found


def test_all_booleans():
    truth = {"T": True, "F": False}
    for a in "TF":
        for b in "TF":
            assert truth[right_result(f"{a} & {b}")] == (truth[a] and truth[b])
            assert truth[right_result(f"{a} | {b}")] == (truth[a] or truth[b])
            assert truth[right_result(f"{a} ^ {b}")] == (truth[a] != truth[b])


@pytest.mark.parametrize(
    ("problem", "thought"),
    [
        (EQUATION, f"{TRY_1} no ; {TRY_6} ok"),
        (LOCK, f"{TRY_6} no ; {TRY_1} ok"),
        (LONG_EQUATION, f"{TRY_1} no ; {TRY_6} ok"),
        (LONG_LOCK, f"{TRY_1} no ; {TRY_6} ok"),
        (BALL, "pass a b at c check no wait pass a b at b ; pass b d at d"),
    ],
)
def test_a_request_is_replayed_like_its_problem(problem, thought):
    for material in ("m1", "m2"):
        assert replay(request(problem, material), thought) == replay(problem, thought)
