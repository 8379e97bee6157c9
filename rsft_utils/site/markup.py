"""Markdown to HTML, and what the HTML of every page needs: anchors, links that lead on, tables that scroll, colours."""

import re
import struct
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from rsft_utils import paths
from rsft_utils.plots.style import FIGURE_DPI
from rsft_utils.site import clean, pages

NUMBER = re.compile(r"([-+−]?[\d.,]+ ?%?|NaN|nan|)")
LONG = 30  # characters; a cell with more has a least width, and a narrow screen scrolls


@dataclass(frozen=True)
class Heading:
    level: int
    anchor: str
    text: str


def from_markdown(text: str) -> Markup:
    """Sanitised HTML of the project's Markdown."""
    return Markup(clean.text(_markdown()(text)))


@cache
def _markdown():
    import mistune

    return mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])


def finished(html: str, source: str, known: Container[str]) -> tuple[Markup, list[Heading]]:
    """The content of a page made ready to be read, and its headings below the title.

    `source` is the file that it comes from, `known` those of all pages.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for link in soup.find_all("a", href=True):
        _lead_on(link, source, known)
    for image in soup.find_all("img"):
        _frame(image, source)
    for table in soup.find_all("table"):
        _lay_out(soup, table)
    for code in soup.select("pre > code[class^=language-]"):
        _color(code)
    for pre in soup.find_all("pre"):
        pre["tabindex"] = "0"  # what scrolls can be reached with the keyboard
    headings = _anchored(soup)
    return Markup(str(soup)), headings


def _lead_on(link, source: str, known: Container[str]) -> None:
    """Send a link where its page, figure or file lies, `01, section 7` or `01, exercise 2` to that part of one."""
    file, link["href"] = pages.linked(link["href"], source), pages.destination(link["href"], source, known)
    if file in known and (named := re.search(r"(?:section|exercise) \d+", link.text)) and "#" not in link["href"]:
        heading = pages.sections(file).get(named[0])
        link["href"] += f"#{slug(heading)}" if heading else ""


def _frame(image, source: str) -> None:
    """A picture of the project in a panel of its own; of one from elsewhere, such as a badge, only what it says."""
    if "://" in image["src"]:
        image.replace_with(image["alt"])
        return
    image["loading"] = "lazy"
    if (file := paths.ROOT / pages.linked(image["src"], source)).is_file():
        image["width"], image["height"] = size(file.read_bytes())
    if image.parent.name == "p" and not image.parent.get_text(strip=True):
        image.parent.name, image.parent["class"] = "figure", "picture"


def _lay_out(soup, table) -> None:
    """A table in a box that scrolls, columns of numbers to the right, headers that say what they are for."""
    body = [row.find_all(["td", "th"]) for row in table.select("tbody tr")]
    header = [row.find_all("th") for row in table.select("thead tr")]
    for cell in (cell for row in header for cell in row):
        cell["scope"] = "col"
    for cell in table.select("tbody th"):
        cell["scope"] = "row"
    # counted from the right: on the left a cell may stand for several rows
    for place in range(1, max(map(len, body), default=0) + 1):
        column = [row[-place] for row in body if len(row) >= place]
        if all(_is_number(cell) for cell in column):
            above = [row[-place] for row in header if len(row) >= place and not row[-place].get("colspan")]
            for cell in [*column, *above]:
                cell["class"] = "number"
    for cell in (cell for row in body for cell in row if len(cell.get_text()) > LONG):
        cell["class"] = "long"
    for cell in table.select("[style]"):
        del cell["style"]  # Markdown's and pandas' alignment
    for name in table.find_all(["a", "code"], string=re.compile("_")):  # may be broken where words end
        first, *others = name.string.split("_")
        name.clear()
        name.extend([first, *(part for word in others for part in ("_", soup.new_tag("wbr"), word))])
    box = soup.new_tag("div", attrs={"class": "scroll", "role": "region", "aria-label": "Table", "tabindex": "0"})
    table.wrap(box)


def _is_number(cell) -> bool:
    return cell.name == "td" and ("right" in cell.get("style", "") or bool(NUMBER.fullmatch(cell.get_text(strip=True))))


def _color(code) -> None:
    """Mark the parts of a program, as far as its language is known."""
    from bs4 import BeautifulSoup
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(code["class"][0].removeprefix("language-"), stripnl=False)
    except ClassNotFound:
        return
    colored = highlight(code.get_text(), lexer, HtmlFormatter(nowrap=True))
    code.clear()
    code.append(BeautifulSoup(f"<pre>{colored}</pre>", "html.parser").pre)  # else indentation is lost
    code.pre.unwrap()


def _anchored(soup) -> list[Heading]:
    """Give every heading the anchor that a forge would give it."""
    used, headings = Counter(), []
    for heading in soup.find_all(re.compile("^h[1-6]$")):
        anchor = slug(heading.get_text())
        heading["id"] = f"{anchor}-{used[anchor]}" if used[anchor] else anchor
        used[anchor] += 1
        headings.append(Heading(int(heading.name[1]), heading["id"], heading.get_text()))
    return [heading for heading in headings if heading.level > 1]


def slug(heading: str) -> str:
    """The anchor that a forge makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a figure on a page, so that type is as large in a small figure as in a large one."""
    return tuple(round(pixels * 96 / FIGURE_DPI) for pixels in struct.unpack(">II", png[16:24]))
