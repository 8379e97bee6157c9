"""From notebooks and documents to a folder of pages."""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from rsft_utils import paths, store
from rsft_utils.site import check
from rsft_utils.site.cells import cells
from rsft_utils.site.markup import finished, from_markdown
from rsft_utils.site.overview import overview
from rsft_utils.site.pages import PICTURES, Page, pages, relative, repository
from rsft_utils.specs import RunSpec

LIBRARIES = ("torch", "transformers", "trl", "pandas")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Built:
    """What the pages were made from."""

    profile: str
    when: str
    commit: str
    versions: dict[str, str]


def profile_for(runs: Sequence[RunSpec]) -> str:
    """With which profile notebooks need no training: micro if all of these runs are in the store, else published."""
    return "micro" if all(map(store.is_complete, runs)) else "published"


def build(copies: dict[str, Path], profile: str) -> Path:
    """Write the site to paths.SITE and check it; returns the first page.

    `copies`: the executed copy of every notebook, by name. Raises SystemExit with a list if a page is not in order.
    """
    import nbformat

    notebooks = {f"notebooks/{name}.ipynb": nbformat.read(file, as_version=4) for name, file in copies.items()}
    write(notebooks, profile, paths.SITE)
    if wrong := check.problems(paths.SITE):
        raise SystemExit(f"the site in {paths.shown(paths.SITE)} is not in order:\n  " + "\n  ".join(wrong))
    return paths.SITE / "index.html"


def write(notebooks: dict, profile: str, folder: Path) -> None:
    """Write the pages of executed notebooks, by their source, and of all documents; what was in the folder goes."""
    shutil.rmtree(folder, ignore_errors=True)
    for pictures in PICTURES:
        shutil.copytree(paths.ROOT / pictures, folder / pictures)
    shutil.copy(HERE / "templates" / "style.css", folder / "style.css")
    everything, built = pages(), _built(profile)
    chain = [page for page in everything if page.lang == "en"]
    before = {page: earlier for earlier, page in pairwise(chain)}
    behind = dict(pairwise(chain))
    known = {page.source for page in everything}
    environment = _environment(built, everything)
    for page in everything:
        if page.is_notebook:
            parts = cells(notebooks[page.source], page.name, profile, folder / "notebooks" / page.name)
            content = environment.get_template("cells.html.j2").render(cells=parts)
        else:
            content = from_markdown((paths.ROOT / page.source).read_text("utf-8"))
        body, headings = finished(content, page.source, known)
        around = {"before": before.get(page), "behind": behind.get(page)}
        _write(environment, "page.html.j2", folder / page.target, page=page, body=body, headings=headings, **around)
    first_cells = {page: notebooks[page.source].cells[0].source for page in everything if page.is_notebook}
    _write(
        environment,
        "index.html.j2",
        folder / "index.html",
        page=Page("index.md", everything[0].title),
        front=overview(first_cells),
    )


def _environment(built: Built, everything: list[Page]):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"built": built, "pages": everything, "relative": relative, "repository": repository()}
    return environment


def _write(environment, template: str, file: Path, **content) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(environment.get_template(template).render(**content), "utf-8")


def _built(profile: str) -> Built:
    versions = {"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    return Built(profile, datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), _commit(), versions)


def _commit() -> str:
    """The state of the project, such as `7eb0af0`; nothing outside a git checkout."""
    asked = ["git", "-C", str(paths.ROOT), "describe", "--always", "--dirty=, changed since", "--exclude=*"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
