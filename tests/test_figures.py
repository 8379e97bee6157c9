import pytest

from rsft_utils import figures, paths, plots, reference
from rsft_utils.plots import style

OF_RUNS = {"dip_and_recovery", "every_benchmark", "elicited_or_learned", "limits"}
SHORT_RUNS = ("S", "S-one-epoch", "S-slow-one-epoch", "S-slow-two-epochs")
ARMS_SHOWN = {arm for arms, _ in figures.STUDY.values() for arm in arms.values()} | set(figures.WARM_UPS.values())


@pytest.fixture
def keep(keep_arms, new_reference, made_up_summary, made_up_designs):
    """Function that keeps made-up reference tables: bases, the map of designs, and the arms that are named."""

    def keep(*arms):
        keep_arms(*arms)
        reference._save(reference.BASES, made_up_summary(steps=(0,)))
        made_up_designs.to_csv(new_reference / "designs.csv", index=False)

    return keep


@pytest.fixture
def own_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "FIGURE_DPI", 20)  # quick
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    return tmp_path / "figures"


@pytest.fixture
def not_drawn(monkeypatch):
    """Comparisons are not drawn: the figure is what it would have been drawn from."""
    monkeypatch.setattr(plots, "compare", lambda tables, panels, label: (tables, panels, label))
    monkeypatch.setattr(plots, "warm_up", lambda tables, rates, label: (tables, rates, label))
    monkeypatch.setattr(plots, "forest", lambda verdicts, label: verdicts)


def test_a_notebook_has_the_figures_that_it_shows(made_up_summary):
    """By name; the notebooks ask for these."""
    summary = made_up_summary(steps=(0, 640))
    assert set(figures.micro_world(summary, "label")) == {"bases"}
    drawn = figures.dip_and_recovery(summary, "label")
    assert set(drawn) == OF_RUNS
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


def test_every_arm_of_the_study_is_shown():
    assert set(reference.arms()) == ARMS_SHOWN


def test_a_comparison_is_between_runs_of_one_size():
    for arms in [*(arms for arms, _ in figures.STUDY.values()), figures.WARM_UPS]:
        assert len({arm.split("-")[0] for arm in arms.values()}) == 1
        assert len(set(arms.values())) == len(arms)


@pytest.mark.parametrize(
    ("arms", "comparisons"),
    [
        ((), set()),
        (("S", "XS"), set()),
        (SHORT_RUNS, {"short_runs"}),
        (SHORT_RUNS[:-1], {"short_runs"}),
        (SHORT_RUNS[1:], set()),
        (SHORT_RUNS[:1], set()),
        (("S", "S-teacher2", "XS-no-warm-up", "XS", "XS-long-warm-up"), {"teachers", "warm_up"}),
    ],
)
def test_what_is_compared_are_arms_that_are_there(keep, not_drawn, arms, comparisons):
    keep(*arms)
    assert set(figures.study()) == comparisons | {"designs", "claims"}


def test_without_pilots_there_is_no_map(keep, new_reference, not_drawn):
    keep("S")
    assert "designs" in figures.study()
    (new_reference / "designs.csv").unlink()
    assert set(figures.study()) == {"claims"}


def test_a_comparison_is_drawn_from_the_tables_of_its_arms(keep, not_drawn):
    keep(*SHORT_RUNS)
    arms, panels = figures.STUDY["short_runs"]
    tables, drawn_panels, label = figures.study()["short_runs"]
    assert drawn_panels == panels
    assert list(tables) == list(arms)
    for text, arm in arms.items():
        assert set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert label.startswith("reference runs on base S; 5 runs per curve, each on a base of its own")


def test_the_label_of_a_comparison_counts_the_runs_of_every_curve(keep, not_drawn):
    keep("S", "S-teacher2")
    tables, _, label = figures.study()["teachers"]
    counts = {str(table.run.nunique()) for table in tables.values()}
    assert counts == {"3", "5"}
    assert all(count in label.split("band")[0] for count in counts)


def test_the_rates_of_the_warm_ups_are_those_of_one_run_each(keep, not_drawn):
    keep(*figures.WARM_UPS.values())
    tables, rates, label = figures.study()["warm_up"]
    assert list(tables) == list(rates) == list(figures.WARM_UPS)
    for text, arm in figures.WARM_UPS.items():
        (run,) = set(rates[text].run)
        assert run in set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert label.startswith("reference runs on base XS; 3 runs per curve")


def test_the_verdicts_drawn_are_those_of_the_arms_that_are_there(keep, not_drawn):
    keep("S-one-epoch")
    assert set(figures.study()["claims"].claim) == {"C1"}


def test_redrawing_writes_all_committed_figures_and_the_same_bytes_again(keep, own_figures):
    keep("S", "S-teacher2")
    study = {"teachers", "designs", "claims"}
    wanted = {
        "micro/00_micro_world/bases",
        *(f"micro/01_dip_and_recovery/{name}" for name in OF_RUNS | study),
        "published/01_dip_and_recovery/curves",
    }
    pictures = figures.redraw_committed()
    assert sorted(pictures) == sorted(own_figures / f"{name}.png" for name in wanted)
    written = {path: path.read_bytes() for path in own_figures.rglob("*") if path.is_file()}
    assert set(written) == {own_figures / f"{name}.{kind}" for name in wanted for kind in ("png", "svg")}
    for path in written:
        path.unlink()
    assert figures.redraw_committed() == pictures
    assert {path: path.read_bytes() for path in own_figures.rglob("*") if path.is_file()} == written


@pytest.mark.slow
def test_every_comparison_can_be_drawn(keep):
    keep(*reference.arms())
    drawn = figures.study()
    assert set(drawn) == {*figures.STUDY, "warm_up", "designs", "claims"}
    for name, (arms, _) in figures.STUDY.items():
        texts = [text.get_text() for text in drawn[name].legends[0].get_texts()]
        assert texts == list(arms)
        drawn[name].draw_without_rendering()
