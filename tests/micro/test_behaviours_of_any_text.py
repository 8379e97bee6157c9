"""Whatever text a model writes, its steps and backtracks are counted."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import MAKERS
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
    assert_backtracks_agree_with_replay,
)

from rsft_utils.micro.behaviours import backtracks, replay
from rsft_utils.micro.families import PROBLEMS
from rsft_utils.micro.safety import request
from rsft_utils.micro.symbols import SYMBOLS

ITEMS = [MAKERS[family](Random(seed)) for family in MAKERS for seed in range(3)]
ITEMS += [EQUATION, LONG_EQUATION, LOCK, LONG_LOCK]
ITEMS += [request(PROBLEMS[family](Random(0)), "m3") for family in ("equation", "lock", "tracking", "boolean")]
PHRASES = ("; try", "check no wait", " ; ", "no ;", "ok ;", "3 + 2 =", "pass a b at", "T & F =", "try 4 ,")
SOUP = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*SYMBOLS, *PHRASES]), max_size=60).map(" ".join),
    st.lists(
        st.sampled_from(["3", "+", "=", "no", "wait", "check", ";", "try", "ok", "a", "at", *PHRASES]), max_size=40
    ).map(" ".join),
)


@settings(deadline=None)
@given(st.sampled_from(ITEMS), SOUP)
def test_any_text_is_counted(item, thought):
    found = replay(item, thought)
    assert 0 <= found.right_steps <= found.steps
    assert 0 <= found.valid_backtracks <= found.markers
    assert found.markers <= len(thought.split())


@settings(deadline=None)
@given(st.sampled_from(ITEMS), SOUP)
def test_no_text_is_too_odd_for_its_backtracks_to_be_found(item, thought):
    symbols = thought.split()
    assert {symbols[place] for place in backtracks(item, thought)} <= {"wait", "no"}


@settings(deadline=None)
@given(st.sampled_from(ITEMS), SOUP.map(str.split).map(" ".join))
def test_the_backtracks_of_any_symbols_are_those_that_are_counted(item, thought):
    assert_backtracks_agree_with_replay(item, thought)


@pytest.mark.parametrize("item", [CHAIN, EQUATION, GAME, BALL, BOOL], ids=lambda item: item.family)
def test_the_backtracks_of_shuffled_pieces_are_those_that_are_counted(item):
    """Random symbols hardly ever make a valid backtrack; these pieces do."""
    rng, valid = Random(0), 0
    pieces = {
        "chain": ("3 + 2 = 6", "3 + 2 = 5"),
        "equation": (TRY_1, TRY_4, TRY_6, "try 1"),
        "countdown": (GAME_MISS, GAME_HIT),
        "tracking": ("l1 pass a b at b", "l1 pass a b at c", "l2 pass b d at d"),
        "boolean": ("T & F = T", "T & F = F"),
    }[item.family]
    for _ in range(300):
        joints = [rng.choice((" ; ", " no ", " check no wait ", " wait ", " no ; ", " ")) for _ in range(5)]
        thought = " ".join("".join(rng.choice(pieces) + joint for joint in joints).split())
        assert_backtracks_agree_with_replay(item, thought)
        valid += replay(item, thought).valid_backtracks
    assert valid > 10
