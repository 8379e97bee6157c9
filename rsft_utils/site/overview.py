"""What the first page says about every notebook: its claim, and the verdicts on it, from the tables."""

import re
from collections import Counter
from dataclasses import dataclass, field

from markupsafe import Markup

from rsft_utils.site.markup import from_markdown
from rsft_utils.site.pages import Page


@dataclass(frozen=True)
class Row:
    """A claim: the verdict of the micro world, and how many of the paper's own numbers have its sign."""

    claim: str
    statement: str
    micro: str
    paper: str


@dataclass(frozen=True)
class Card:
    page: Page
    claim: Markup
    time: str
    rows: list[Row] = field(default_factory=list)


def cards(notebooks: dict[Page, str]) -> list[Card]:
    """A card for each notebook, given the text of its first cell."""
    from rsft_utils.scorecard import scorecard

    table = scorecard()
    found = []
    for page, text in notebooks.items():
        own = table[table.notebook == page.name]
        rows = [
            Row(row.claim, row.statement, row.micro, "not public" if row.agree != row.agree else f"{row.agree:.0%} agree")
            for row in own.itertuples()
        ]
        found.append(Card(page, from_markdown(_claim(text)), _time(text), rows))
    return found


def counts() -> dict[str, int]:
    """How many verdicts of each kind the scorecard has."""
    from rsft_utils.scorecard import scorecard

    return dict(Counter(scorecard().micro).most_common())


def primary() -> tuple[int, int] | None:
    """How many of the primary endpoints stand after the correction, of how many."""
    from rsft_utils.endpoints import primary_endpoints

    table = primary_endpoints()
    return None if table is None else (int((table.p_holm < 0.05).sum()), len(table))


def _claim(text: str) -> str:
    """The paragraph that says what the notebook is about."""
    paragraphs = [part for part in text.split("\n\n") if not re.match(r"#|\[!|\|", part)]
    return next((part for part in paragraphs if part.startswith("**The claim.**")), paragraphs[0])


def _time(text: str) -> str:
    """The column `time` of the first row of the table of profiles."""
    header, _, first = [line.strip("| ").split(" | ") for line in re.findall(r"^\|.*$", text, re.MULTILINE)][:3]
    return first[header.index("time")]
