"""The paper's benchmarks for real models: how each is asked, its questions, and the judgement of answers to them.

How one answer is judged stands in scoring/, a file per kind of answer.
"""

from rsft_utils.real.benchmarks.definitions import BENCHMARKS, Benchmark, table
from rsft_utils.real.benchmarks.judging import Judged, check_scorable, score, score_all
from rsft_utils.real.benchmarks.questions import Item, items
from rsft_utils.real.scoring.verdict import NotJudged

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "Item",
    "Judged",
    "NotJudged",
    "check_scorable",
    "items",
    "score",
    "score_all",
    "table",
]
