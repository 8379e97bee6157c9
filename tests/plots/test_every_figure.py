import re

import pytest
from drawing import (
    FIGURES,
    LABEL,
    OF_RUNS,
    OF_THE_STUDY,
    OF_WORDS,
    THREE_PANELS,
    arms,
    every_figure,
    every_figure_with_axes,
    legend,
    shown,
)
from matplotlib.figure import Figure

from rsft_utils import plots
from rsft_utils.plots import style
from rsft_utils.plots.style import TITLES
from rsft_utils.tables import summarise


@every_figure
def test_a_figure_is_written_as_png_and_svg(drawn, name, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "FIGURE_DPI", 30)  # quick
    assert isinstance(drawn(name), Figure)
    plots.save(drawn(name), tmp_path / "new" / "folder", name)
    assert (tmp_path / f"new/folder/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / f"new/folder/{name}.svg").read_bytes()


@every_figure
def test_the_same_table_gives_the_same_svg(summary, draw, name, tmp_path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        plots.save(draw(name, summary.copy()), tmp_path, file.stem, formats=["svg"])
    assert one.read_bytes() == two.read_bytes()
    assert not re.search(r"20\d\d-\d\d-\d\d", one.read_text())  # no date


def ticks(figure, side):
    return {tick.get_text() for axis in shown(figure) for tick in getattr(axis, f"get_{side}ticklabels")()}


@every_figure_with_axes
def test_what_the_axes_show_is_said(drawn, name):
    figure = drawn(name)
    rows_have_names = {"C1: part 1", "XS, no traces at all", "long CoT"} & ticks(figure, "y")
    assert any(axis.get_ylabel() for axis in shown(figure)) or rows_have_names
    labels = {axis.get_xlabel() for axis in shown(figure)} - {""}
    assert labels or figure.get_supxlabel() or "chain" in ticks(figure, "x")


@every_figure_with_axes
def test_lines_bars_and_colours_are_explained(drawn, name):
    notes = [text.get_text().strip() for axis in drawn(name).axes for text in axis.texts]
    numbers = [note for note in notes if note not in TITLES.values()]
    with_numbers = name in ("design_map", "changes") and all(re.fullmatch(r"[-+]?\d+", number) for number in numbers)
    assert legend(drawn(name)) or notes == ["limit of generation"] or (notes and with_numbers)


@pytest.mark.parametrize("name", OF_RUNS + OF_THE_STUDY + OF_WORDS)
def test_a_figure_of_runs_says_which(drawn, name):
    assert drawn(name).get_suptitle() == LABEL


@pytest.mark.parametrize("name", OF_RUNS + OF_THE_STUDY + OF_WORDS)
@pytest.mark.filterwarnings("error", "ignore::PendingDeprecationWarning")  # seaborn's own
def test_a_figure_is_drawn_without_a_warning(summary, draw, name):
    draw(name, summary).draw_without_rendering()


@pytest.mark.parametrize("name", OF_RUNS)
def test_several_runs_can_be_drawn(made_up_summary, name):
    FIGURES[name](made_up_summary(runs=3, steps=(0, 640))).draw_without_rendering()


@pytest.mark.parametrize("name", OF_RUNS)
@pytest.mark.filterwarnings("error")
def test_answers_that_nobody_gave_can_be_drawn(made_up_items, name):
    silent = made_up_items(steps=(0, 640)).assign(outcome="no_answer", cut_off=True)
    FIGURES[name](summarise(silent, model="S-seed0", dataset="math-cot", seed=0)).draw_without_rendering()


def test_another_table_gives_another_figure(made_up_summary, tmp_path):
    for n_items in (6, 7):
        figure = FIGURES["elicited_or_learned"](made_up_summary(n_items=n_items, steps=(0, 640)))
        plots.save(figure, tmp_path, str(n_items), formats=["svg"])
    assert (tmp_path / "6.svg").read_bytes() != (tmp_path / "7.svg").read_bytes()


def test_a_figure_says_in_words_what_it_shows(made_up_summary):
    words = plots.in_words(plots.compare(arms(made_up_summary()), THREE_PANELS, label=LABEL))
    assert words.startswith(f"{LABEL}. Panels: in domain; out of domain; safety. Across: optimiser step. Up: ")
    assert words.endswith("Legend: an arm; another arm")
