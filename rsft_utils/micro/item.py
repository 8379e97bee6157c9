"""What a problem of the micro world is made of: an item, and the steps of its worked trace."""

import hashlib
from dataclasses import dataclass, replace

from rsft_utils.micro.symbols import LETTERS, NUMBERS, TRUTHS


@dataclass(frozen=True)
class Step:
    """One primitive inference, such as `3 + 4 = 7`: a left side, a link and a result of one symbol."""

    left: str
    result: str
    link: str = "="

    @property
    def text(self) -> str:
        return f"{self.left} {self.link} {self.result}"


@dataclass(frozen=True)
class Segment:
    """A piece of a trace between two `;`: one step of a chain, or one attempt of a search with its verdict."""

    steps: tuple[Step, ...]
    opening: str = ""  # "try 4"
    verdict: str = ""  # "ok" or "no"

    @property
    def text(self) -> str:
        parts = [self.opening, *(step.text for step in self.steps)]
        return " , ".join(part for part in parts if part) + (f" {self.verdict}" if self.verdict else "")


@dataclass(frozen=True)
class Item:
    """One problem: what the user says, the right answer, and the trace that leads to it (empty if there is none).

    `summary` is the clean account that follows a trace: the values on the way, without search or slips.
    """

    family: str
    prompt: str
    answer: str
    trace: tuple[Segment, ...] = ()
    summary: str = ""

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.family}|{self.prompt}".encode()).hexdigest()[:12]


def slipped(step: Step, rng) -> Step:
    """The same step with another result of the same kind: a number at most 5 off, a truth value, a player."""
    if step.result in NUMBERS:
        right = int(step.result)
        alphabet = NUMBERS[max(0, right - 5) : right + 6]
    elif step.result in TRUTHS:
        alphabet = TRUTHS
    else:
        alphabet = LETTERS[:4]  # the players of habits.tracking
    return replace(step, result=rng.choice([symbol for symbol in alphabet if symbol != step.result]))
