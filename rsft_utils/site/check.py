"""What is wrong with a site: dead links, what would be loaded from elsewhere or run, headings and pictures."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Elements that run something, hold another page, send something away, or change where links lead.
FORBIDDEN = "script iframe frame object embed applet base form audio video source track portal svg math".split()
LOADING = ("src", "srcset", "poster", "background", "data", "xlink:href")


def problems(folder: Path) -> list[str]:
    """One line for each thing that is wrong, with the page that it is in."""
    from bs4 import BeautifulSoup

    pages = {file: BeautifulSoup(file.read_text("utf-8"), "html.parser") for file in sorted(folder.rglob("*.html"))}
    anchors = {file: {tag["id"] for tag in soup.find_all(id=True)} for file, soup in pages.items()}
    found = []
    for file, soup in pages.items():
        own = [*_dead_links(file, soup, anchors), *_loads(soup), *_runs(soup), *_structure(soup)]
        found += [f"{file.relative_to(folder).as_posix()}: {problem}" for problem in own]
    for file in sorted(folder.rglob("*.css")):
        if re.search(r"@import|url\(", file.read_text("utf-8")):
            found.append(f"{file.relative_to(folder).as_posix()}: a style sheet that loads something")
    return found


def _dead_links(page: Path, soup, anchors: dict[Path, set[str]]) -> Iterator[str]:
    for tag in soup.find_all(lambda tag: tag.has_attr("href") or tag.has_attr("src")):
        link = tag.get("href") or tag.get("src") or ""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if not link or not file.is_file():
            yield f"{link!r} leads nowhere"
        elif parts.fragment and unquote(parts.fragment) not in anchors.get(file, ()):
            yield f"{link!r} leads to no such place on that page"


def _loads(soup) -> Iterator[str]:
    for tag in soup.find_all(True):
        places = [tag[name] for name in LOADING if tag.has_attr(name)] + ([tag["href"]] if tag.name == "link" else [])
        yield from (f"<{tag.name}> loads {place!r}" for place in places if re.match(r"\s*([\w+.-]+:|//)", place))
        if "url(" in tag.get("style", "") or "image-set(" in tag.get("style", ""):
            yield f"<{tag.name}> has a style that loads something"


def _runs(soup) -> Iterator[str]:
    for tag in soup.find_all(True):
        if tag.name in FORBIDDEN or (tag.name == "meta" and tag.get("http-equiv", "").lower() == "refresh"):
            yield f"<{tag.name}> must not be there"
        yield from (f"<{tag.name}> has {name}" for name in tag.attrs if name.lower().startswith("on"))
        if tag.has_attr("href") and not re.match(r"(https?:|mailto:|[^:]*$)", tag["href"].strip(), re.IGNORECASE):
            yield f"<{tag.name}> leads to {tag['href']!r}"


def _structure(soup) -> Iterator[str]:
    if not (soup.html and soup.html.get("lang")):
        yield "no language is given"
    if not (soup.title and soup.title.get_text(strip=True)):
        yield "no title"
    yield from (
        f"a picture without a text in its place: {image['src']}" for image in soup("img") if not image.get("alt")
    )
    levels = [int(heading.name[1]) for heading in soup.find_all(re.compile("^h[1-6]$"))]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "the first heading, and no other, must be of level 1"
    if any(below > above + 1 for above, below in pairwise(levels)):
        yield "a level of headings is left out"
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    yield from (f"two places are called {anchor!r}" for anchor in sorted({i for i in ids if ids.count(i) > 1}))
