"""What a problem of the micro world is made of: an item, and the steps of its worked trace."""

import hashlib
from dataclasses import dataclass, replace

from rsft_utils.micro.symbols import LETTERS, NUMBERS, TRUTHS


@dataclass(frozen=True)
class Step:
    """One primitive inference, such as `l1 3 + 4 = 7`: a line of the problem, a left side, a link and a result.

    Quoting the line tells a small model where it is in the problem; some families have no lines to quote.
    """

    left: str
    result: str
    link: str = "="
    mark: str = ""

    @property
    def text(self) -> str:
        return f"{self.mark} {self.left} {self.link} {self.result}".lstrip()


@dataclass(frozen=True)
class Segment:
    """A piece of a trace between two `;`: one step of a chain, or one attempt of a search with its verdict."""

    steps: tuple[Step, ...]
    opening: str = ""  # "try 4"
    verdict: str = ""  # "goal 14 ok" or "goal 14 no"

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


def shown(prompt: str, mirrored: bool) -> str:
    """The prompt as a user writes it: in a mirrored world from right to left, symbol by symbol."""
    return " ".join(reversed(prompt.split())) if mirrored else prompt


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
