"""A set has only so many prompts, and says so when more are asked for."""

import pytest
from conversations import texts

from rsft_utils.micro import arithmetic, families, sft_data
from rsft_utils.micro.item import Item
from rsft_utils.micro.sft_data import rows


@pytest.fixture
def small_world(monkeypatch):
    """A world in which maths is a handful of problems."""
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 200)
    monkeypatch.setattr(families, "LONGER", {})
    for family in families.MATHS:
        monkeypatch.setitem(families.PROBLEMS, family, lambda rng: arithmetic.chain(rng, 1))


def test_asking_for_more_rows_than_there_are_says_how_many_there_are(small_world):
    with pytest.raises(ValueError, match=r"math-cot has .*distinct prompts, 1,000 rows were asked for") as raised:
        rows("math-cot", 1000, 0)
    number = int(str(raised.value).split("about ")[1].split()[0])
    assert len(rows("math-cot", number, 0)) == number
    with pytest.raises(ValueError, match=f"about {number} distinct prompts"):
        rows("math-cot", number + 1, 0)


def test_countdown_is_exhausted_as_well(monkeypatch):
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 10)
    with pytest.raises(ValueError, match=r"countdown-cot has about .* distinct prompts, 1,000,000 rows were asked for"):
        rows("countdown-cot", 1_000_000, 0)


@pytest.mark.parametrize(
    ("drawn", "exhausted"),
    [
        ([1, 1, 1, 2, 2, 1, 3], False),  # a new prompt sets the count back
        ([1, 1, 1, 2, 1, 2, 2, 3], True),
        ([1, 1, 1, 1, 2, 3], True),
    ],
)
def test_a_set_is_exhausted_after_so_many_repeats_in_a_row(monkeypatch, drawn, exhausted):
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 3)
    problems = iter([Item("chain", f"calc {number} + 1", str(number + 1)) for number in drawn])
    monkeypatch.setattr(families, "draw", lambda family, split, rng: next(problems))
    if exhausted:
        with pytest.raises(ValueError, match=r"about \d distinct prompts, 3 rows"):
            rows("math-cot", 3, 0)
    else:
        assert [prompt for prompt, _ in texts(rows("math-cot", 3, 0))] == ["calc 1 + 1", "calc 2 + 1", "calc 3 + 1"]
