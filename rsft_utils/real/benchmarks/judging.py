"""The judgement of answers to the paper's benchmarks: by the scorer of each, from what is visible."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan

from rsft_utils.real.answers import thinks_aloud, visible
from rsft_utils.real.benchmarks.definitions import BENCHMARKS
from rsft_utils.real.benchmarks.questions import Item
from rsft_utils.real.scoring import endpoint, instructions, safety
from rsft_utils.real.scoring.verdict import NotJudged, Verdict


@dataclass(frozen=True)
class Judged:
    """What is known of one answer; the columns of the items table that concern the answer, and who judged it.

    `outcome` is one of micro.score.OUTCOMES. An answer that was cut off keeps the outcome of what it shows.
    """

    outcome: str
    cut_off: bool
    long_format: bool
    n_tokens: int
    by: str
    value: float = nan  # on the judge's own scale: 1 to 5 for HEx-PHI


def check_scorable(name: str, items: Iterable[Item], ask: Callable | None = None) -> None:
    """Raise before answers are generated if score() could not judge them.

    ValueError: no judge, or half the settings of one. CannotWork: data of a package is missing and cannot be fetched.
    """
    benchmark = BENCHMARKS[name]
    if benchmark.judge is None:
        raise ValueError(f"{name} has no right answers to count: {benchmark.metric}")
    if benchmark.needs_judge and ask is None:
        raise ValueError(f"{name} needs a judge: pass {benchmark.needs_judge}")
    if benchmark.judge is safety.judge and ask is None:
        endpoint.from_environment()
    if benchmark.judge is instructions.judge:
        instructions.check_data(item.reference for item in items)


def score(item: Item, completion: str, ended: bool, n_tokens: int = 0, ask: Callable | None = None) -> Judged:
    """Judge one completion by what is visible after the last `</think>`; nothing visible is no answer.

    `ended`: the model stopped by itself. `n_tokens` is only passed on. `ask` is the judge model where there is one
    (see `needs_judge`; optional for HEx-PHI). Raises NotJudged when that fails, and nothing because of the text.
    """
    benchmark, seen = BENCHMARKS[item.benchmark], visible(completion)
    if seen.strip():
        check_scorable(item.benchmark, (), ask)
        verdict = benchmark.judge(item.reference, seen, ended, ask)
    else:
        verdict = Verdict("no_answer", "nothing visible")
    return Judged(verdict.outcome, not ended, thinks_aloud(completion), n_tokens, verdict.by, verdict.value)


def score_all(answers: Iterable[tuple], ask: Callable | None = None, workers: int = 8) -> list[Judged | NotJudged]:
    """score() for tuples of (item, completion, ended, n_tokens), with `workers` questions to the judge at a time.

    An answer that its judge failed on yields the NotJudged itself, so that the others are not lost.
    """

    def one(answer: tuple) -> Judged | NotJudged:
        try:
            return score(*answer, ask=ask)
        except NotJudged as failure:
            return failure

    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(one, answers))
