"""How the steps of a flawed trace are read, and the families that such traces are written for."""

import re

import pytest

from rsft_utils.micro.families import MATHS
from rsft_utils.micro.symbols import END_THINK, THINK

STEP = re.compile(r"(?:(l\d) )?(\d+) ([-+*]) (\d+) = (\d+)")
every_family = pytest.mark.parametrize("family", MATHS)


def lines(trace):
    """What stands between `<think>` and `</think>`."""
    assert trace.startswith(f"{THINK} ") and trace.count(THINK) == trace.count(END_THINK) == 1
    return trace.removeprefix(f"{THINK} ").partition(f" {END_THINK}")[0].split(" ; ")


def standing(line):
    """Steps of a line as (mark, number, sign, number, result), without those taken back and without checks."""
    return STEP.findall(line.rpartition(" check no wait ")[2].partition(" check ")[0])


def is_false(step, gold):
    *_, result = step
    return gold(f"calc {' '.join(step[1:4])}") != result


def answer_of(text):
    return text.rpartition("answer ")[2]
