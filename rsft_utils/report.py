"""The table that `make figures` ends with: every figure that was drawn, the minutes of its notebook, the verdicts."""

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

from rsft_utils import paths
from rsft_utils.runner import Executed

VERDICT_WIDTH = 44  # with the longest figure's path 112 columns


def summary(notebooks: Sequence[Executed]) -> str:
    """One row per figure. Only the first of a notebook names the folder and the minutes."""
    rows = [row for notebook in notebooks for row in _rows(notebook)]
    width = max(len(figure) for figure, _, _ in rows)
    header = ("figure", "minutes", "verdicts on the claims (reference runs)")
    return "\n".join(f"{a:{width}}  {b:>7}  {c}".rstrip() for a, b, c in (header, *rows))


def _rows(notebook: Executed) -> list[tuple[str, str, str]]:
    folder = f"{paths.shown(paths.FIGURES_LOCAL / notebook.result['notebook'])}/"
    names = [f"{figure}.png" for figure in notebook.result["figures"]] or ["(no figure)"]
    figures = [f"{folder}{names[0]}", *(f"{'':{len(folder)}}{name}" for name in names[1:])]
    return list(zip_longest(figures, [f"{notebook.seconds / 60:.1f}"], _verdicts(notebook.result), fillvalue=""))


def _verdicts(result: dict) -> list[str]:
    """Claims by verdict, in lines, those that held first."""
    claims: dict[str, list[str]] = {}
    for claim, verdict in result["verdicts"].items():
        claims.setdefault(verdict, []).append(claim)
    texts = [
        f"{verdict}: {', '.join(names)}"
        for verdict, names in sorted(claims.items(), key=lambda item: item[0] != "held")
    ]
    return [line for text in texts for line in wrap(text, VERDICT_WIDTH, subsequent_indent="  ")]
