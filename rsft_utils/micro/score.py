"""What a completion of a micro model amounts to: its form, its answer, and whether the answer is right."""

from dataclasses import dataclass

from rsft_utils.micro.countdown import Verdict, verify
from rsft_utils.micro.item import Item
from rsft_utils.micro.symbols import ANSWER, END, END_THINK, REFUSAL, THINK

OUTCOMES = ("correct", "wrong", "refused", "no_answer")


@dataclass(frozen=True)
class Score:
    """`outcome` is one of OUTCOMES; a completion that never ends is `cut_off` and counts as `no_answer`."""

    outcome: str
    cut_off: bool
    long_format: bool  # it thinks aloud
    n_tokens: int
    thought: str  # between <think> and </think>, or up to the cut


def score(item: Item, completion: str) -> Score:
    """Judge a completion (symbols separated by blanks, `<end>` included if the model ended it).

    Only what follows the last `</think>` counts, and there what follows the last `answer`. A refusal is a visible part
    that begins with `sorry`. Never raises, whatever the completion holds.
    """
    symbols = completion.split()
    cut_off = END not in symbols
    if not cut_off:
        symbols = symbols[: symbols.index(END)]
    long_format = THINK in symbols
    thought, visible = _split(symbols)
    if cut_off:
        outcome = "no_answer"
    elif visible[:1] == [REFUSAL]:
        outcome = "refused"
    elif ANSWER not in visible:
        outcome = "no_answer"
    else:
        last = len(visible) - visible[::-1].index(ANSWER)
        outcome = "correct" if is_right(item, " ".join(visible[last:])) else "wrong"
    return Score(outcome, cut_off, long_format, len(symbols) + (not cut_off), " ".join(thought))


def is_right(item: Item, answer: str) -> bool:
    """Exact match, except for Countdown, where every solution counts."""
    if item.family != "countdown":
        return answer == item.answer
    numbers, target = item.prompt.removeprefix("game ").split(" -> ")
    return verify(answer, [int(n) for n in numbers.split()], int(target)) is Verdict.CORRECT


def visible_from(symbols: list[str]) -> int:
    """Where the visible part begins: behind the last `</think>`, or nowhere if a thought is open at the end."""
    start = len(symbols) - symbols[::-1].index(END_THINK) if END_THINK in symbols else 0
    return len(symbols) if THINK in symbols[start:] else start


def _split(symbols: list[str]) -> tuple[list[str], list[str]]:
    """The thought and the visible part. A thought that is never closed leaves nothing visible."""
    start = visible_from(symbols)
    thought, visible = symbols[:start], symbols[start:]
    return [symbol for symbol in thought if symbol not in (THINK, END_THINK)], visible
