"""Fenced blocks of code in texts for people, and whether they print what stands below them."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block and the one behind it, if only blank lines stand between."""

    language: str
    text: str
    following: tuple[str, str]  # language, text


def blocks(text: str) -> Iterator[Block]:
    found = list(FENCE.finditer(text))
    for here, behind in zip_longest(found, found[1:]):
        adjoins = behind is not None and not text[here.end() : behind.start()].strip()
        yield Block(here[1], here[2], (behind[1], behind[2]) if adjoins else ("", ""))


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", text)


def lines(printed: str) -> list[str]:
    """What is compared of what code prints: blanks at the end of a line are not seen."""
    return [line.rstrip() for line in printed.rstrip("\n").split("\n")]
