import pandas as pd
from drawing import arms, gains, line, means, of_kinds

from rsft_utils.plots.style import TITLES


def test_each_of_the_four_findings_has_a_panel(drawn):
    assert [axis.get_title().split(".")[0] for axis in drawn("four_findings").axes] == ["1", "2", "3", "4"]


def test_the_first_finding_is_the_default_run_in_and_out_of_domain(summary, drawn):
    axis = drawn("four_findings").axes[0]
    for role in ("ID", "OOD"):
        assert line(axis, TITLES[role]) == means(summary, role)
    assert axis.get_ylim() == (0, 1)


def test_the_second_finding_has_the_gain_of_every_data_set_with_its_interval(drawn):
    axis = drawn("four_findings").axes[1]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["long CoT", "a game"]
    assert axis.yaxis_inverted()  # the first on top
    bars = {bar.get_label(): bar for bar in axis.containers}
    assert set(bars) == {TITLES["ID"], TITLES["OOD"]}
    for role in ("ID", "OOD"):
        own = gains().query("role == @role")
        point, _, (interval,) = bars[TITLES[role]]
        assert list(point.get_xdata()) == own.effect.tolist()
        assert [round(y) for y in point.get_ydata()] == [0, 1]
        ends = [[x for x, _ in segment] for segment in interval.get_segments() if len(segment)]
        known = own.dropna()[["low", "high"]].values.tolist()
        assert [pair for pair in ends if pair == pair and pd.notna(pair).all()] == known


def test_the_third_finding_has_a_curve_per_kind_of_base_out_of_domain(summary, drawn):
    axis = drawn("four_findings").axes[2]
    assert list(of_kinds(axis)) == list(arms(summary))
    for text, table in arms(summary).items():
        assert line(axis, text) == means(table, "OOD")


def test_the_fourth_finding_is_the_trade_off(drawn):
    axis, alone = drawn("four_findings").axes[3], drawn("trade_off").axes[0]
    shown_here, shown_alone = (
        [(one.get_marker(), *one.get_xdata(), *one.get_ydata()) for one in panel.get_lines()] for panel in (axis, alone)
    )
    assert shown_here == shown_alone
    assert axis.get_xlabel() == alone.get_xlabel() and axis.get_ylabel() == alone.get_ylabel()


def test_curves_and_points_of_the_four_findings_are_explained_panel_by_panel(summary, drawn):
    texts = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in drawn("four_findings").axes]
    roles = [TITLES["ID"], TITLES["OOD"]]
    assert texts == [roles, roles, list(arms(summary)), ["long CoT", "a game"]]
