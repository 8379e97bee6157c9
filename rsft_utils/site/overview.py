"""What the first page says about every notebook: its claim, and the verdicts on it, from the tables."""

import re
from collections import Counter
from dataclasses import dataclass
from math import isnan

from markupsafe import Markup

from rsft_utils import paths
from rsft_utils.site.markup import from_markdown, size
from rsft_utils.site.pages import Page

VERDICTS = ("held", "mixed", "did not hold", "inconclusive", "not run")


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
    rows: list[Row]


@dataclass(frozen=True)
class Overview:
    cards: list[Card]
    verdicts: dict[str, int]  # how many of each kind
    primary: tuple[int, int] | None  # how many primary endpoints stand after the correction, of how many
    size: tuple[int, int]  # of the figure of all findings


def overview(notebooks: dict[Page, str]) -> Overview:
    """A card for each notebook, given the text of its first cell, and what the scorecard says in all."""
    from rsft_utils.endpoints import primary_endpoints
    from rsft_utils.scorecard import scorecard

    table, primary = scorecard(), primary_endpoints()
    kinds, cards = Counter(table.micro), []
    for page, text in notebooks.items():
        rows = [
            Row(
                row.claim,
                row.statement,
                row.micro,
                "not public" if isnan(row.agree) else f"{100 * row.agree:.0f} % agree",
            )
            for row in table[table.notebook == page.name].itertuples()
        ]
        cards.append(Card(page, from_markdown(_claim(text)), _time(text), rows))
    stand = None if primary is None else (int((primary.p_holm < 0.05).sum()), len(primary))
    figure = size((paths.FIGURES / "micro" / "05_scorecard" / "four_findings.png").read_bytes())
    return Overview(cards, {verdict: kinds[verdict] for verdict in VERDICTS if kinds[verdict]}, stand, figure)


def _claim(text: str) -> str:
    """The paragraph that says what the notebook is about."""
    paragraphs = [part for part in text.split("\n\n") if not re.match(r"#|\[!|\|", part)]
    return next((part for part in paragraphs if part.startswith("**The claim.**")), paragraphs[0])


def _time(text: str) -> str:
    """The column `time` of the first row of the table of profiles."""
    header, _, first = [line.strip("| ").split(" | ") for line in re.findall(r"^\|.*$", text, re.MULTILINE)][:3]
    return first[header.index("time")]
