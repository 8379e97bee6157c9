"""Problems and pieces of thoughts, written by hand, whose backtracks are known."""

from rsft_utils.micro.behaviours import backtracks, replay
from rsft_utils.micro.item import Item
from rsft_utils.micro.symbols import END_THINK, THINK

CHAIN = Item("chain", "calc 3 l1 + 2 l2 * 4", "20")
EQUATION = Item("equation", "solve ? l1 * 3 l2 + 2 = 20 in 1 4 6", "6")
LONG_EQUATION = Item("equation", "solve ? l1 * 3 l2 + 2 l3 - 5 = 15 in 1 4 6", "6")
LONG_LOCK = Item("lock", "lock l1 turn 3 l2 shift 2 l3 shift 5 opens 25 in 1 4 6", "6")
LOCK = Item("lock", "lock l1 turn 3 l2 shift 2 opens 20 in 1 4 6", "6")
GAME = Item("countdown", "game 3 5 2 -> 6", "( 3 + 5 ) - 2")
BALL = Item("tracking", "ball a l1 pass a b l2 pass b d", "d")
BOOL = Item("boolean", "bool T l1 & F l2 | T", "T")

TRY_1, TRY_4, TRY_6 = (
    "try 1 , l1 1 * 3 = 3 , l2 3 + 2 = 5",
    "try 4 , l1 4 * 3 = 12 , l2 12 + 2 = 14",
    "try 6 , l1 6 * 3 = 18 , l2 18 + 2 = 20",
)

GAME_MISS, GAME_HIT = "3 * 5 = 15 , 15 - 2 = 13", "3 + 5 = 8 , 8 - 2 = 6"


def thought_of(trace):
    return trace.removeprefix(f"{THINK} ").partition(f" {END_THINK}")[0]


def assert_backtracks_agree_with_replay(item, thought):
    found, counted, symbols = backtracks(item, thought), replay(item, thought), thought.split()
    assert (len(found), sum(found.values())) == (counted.markers, counted.valid_backtracks)
    assert {symbols[place] for place in found} <= {"wait", "no"}
    assert list(found) == sorted(found)
