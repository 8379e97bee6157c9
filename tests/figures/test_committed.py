"""The committed figures: all are drawn again, to the same bytes."""

import pytest
from matplotlib.figure import Figure
from study_figures import CAPABILITY, DATA, ENDS, NOTEBOOKS, OF_RUNS, SAFETY, TRAINING

from rsft_utils import figures, paths, plots
from rsft_utils.comparisons import ANSWERS, COMPARISONS, WARM_UPS
from rsft_utils.plots import style

# What is committed when there are these two arms and the bases
TWO_ARMS = ("S", "S-teacher2")
COMMITTED = {
    "micro/00_micro_world": {"bases"},
    f"micro/{TRAINING}": OF_RUNS | {"teachers", "designs", "claims"},
    f"micro/{DATA}": {"data", *ENDS[DATA]},
    f"micro/{CAPABILITY}": ENDS[CAPABILITY],
    f"micro/{SAFETY}": {*ENDS[SAFETY], "claims"},
    "micro/05_scorecard": {"four_findings", "scorecard"},
    f"published/{TRAINING}": {"curves"},
    **{f"published/{notebook}": {"changes"} for notebook in (DATA, SAFETY)},
    f"published/{CAPABILITY}": {"changes", "base_and_final"},
}


@pytest.fixture
def own_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "FIGURE_DPI", 20)  # quick
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    return tmp_path / "figures"


@pytest.fixture
def blank(monkeypatch):
    """Every figure is an empty one, so that writing them all is quick."""
    for name in plots.__all__:
        if name != "save":
            monkeypatch.setattr(plots, name, lambda *of, **how: Figure(figsize=(1, 1)))


def written(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_redrawing_writes_the_figures_of_all_notebooks_as_png_and_svg(keep, own_figures, blank):
    keep(*TWO_ARMS)
    wanted = [own_figures / folder / name for folder, names in COMMITTED.items() for name in names]
    pictures = figures.redraw_committed()
    assert sorted(pictures) == sorted(path.with_suffix(".png") for path in wanted)
    assert set(written(own_figures)) == {path.with_suffix(kind) for path in wanted for kind in (".png", ".svg")}


@pytest.mark.slow
def test_redrawing_writes_the_same_bytes_again(keep, own_figures):
    keep(*TWO_ARMS)
    pictures = figures.redraw_committed()
    before = written(own_figures)
    assert len(before) == 2 * len(pictures) == 2 * sum(map(len, COMMITTED.values()))
    for path in before:
        path.unlink()
    assert figures.redraw_committed() == pictures
    assert written(own_figures) == before


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_figure_of_the_study_can_be_drawn(keep, notebook):
    answered = {arm for arms, _, _ in ANSWERS.get(notebook, {}).values() for arm in arms.values()}
    compared = {arm for arms, _ in COMPARISONS[notebook].values() for arm in arms.values()}
    keep(*(compared | answered | {*WARM_UPS.values()}))
    drawn = figures.study(notebook)
    others = {"warm_up", "designs"} if notebook == TRAINING else ENDS[notebook]
    assert set(drawn) == {*COMPARISONS[notebook], *ANSWERS.get(notebook, {}), *others, "claims"}
    for name, (arms, _) in COMPARISONS[notebook].items():
        texts = [text.get_text() for text in drawn[name].legends[0].get_texts()]
        assert texts == list(arms)
    for picture in drawn.values():
        picture.draw_without_rendering()
