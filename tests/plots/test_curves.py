import pytest
from drawing import LABEL, draw_dip, legend, line, means, panel, shown

from rsft_utils import plots, published
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.plots.style import TITLES
from rsft_utils.stats import role_curves


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
    assert titles == [TITLES[role] for role in TITLES if role in set(curves.role)]


def test_what_the_paper_did_not_publish_is_said_and_not_drawn(summary):
    curves = published.curves(["Qwen3-1.7B", "Qwen3-4B"]).query("role != 'SAFE'")
    axis = panel(plots.dip_and_recovery(summary, curves, label=LABEL), 2, "SAFE")
    assert [text.get_text() for text in axis.texts] == ["not public\nin text form"]
    assert len(axis.get_lines()) == 0


def grey(axis):
    return [list(line.get_ydata()) for line in axis.get_lines() if line.get_color() == "0.7"]


@pytest.mark.parametrize("role", ["ID", "OOD", "GEN"])
def test_behind_the_mean_of_several_runs_are_the_runs_and_behind_one_run_its_benchmarks(
    summary, drawn, made_up_summary, role
):
    several = made_up_summary(runs=3, steps=(0, 640))
    figure = draw_dip(several)
    single = [means(run, role) for _, run in several.groupby("run")]
    assert sorted(grey(panel(figure, 0, role))) == sorted(single)
    assert "single runs" in legend(figure) and "single benchmarks" not in legend(figure)
    own = [benchmark for benchmark in BENCHMARKS.values() if benchmark.role == role]
    assert len(grey(panel(drawn("dip_and_recovery"), 0, role))) == len(own)
    assert "single benchmarks" in legend(drawn("dip_and_recovery"))
    assert "single runs" not in legend(drawn("dip_and_recovery"))
