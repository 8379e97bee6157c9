import functools
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rsft_utils import plots, published
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.stats import role_curves
from rsft_utils.tables import summarise

LABEL = "what was run"


def draw_dip(summary):
    return plots.dip_and_recovery(summary, published.curves(["Qwen3-1.7B", "Qwen3-4B"]), label=LABEL)


def draw_bases(summary):
    other = summary.assign(model="M-seed0", run="M-seed0", mean=summary["mean"] / 2)
    return plots.mode_bars(pd.concat([summary, other]).query("step == 0"), label=LABEL)


def draw_loss(summary):
    curve = pd.DataFrame({"run": ["a", "a", "b"], "step": [10, 20, 10], "loss": [3.0, 2.0, 2.5], "rate": 1e-4})
    return plots.loss(curve)


FIGURES = {
    "dip_and_recovery": draw_dip,
    "every_benchmark": lambda summary: plots.every_benchmark(summary, label=LABEL),
    "elicited_or_learned": lambda summary: plots.elicited_or_learned(summary, label=LABEL),
    "mode_bars": draw_bases,
    "loss": draw_loss,
    "completion_lengths": lambda summary: plots.completion_lengths([20, 40, 90, 100], limit=192),
    "published": lambda summary: plots.published(published.curves(["Qwen3-1.7B", "Qwen3-4B"])),
}
OF_RUNS = ["dip_and_recovery", "every_benchmark", "elicited_or_learned", "mode_bars"]
every_figure = pytest.mark.parametrize("name", FIGURES)


@pytest.fixture(scope="module")
def summary(made_up_summary):
    return made_up_summary()


@pytest.fixture(scope="module")
def drawn(summary):
    """Function that draws a figure by its name, once."""
    return functools.cache(lambda name: FIGURES[name](summary))


def shown(figure):
    return [axis for axis in figure.axes if axis.axison]


def legend(figure):
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def panel(figure, row, role):
    """The axes in a row of the figure, in the column that bears the role's title."""
    (titled,) = (axis for axis in figure.axes if axis.get_title() == plots.TITLES[role])
    column = titled.get_subplotspec().colspan.start
    specs = {axis: axis.get_subplotspec() for axis in figure.axes}
    places = {(spec.rowspan.start, spec.colspan.start): axis for axis, spec in specs.items()}
    return places[row, column]


@every_figure
def test_a_figure_is_written_as_png_and_svg(drawn, name, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "FIGURE_DPI", 30)  # quick
    assert isinstance(drawn(name), Figure)
    plots.save(drawn(name), tmp_path / "new" / "folder", name)
    assert (tmp_path / f"new/folder/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / f"new/folder/{name}.svg").read_bytes()


@every_figure
def test_the_same_table_gives_the_same_svg(summary, name, tmp_path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        plots.save(FIGURES[name](summary.copy()), tmp_path, file.stem, formats=["svg"])
    assert one.read_bytes() == two.read_bytes()
    assert not re.search(r"20\d\d-\d\d-\d\d", one.read_text())  # no date


@every_figure
def test_what_the_axes_show_is_said(drawn, name):
    figure = drawn(name)
    assert any(axis.get_ylabel() for axis in shown(figure))
    categories = {tick.get_text() for axis in shown(figure) for tick in axis.get_xticklabels()}
    labels = {axis.get_xlabel() for axis in shown(figure)} - {""}
    assert labels or figure.get_supxlabel() or "chain" in categories


@every_figure
def test_lines_and_bars_are_explained(drawn, name):
    notes = [text.get_text().strip() for axis in drawn(name).axes for text in axis.texts]
    assert legend(drawn(name)) or notes == ["limit of generation"]


@pytest.mark.parametrize("name", OF_RUNS)
def test_a_figure_of_runs_says_which(drawn, name):
    assert drawn(name).get_suptitle() == LABEL


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


def line(axis, label):
    (found,) = (line for line in axis.get_lines() if line.get_label() == label)
    return list(found.get_ydata())


@pytest.mark.parametrize("role", ["ID", "OOD", "GEN"])
def test_the_dip_figure_shows_the_means_of_the_table(summary, drawn, role):
    figure = drawn("dip_and_recovery")
    for row, metric, label in ((0, "score", "mean (95 %)"), (1, "cut_off", "cut off at the limit")):
        curve = role_curves(summary, metric=metric).set_index("role").loc[role].sort_values("step")
        assert line(panel(figure, row, role), label) == curve["mean"].tolist()
        assert label in legend(figure)


def test_safety_is_split_into_compliance_and_refusal(summary, drawn):
    figure = drawn("dip_and_recovery")
    rows = summary.query("mode == 'free' and decoding == 'greedy'").sort_values("step")
    for label, benchmark, metric in (
        ("harmful: complied with\n(attack success)", "harmful", "score"),
        ("harmful: refused", "harmful", "refused"),
        ("harmless: refused", "benign", "score"),
    ):
        wanted = rows[(rows.benchmark == benchmark) & (rows.metric == metric)]["mean"].tolist()
        assert line(panel(figure, 0, "SAFE"), label) == wanted
        assert label in legend(figure)
    assert "mean (95 %)" not in [line.get_label() for line in panel(figure, 0, "SAFE").get_lines()]


def test_chance_is_drawn_where_guessing_helps(summary, drawn):
    axis = panel(drawn("dip_and_recovery"), 0, "ID")
    chance = role_curves(summary).query("role == 'ID'").chance.iloc[0]
    assert chance > 0
    assert set(line(axis, "chance")) == {chance}
    panels = {axis.get_title().split(" (")[0]: axis for axis in shown(drawn("every_benchmark"))}
    for name, benchmark in BENCHMARKS.items():
        flat = [set(line.get_ydata()) for line in panels[name].get_lines() if line.get_linestyle() == ":"]
        assert ({benchmark.chance} in flat) == (benchmark.chance > 0)


def test_every_benchmark_has_a_panel_that_says_what_its_score_is(drawn):
    panels = {axis.get_title(): axis.get_ylabel() for axis in shown(drawn("every_benchmark"))}
    assert {title.split(" (")[0] for title in panels if title} == set(BENCHMARKS)
    assert panels["harmful (SAFE)"] == "attack success"
    assert panels["benign (SAFE)"] == "over-refusal"
    assert panels["chain (ID)"] == "accuracy"


def test_the_papers_figure_has_a_panel_for_each_role_with_public_numbers(drawn):
    curves = published.curves(["Qwen3-1.7B", "Qwen3-4B"])
    titles = [axis.get_title() for axis in shown(drawn("published"))]
    assert titles == [plots.TITLES[role] for role in plots.TITLES if role in set(curves.role)]


def test_what_the_paper_did_not_publish_is_said_and_not_drawn(summary):
    curves = published.curves(["Qwen3-1.7B", "Qwen3-4B"]).query("role != 'SAFE'")
    axis = panel(plots.dip_and_recovery(summary, curves, label=LABEL), 2, "SAFE")
    assert [text.get_text() for text in axis.texts] == ["not public\nin text form"]
    assert len(axis.get_lines()) == 0
