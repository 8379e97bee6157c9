"""Problems of the micro world that have a trace, drawn by seeds."""

from random import Random

import pytest

from rsft_utils.micro.countdown import countdown
from rsft_utils.micro.families import LONGER, PROBLEMS

MAKERS = {**PROBLEMS, "countdown": countdown}
WITH_TRACES = [family for family in MAKERS if MAKERS[family](Random(0)).trace]
SEARCHES = ("equation", "lock", "countdown")
SEEDS = range(200)
every_family = pytest.mark.parametrize("family", WITH_TRACES)


def draws(family, seeds=SEEDS):
    makers = [known[family] for known in (MAKERS, LONGER) if family in known]
    return [make(Random(seed)) for make in makers for seed in seeds]
