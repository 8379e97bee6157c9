"""Which files become pages, and where a link in one of them leads on the site.

Files are named by their path in the project, with slashes: `docs/teaching.md`. A page lies at the same place on the
site, as .html, so most links stay what they are.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from rsft_utils import paths

PICTURES = ("figures/micro", "figures/published", "docs/pictures")  # copied as they are
FIRST_DOCUMENTS = ("notebooks/PREREG.md", "notebooks/LAB_LOG.md", "docs/README.md")  # the others by name
LANGUAGES = {"README.ko.md": "ko"}


@dataclass(frozen=True)
class Page:
    source: str
    title: str

    @property
    def target(self) -> str:
        return target(self.source)

    @property
    def name(self) -> str:
        """Such as `01_dip_and_recovery`."""
        return posixpath.splitext(posixpath.basename(self.source))[0]

    @property
    def lang(self) -> str:
        return LANGUAGES.get(self.source, "en")

    @property
    def is_notebook(self) -> bool:
        return self.source.endswith(".ipynb")


def pages() -> list[Page]:
    """All pages in the order of reading: README, notebooks, documents, and the README in other languages."""
    notebooks = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
    documents = [paths.ROOT / name for name in FIRST_DOCUMENTS]
    documents += [file for file in sorted((paths.ROOT / "docs").glob("*.md")) if file not in documents]
    others = [*sorted(paths.DATA.glob("*/README.md")), *(paths.ROOT / name for name in LANGUAGES)]
    files = [paths.ROOT / "README.md", *notebooks, *documents, *others]
    return [Page(file.relative_to(paths.ROOT).as_posix(), _title(_text(file))) for file in files]


def _text(file: Path) -> str:
    text = file.read_text("utf-8")
    return "".join(json.loads(text)["cells"][0]["source"]) if file.suffix == ".ipynb" else text


def _title(text: str) -> str:
    """The first heading of a text."""
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def target(source: str) -> str:
    """Where the page of a file lies on the site."""
    return posixpath.splitext(source)[0] + ".html"


def destination(link: str, source: str, known: Container[str]) -> str:
    """Where a link in a file leads on the site: a page, a figure, or a file at the project's public address.

    `known` are the sources of all pages. A link to what does not exist stays as it is, and the check finds it.
    """
    file, anchor = linked(link, source), urlsplit(link).fragment
    anchor = f"#{anchor}" if anchor else ""
    if file in known:
        return relative(target(file), source) + anchor
    if not file or file.startswith(("..", *PICTURES)) or not (paths.ROOT / file).exists():
        return link
    kind = "tree" if (paths.ROOT / file).is_dir() else "blob"
    return f"{repository()}/{kind}/main/{quote(file)}{anchor}"


def linked(link: str, source: str) -> str:
    """The file of the project that a link in a file names; nothing for an address or a place on the same page."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(parts.path)))


@cache
def sections(source: str) -> dict[str, str]:
    """The headings of a notebook's sections and exercises, by `section 7` and `exercise 2`."""
    cells = json.loads((paths.ROOT / source).read_text("utf-8"))["cells"] if source.endswith(".ipynb") else ()
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    numbered = re.finditer(r"^##+ ((?:(\d+)\.|Exercise (\d+)) .+)$", text, re.MULTILINE)
    return {f"section {found[2]}" if found[2] else f"exercise {found[3]}": found[1] for found in numbered}


def relative(place: str, source: str) -> str:
    """The way from the page of a file to a place on the site."""
    return posixpath.relpath(place, posixpath.dirname(source) or ".")


@cache
def repository() -> str:
    """The project's public address, from pyproject.toml."""
    return tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
