import pytest

from rsft_utils import figures, paths, plots, reference, verdicts
from rsft_utils.comparisons import COMPARISONS, WARM_UPS
from rsft_utils.plots import style

OF_RUNS = {"dip_and_recovery", "every_benchmark", "elicited_or_learned", "limits"}
SHORT_RUNS = ("S", "S-one-epoch", "S-slow-one-epoch", "S-slow-two-epochs")
TRAINING, DATA, CAPABILITY, SAFETY = NOTEBOOKS = list(COMPARISONS)


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
    """Comparisons are not drawn and nothing is judged: a figure is what it would have been drawn from."""
    monkeypatch.setattr(plots, "compare", lambda tables, panels, label: (tables, panels, label))
    monkeypatch.setattr(plots, "warm_up", lambda tables, rates, label: (tables, rates, label))
    monkeypatch.setattr(plots, "design_map", lambda designs, label: designs)
    monkeypatch.setattr(plots, "forest", lambda verdicts, label: verdicts)
    monkeypatch.setattr(verdicts, "table", lambda *findings: f"verdicts on {findings}")


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


@pytest.mark.parametrize(
    ("notebook", "arms", "comparisons"),
    [
        (TRAINING, (), {"designs"}),
        (TRAINING, ("S", "XS"), {"designs"}),
        (TRAINING, SHORT_RUNS, {"designs", "short_runs"}),
        (TRAINING, SHORT_RUNS[:-1], {"designs", "short_runs"}),
        (TRAINING, SHORT_RUNS[1:], {"designs"}),
        (TRAINING, SHORT_RUNS[:1], {"designs"}),
        (
            TRAINING,
            ("S", "S-teacher2", "XS-no-warm-up", "XS", "XS-long-warm-up"),
            {"designs", "teachers", "warm_up"},
        ),
        (DATA, ("S",), set()),
        (DATA, ("S", "S-nocot"), {"data", "structure"}),
        (DATA, ("S-nocot", "S-two-epochs"), {"loss_tokens"}),
        (DATA, ("S", "S-answer-only", "XS-no-warm-up", "XS", "XS-long-warm-up"), {"quality"}),
        (CAPABILITY, ("S", "S-sparse"), {"traces_seen"}),
        (CAPABILITY, ("S", "XS"), {"sizes", "families", "countdown"}),
        (CAPABILITY, ("XS", "XS-qwen2", "XS-countdown"), set()),
        (SAFETY, ("S", "S-replay1", "S-replay5"), {"replay"}),
        (SAFETY, ("S", "S-nocot"), {"forms"}),
    ],
)
def test_what_is_compared_are_the_first_arm_and_others_that_are_there(keep, not_drawn, notebook, arms, comparisons):
    keep(*arms)
    assert set(figures.study(notebook)) == comparisons | {"claims"}


def test_without_pilots_there_is_no_map(keep, new_reference, not_drawn):
    keep("S")
    assert "designs" in figures.study(TRAINING)
    (new_reference / "designs.csv").unlink()
    assert set(figures.study(TRAINING)) == {"claims"}


@pytest.mark.parametrize(
    ("notebook", "name", "arms", "label"),
    [
        (TRAINING, "short_runs", SHORT_RUNS, "reference runs on base S; 5 runs per curve"),
        (SAFETY, "replay", ("S", "S-replay1", "S-replay5"), "reference runs on base S; 3 to 5 runs per curve"),
        (CAPABILITY, "sizes", ("S", "XS"), "reference runs on base S and XS; 3 to 5 runs per curve"),
    ],
)
def test_a_comparison_is_drawn_from_the_tables_of_its_arms(keep, not_drawn, notebook, name, arms, label):
    keep(*arms)
    shown, panels = COMPARISONS[notebook][name]
    assert tuple(shown.values()) == arms
    tables, drawn_panels, drawn_label = figures.study(notebook)[name]
    assert drawn_panels == panels
    assert list(tables) == list(shown)
    for text, arm in shown.items():
        assert set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert drawn_label.startswith(f"{label}, each on a base of its own")


def test_an_arm_that_is_not_there_is_left_out_of_a_comparison(keep, not_drawn):
    keep("S", "S-countdown")
    tables, _, label = figures.study(DATA)["data"]
    assert list(tables) == ["long CoT", "Countdown"]
    assert label.startswith("reference runs on base S; 3 to 5 runs per curve")


def test_the_rates_of_the_warm_ups_are_those_of_one_run_each(keep, not_drawn):
    keep(*WARM_UPS.values())
    tables, rates, label = figures.study(TRAINING)["warm_up"]
    assert list(tables) == list(rates) == list(WARM_UPS)
    for text, arm in WARM_UPS.items():
        (run,) = set(rates[text].run)
        assert run in set(tables[text].run) == {spec.name for spec in reference.arms()[arm]}
    assert label.startswith("reference runs on base XS, out of domain")


def test_every_notebook_with_comparisons_has_a_finding_of_its_own():
    assert figures.FINDINGS == {TRAINING: "training", DATA: "data", CAPABILITY: "capability", SAFETY: "safety"}
    assert set(figures.FINDINGS.values()) == set(verdicts.CHECKS)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_the_verdicts_drawn_are_those_on_the_finding_of_the_notebook(keep, not_drawn, notebook):
    keep()
    assert figures.study(notebook)["claims"] == f"verdicts on {(figures.FINDINGS[notebook],)}"


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
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_comparison_can_be_drawn(keep, notebook):
    keep(*{arm for arms, _ in COMPARISONS[notebook].values() for arm in arms.values()}, *WARM_UPS.values())
    drawn = figures.study(notebook)
    others = {"warm_up", "designs"} if notebook == TRAINING else set()
    assert set(drawn) == {*COMPARISONS[notebook], *others, "claims"}
    for name, (arms, _) in COMPARISONS[notebook].items():
        texts = [text.get_text() for text in drawn[name].legends[0].get_texts()]
        assert texts == list(arms)
        drawn[name].draw_without_rendering()
