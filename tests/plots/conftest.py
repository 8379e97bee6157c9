import functools

import pytest
from drawing import FIGURES, LABEL, card, changes, points, points_of_safety, verdicts, written

from rsft_utils import plots


@pytest.fixture(scope="session")
def summary(made_up_summary):
    return made_up_summary()


@pytest.fixture(scope="session")
def draw(made_up_designs):
    """Function that draws a figure by its name from a summary table, or from a map or verdicts of its own."""
    of_the_study = {
        "design_map": lambda _: plots.design_map(made_up_designs, label=LABEL),
        "forest": lambda _: plots.forest(verdicts(), label=LABEL),
        "changes": lambda _: plots.changes(changes(), label=LABEL),
        "base_and_final": lambda _: plots.base_and_final(points(), label=LABEL),
        "trade_off": lambda _: plots.trade_off(points_of_safety(), label=LABEL),
        "answers": lambda _: plots.answers(written(), label=LABEL),
        "scorecard": lambda _: plots.scorecard(card(), label=LABEL),
    }
    return lambda name, summary: {**FIGURES, **of_the_study}[name](summary)


@pytest.fixture(scope="session")
def drawn(summary, draw):
    """Function that draws a figure by its name, once."""
    return functools.cache(lambda name: draw(name, summary))
