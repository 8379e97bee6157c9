"""From a problem to the text of a worked trace: the clean kind for fine-tuning, the careless kind for pre-training."""

from rsft_utils.micro.item import Item, Segment, Step, slipped
from rsft_utils.micro.symbols import ANSWER, END_THINK, THINK

_INVERSE = {"+": "-", "-": "+"}


def checked(step: Step) -> str:
    """`check 5 - 2 = 3 ok` for `3 + 2 = 5`; empty where the step has no inverse."""
    parts = step.left.split()
    if step.link != "=" or len(parts) != 3 or parts[1] not in _INVERSE:
        return ""
    a, sign, b = parts
    return f"check {step.result} {_INVERSE[sign]} {b} = {a} ok"


def careful_trace(item: Item, rng, slip_share: float = 0.2, check_share: float = 0.5) -> str:
    """`<think>` steps, some wrong at first and then corrected, some checked `</think>` summary and right answer.

    A slip is always noticed: `3 + 2 = 6 check no wait 3 + 2 = 5`. A failed attempt of a search is a backtrack of its
    own, so searches carry no slips.
    """
    lines = []
    for segment in item.trace:
        line = segment.text
        if len(segment.steps) == 1:
            (step,) = segment.steps
            if rng.random() < slip_share:
                line = f"{slipped(step, rng).text} check no wait {line}"
            if rng.random() < check_share:
                line = f"{line} {checked(step)}".rstrip()
        lines.append(line)
    return f"{THINK} {' ; '.join(lines)} {END_THINK} {item.summary} {ANSWER} {item.answer}"


def careless_trace(item: Item, rng, slip_share: float, rambles: bool, max_symbols: int = 80) -> str:
    """A trace as found in the wild: slips that nobody corrects and, if it rambles, no end and no answer.

    A rambling trace starts over (`wait`) again and again; it stops without `</think>` after about `max_symbols`.
    """

    def lines(segments: tuple[Segment, ...]) -> str:
        return " ; ".join(_careless(segment, rng, slip_share).text for segment in segments)

    text = f"{THINK} {lines(item.trace)}"
    if not rambles:
        return f"{text} {END_THINK} {ANSWER} {item.answer}"
    while len(text.split()) < max_symbols and rng.random() < 0.85:
        text += f" ; wait {lines(item.trace)}"
    return " ".join(text.split()[:max_symbols])


def _careless(segment: Segment, rng, slip_share: float) -> Segment:
    steps = tuple(slipped(step, rng) if rng.random() < slip_share else step for step in segment.steps)
    return Segment(steps, segment.opening, segment.verdict)
