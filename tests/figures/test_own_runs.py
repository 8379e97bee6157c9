"""Figures of a reader's own runs, or of the paper's, and their labels."""

import pytest
from study_figures import CAPABILITY, OF_RUNS, SAFETY, WITH_ENDS

from rsft_utils import figures, profiles
from rsft_utils.comparisons import COMPARISONS, PUBLISHED
from rsft_utils.micro.benchmarks import ROLE_OF
from rsft_utils.specs import default_spec

# but that of a library to its own authors
no_warning = pytest.mark.filterwarnings("error", "ignore::PendingDeprecationWarning")


def test_a_notebook_has_the_figures_that_it_shows(made_up_summary):
    """By name; the notebooks ask for these."""
    summary = made_up_summary(steps=(0, 640))
    assert set(figures.micro_world(summary, "label")) == {"bases"}
    drawn = figures.dip_and_recovery(summary, "label")
    assert set(drawn) == OF_RUNS
    assert {figure.get_suptitle() for figure in drawn.values()} == {"label"}


def test_of_the_paper_s_run_the_notebook_on_the_dip_shows_its_curves_only():
    drawn = figures.dip_and_recovery(profiles.results("published", []).summary, "label")
    assert list(drawn) == ["dip_and_recovery"]
    assert len(drawn["dip_and_recovery"].axes) > 1


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


@pytest.fixture(scope="module")
def own_tables(made_up_summary):
    """Tables of a reader's runs, two of each kind."""
    names = {f"run{seed}": default_spec("XS", seed=seed).name for seed in (0, 1)}
    numbers = made_up_summary(runs=2, model="XS-seed0")
    numbers = numbers.assign(run=numbers.run.map(names))
    return {"long CoT": numbers, "another": numbers.assign(mean=numbers["mean"] / 2)}


@pytest.mark.parametrize("notebook", WITH_ENDS)
def test_a_reader_s_runs_are_drawn_in_the_panels_of_the_notebook(own_tables, not_drawn, notebook):
    label = "your runs on micro base XS; 2 runs per setting"
    expected = {
        "changes": ((own_tables, ROLE_OF), f"last step minus base, points; {label}"),
        "curves": (own_tables, next(iter(COMPARISONS[notebook].values()))[1], f"{label}; thin: single runs"),
    }
    if notebook == CAPABILITY:
        expected["base_and_final"] = ((own_tables, ROLE_OF), f"{label}; a point each, above the line is a gain")
    assert figures.finding("micro", notebook, own_tables) == expected


def test_of_the_paper_s_runs_only_the_ends_are_drawn(not_drawn):
    tables = profiles.tables("published", SAFETY, {})
    roles, label = profiles.roles("published"), "transcribed from the paper; one run per setting, so no interval"
    assert figures.finding("published", SAFETY, tables) == {
        "changes": ((tables, roles), f"last step minus base, points; {label}"),
    }


@pytest.mark.parametrize("notebook", WITH_ENDS)
@no_warning
def test_the_figures_of_the_paper_s_runs_show_every_one_of_them(notebook):
    drawn = figures.finding("published", notebook, profiles.tables("published", notebook, {}))
    texts = list(PUBLISHED[notebook])
    assert [tick.get_text() for tick in drawn["changes"].axes[0].get_yticklabels()] == texts
    if notebook == CAPABILITY:
        assert [text.get_text() for text in drawn["base_and_final"].legends[0].get_texts()] == texts


@no_warning
def test_the_figures_of_a_reader_s_runs_show_every_kind(own_tables):
    drawn = figures.finding("micro", CAPABILITY, own_tables)
    assert [tick.get_text() for tick in drawn["changes"].axes[0].get_yticklabels()] == list(own_tables)
    for name in ("base_and_final", "curves"):
        assert [text.get_text() for text in drawn[name].legends[0].get_texts()] == list(own_tables)
