import pytest

from rsft_utils import figures, paths, plots, reference


@pytest.fixture
def quick_png(monkeypatch):
    monkeypatch.setattr(plots, "FIGURE_DPI", 20)


@pytest.fixture
def committed(tmp_path, monkeypatch, made_up_summary):
    """Reference tables made up, and figures/ elsewhere."""
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    reference._save(reference.DIP, made_up_summary(steps=(0, 640)))
    reference._save(reference.BASES, made_up_summary(steps=(0,)))
    return tmp_path


def test_a_notebook_has_the_figures_that_it_shows(made_up_summary):
    """By name; the notebooks ask for these."""
    summary = made_up_summary(steps=(0, 640))
    assert set(figures.micro_world(summary, "label")) == {"bases"}
    drawn = figures.dip_and_recovery(summary, "label")
    assert set(drawn) == {"dip_and_recovery", "every_benchmark", "elicited_or_learned"}
    assert {figure.get_suptitle() for figure in drawn.values()} == {"label"}


def test_the_label_of_one_run_tells_what_was_run_and_that_its_interval_is_over_items(made_up_summary):
    label = figures.label(made_up_summary(n_items=6))
    assert label == "micro base S-seed0; math-cot; 1 run, 6 items per point, interval over items only"


def test_the_label_of_several_runs_says_that_its_interval_is_over_runs(made_up_summary):
    assert "3 runs" in figures.label(made_up_summary(runs=3))
    assert figures.label(made_up_summary(runs=3)).endswith("interval over runs")


def test_the_label_of_bases_speaks_of_no_run(made_up_summary):
    label = figures.label(made_up_summary(steps=(0,)))
    assert label.startswith("micro base S-seed0; no fine-tuning; 6 items")
    assert "run" not in label


def test_redrawing_writes_all_committed_figures(committed, quick_png):
    wanted = {
        "micro/00_micro_world/bases",
        "micro/01_dip_and_recovery/dip_and_recovery",
        "micro/01_dip_and_recovery/every_benchmark",
        "micro/01_dip_and_recovery/elicited_or_learned",
        "published/01_dip_and_recovery/curves",
    }
    pictures = figures.redraw_committed()
    assert sorted(pictures) == sorted(committed / "figures" / f"{name}.png" for name in wanted)
    written = {path for path in (committed / "figures").rglob("*") if path.is_file()}
    assert written == {committed / "figures" / f"{name}.{kind}" for name in wanted for kind in ("png", "svg")}
