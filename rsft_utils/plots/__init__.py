"""The figures: pure functions of tables. Nothing here knows which curve should win."""

from rsft_utils.plots.bars import completion_lengths, elicited_or_learned, loss, mode_bars
from rsft_utils.plots.curves import dip_and_recovery, every_benchmark, published
from rsft_utils.plots.findings import four_findings
from rsft_utils.plots.levels import base_and_final, changes
from rsft_utils.plots.reader import answers
from rsft_utils.plots.safety import refusals, trade_off
from rsft_utils.plots.scorecard import scorecard
from rsft_utils.plots.study import compare, design_map, forest, limits, warm_up
from rsft_utils.plots.style import in_words, save

__all__ = [
    "answers",
    "base_and_final",
    "changes",
    "compare",
    "completion_lengths",
    "design_map",
    "dip_and_recovery",
    "elicited_or_learned",
    "every_benchmark",
    "forest",
    "four_findings",
    "in_words",
    "limits",
    "loss",
    "mode_bars",
    "published",
    "refusals",
    "save",
    "scorecard",
    "trade_off",
    "warm_up",
]
