"""From a problem to the text of a worked trace: the careful kind for fine-tuning, the careless kind for pre-training.

Both kinds are written in one format, so that a base knows the form of a good trace.
"""

from dataclasses import replace

from rsft_utils.micro.item import Item, Segment, Step, slipped
from rsft_utils.micro.symbols import ANSWER, END_THINK, THINK

SLIP_SHARE, CHECK_SHARE = 0.2, 0.5  # of the steps of a trace
MAX_RAMBLE = 80  # symbols after which a trace that never closes breaks off

_INVERSE = {"+": "-", "-": "+"}


def checked(step: Step) -> str:
    """`check 5 - 2 = 3 ok` for `3 + 2 = 5`; empty where the step has no inverse."""
    parts = step.left.split()
    if step.link != "=" or len(parts) != 3 or parts[1] not in _INVERSE:
        return ""
    a, sign, b = parts
    return f"check {step.result} {_INVERSE[sign]} {b} = {a} ok"


def careful_trace(item: Item, rng) -> str:
    """`<think>` steps, some wrong at first and then corrected, some checked `</think>` summary and right answer.

    A slip is always noticed: `3 + 2 = 6 check no wait 3 + 2 = 5`. A failed attempt of a search is a backtrack of its
    own, so searches carry no slips.
    """
    return closed(item, thought(item, rng, noticed_share=1.0))


def second_teacher(item: Item, rng) -> str:
    """Another teacher's style: nothing is checked on the way, the whole solution is gone through again at the end.

    `3 + 2 = 6 no 3 + 2 = 5 ; ... check 3 + 2 = 5 ok`: slips are corrected in fewer words.
    """
    lines = []
    for segment in item.trace:
        slips = len(segment.steps) == 1 and rng.random() < SLIP_SHARE
        lines.append(f"{slipped(segment.steps[0], rng).text} no {segment.text}" if slips else segment.text)
    lines += [f"check {step.text} ok" for step in solution(item)]
    return closed(item, " ; ".join(lines))


def solution(item: Item) -> list[Step]:
    """The steps that lead to the answer, without the failed attempts of a search."""
    last = item.trace[-1].steps
    return list(last) if len(last) > 1 else [step for segment in item.trace for step in segment.steps]


def careless_trace(item: Item, rng, noticed_share: float, rambles: bool) -> str:
    """A trace as found in the wild: slips that may go unnoticed and, if it rambles, no end and no answer.

    A rambling trace starts over (`wait`) again and again; it stops without `</think>` after about MAX_RAMBLE symbols.
    """
    text = thought(item, rng, noticed_share)
    if not rambles:
        return closed(item, text)
    while len(text.split()) < MAX_RAMBLE and rng.random() < 0.85:
        text += f" ; wait {thought(item, rng, noticed_share)}"
    return " ".join(f"{THINK} {text}".split()[:MAX_RAMBLE])


def thought(item: Item, rng, noticed_share: float) -> str:
    """What stands between `<think>` and `</think>`: the steps, with slips and checks."""
    return " ; ".join(_line(segment, rng, noticed_share) for segment in item.trace)


def closed(item: Item, text: str) -> str:
    """The thought, then the clean summary and the right answer."""
    return f"{THINK} {text} {END_THINK} {item.summary} {ANSWER} {item.answer}"


def _line(segment: Segment, rng, noticed_share: float) -> str:
    searches = len(segment.steps) > 1
    steps, line = list(segment.steps), ""
    for i, step in enumerate(steps):
        if rng.random() >= SLIP_SHARE:
            continue
        if rng.random() >= noticed_share:
            steps[i] = slipped(step, rng)
        elif not searches:
            line = f"{slipped(step, rng).text} check no wait "
    line += replace(segment, steps=tuple(steps)).text
    if not searches and steps == list(segment.steps) and rng.random() < CHECK_SHARE:
        line = f"{line} {checked(steps[0])}".rstrip()
    return line
