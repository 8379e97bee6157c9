"""An executed notebook as the content of a page: its text, its code, and what may be shown of its outputs."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from rsft_utils import paths
from rsft_utils.comparisons import COMPARISONS
from rsft_utils.site import clean, markup, pages, widgets

SHOWN = re.compile(r'notebook\.show\((\w+).*?, NAME, "(\w+)"\)', re.DOTALL)
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Output:
    """What a cell said: `kind` is text, warning, html, widget or figure, `content` its text, HTML or address."""

    kind: str
    content: str | Markup
    alt: str = ""
    size: tuple[int, int] = (0, 0)
    note: str = ""


@dataclass(frozen=True)
class Cell:
    kind: str  # markdown, code, or parameters: those that the page was made with
    content: str | Markup
    outputs: tuple[Output, ...] = ()
    folded: bool = False


def cells(notebook, name: str, profile: str, folder: Path) -> Iterator[Cell]:
    """The cells of an executed notebook. Its figures are written to `folder`, beside the page of the same name."""
    setup = False
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            setup = cell.source.startswith("## Setup")
            yield Cell("markdown", markup.from_markdown(cell.source))
        elif cell.cell_type == "code" and cell.source.strip():
            injected = "injected-parameters" in cell.metadata.get("tags", [])
            outputs = tuple(_outputs(cell, number, name, profile, folder, widgets.states(notebook)))
            yield Cell("parameters" if injected else "code", cell.source, outputs, folded=setup)


def _outputs(cell, number: int, name: str, profile: str, folder: Path, states: dict) -> Iterator[Output]:
    from nbconvert.preprocessors import coalescestreams

    cell, _ = coalescestreams.CoalesceStreamsPreprocessor().preprocess_cell(cell, {}, number)
    source, figure = _shown(cell.source, number)
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "stream":
            reference = _reference(name, figure, "Drawn from the reference runs: this profile has no numbers for it.")
            if reference and output.text.startswith(f"{figure}: not drawn"):
                yield reference
            else:
                yield Output("warning" if output.name == "stderr" else "text", _plain(output.text))
        elif output.output_type == "error":
            yield Output("warning", _plain("\n".join(output.traceback)))
        elif WIDGET in data:
            yield Output("widget", widgets.view(states, data[WIDGET]["model_id"]))
        elif "image/png" in data:
            yield _figure(output, name, figure, folder)
            # with the paper's numbers, the reader sees the micro world's figure, too
            if profile == "published" and name in COMPARISONS and source == "pictures":
                yield from filter(None, [_reference(name, figure, "The same figure, drawn from the reference runs.")])
        elif "text/html" in data:
            yield Output("html", Markup(clean.output(data["text/html"])))
        elif "text/plain" in data:
            yield Output("text", _plain(data["text/plain"]))


def _plain(text: str) -> str:
    from nbconvert.filters import strip_ansi

    return strip_ansi(text).rstrip()


def _shown(source: str, number: int) -> tuple[str, str]:
    """The variable and the name in `notebook.show(pictures, NAME, "bases")`."""
    found = SHOWN.search(source)
    return (found[1], found[2]) if found else ("", f"figure-{number}")


def _figure(output, name: str, figure: str, folder: Path) -> Output:
    content = base64.b64decode(output.data["image/png"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure}.png").write_bytes(content)
    alt = [_spoken(figure), output.metadata.get("image/png", {}).get("alt")]
    return Output("figure", f"{folder.name}/{figure}.png", ". ".join(filter(None, alt)), markup.size(content))


def _reference(name: str, figure: str, note: str) -> Output | None:
    """The committed figure of that name, drawn from the reference runs."""
    file = paths.FIGURES / "micro" / name / f"{figure}.png"
    if not file.exists():
        return None
    place = pages.relative(file.relative_to(paths.ROOT).as_posix(), f"notebooks/{name}.ipynb")
    return Output("figure", place, f"{_spoken(figure)}, from the reference runs", markup.size(file.read_bytes()), note)


def _spoken(figure: str) -> str:
    return f"Figure: {figure.replace('_', ' ')}"
