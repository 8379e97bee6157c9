"""Leafing through what models wrote: choose a run, a prompt and a step, and read the answer beside that of the base."""

from collections.abc import Sequence
from functools import cache
from html import escape

from rsft_utils import reference
from rsft_utils.printable import printable
from rsft_utils.reader import words

MOST_SYMBOLS = 2000  # of one answer; the longest that a micro model can give has a tenth of that


def explore(arms: Sequence[str] | None = None):
    """Widgets that choose an answer of the reference runs and show it; of all finished arms if none are named."""
    import ipywidgets as widgets

    read, busy = cache(_kept), False
    arm = widgets.Dropdown(description="arm", options=reference.finished() if arms is None else arms)
    # in this order: what the later ones offer depends on the earlier ones
    choices = {column: widgets.Dropdown(description=column) for column in ("seed", "benchmark", "prompt")}
    step = widgets.SelectionSlider(description="step", options=[""])  # a slider refuses to have no options
    choices["prompt"].layout.width = step.layout.width = "auto"  # all the width there is
    view = widgets.HTML()

    def update(_change=None):
        nonlocal busy
        if busy:  # a widget with new options is on its first one before it is back on the chosen one
            return
        busy = True
        try:
            rows = read(arm.value)
            for column, choice in choices.items():
                _offer(choice, tuple(dict.fromkeys(rows[column])), otherwise=0)
                rows = rows[rows[column] == choice.value]
            _offer(step, tuple(sorted(rows.step)), otherwise=-1)
            view.value = page(rows, choices["prompt"].value, step.value)
        finally:
            busy = False

    update()
    for choice in (arm, *choices.values(), step):
        choice.observe(update, names="value")
    return widgets.VBox([widgets.HBox([arm, choices["seed"], choices["benchmark"]]), choices["prompt"], step, view])


def page(table, prompt: str, step: int) -> str:
    """HTML: a prompt and two answers to it, that of the base and that at a step, with outcomes and lengths.

    `table`: kept greedy answers of one run (columns prompt, step, outcome, completion).
    """
    asked = table[table.prompt == prompt].set_index("step")
    styles = _styles()
    base, later = (
        _answer(title, words(prompt, asked.completion[at]), asked.outcome[at], styles)
        for title, at in (("base (step 0)", 0), (f"step {step}", step))
    )
    # no colour but those of the styles: the rest is the theme's, light or dark; room for the lines under the symbols
    return (
        '<div style="font-family:monospace; line-height:1.7; padding-bottom:6px; overflow-wrap:anywhere">'
        f"{_legend(styles)}<p><b>prompt</b><br>{escape(printable(prompt))}</p>"
        f'<div style="display:grid; grid-template-columns:1fr 1fr; gap:3em">{base}{later}</div></div>'
    )


def _kept(arm: str):
    """The kept greedy answers of an arm, with the seed of their run."""
    table = reference.load_completions(arm)
    seeds = {spec.name: spec.seed for spec in reference.arms()[arm]}
    return table[table.decoding == "greedy"].assign(seed=lambda kept: [seeds[run] for run in kept.run])


def _offer(choice, options: tuple, otherwise: int) -> None:
    """Give a widget new options; it keeps its value if that is still one of them, else takes the `otherwise`-th."""
    if options != tuple(choice.options):
        value = choice.value if choice.value in options else options[otherwise]
        with choice.hold_sync():  # the browser is told once
            choice.options = options
            choice.value = value


def _styles() -> dict[str, str]:
    """How each kind of symbol looks; the colours are those of plots.answers.

    They are lines under the symbols, straight or wavy: as letters, the green would be too pale on a white ground, and
    two colours alone say nothing to whoever cannot tell them apart.
    """
    import seaborn as sns

    colors = sns.color_palette("colorblind").as_hex()
    under = "font-weight:bold; text-underline-offset:3px; text-decoration-skip-ink:none; text-decoration:underline"
    return {
        "valid": f"{under} 2px {colors[2]}",
        "empty": f"{under} 2px wavy {colors[3]}",
        "frame": "opacity:0.6",  # greyer than the text around it, on a light ground and on a dark one
    }


def _legend(styles: dict[str, str]) -> str:
    valid, empty = _styled("valid backtrack", "valid", styles), _styled("empty backtrack", "empty", styles)
    frame = _styled("frame of thought and answer", "frame", styles)
    return f"<p>{valid}: something wrong is put right; {empty}: nothing is; {frame}</p>"


def _answer(title: str, shown: list[tuple[str, str]], outcome: str, styles: dict[str, str]) -> str:
    text = " ".join(_styled(symbol, kind, styles) for symbol, kind in shown[:MOST_SYMBOLS])
    if len(shown) > MOST_SYMBOLS:
        text += f" … {len(shown) - MOST_SYMBOLS:,} symbols more"
    return f"<div><b>{title}</b>: {escape(printable(outcome))}, {len(shown)} symbols<br>{text}</div>"


def _styled(text: str, kind: str, styles: dict[str, str]) -> str:
    # what a model wrote may be anything, and reads as markup even when it is harmless: `<think>`
    text = escape(text)
    return f'<span style="{styles[kind]}">{text}</span>' if kind in styles else text
