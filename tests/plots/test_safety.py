import pandas as pd
import pytest
from drawing import LABEL, arms, legend, line, of_kinds, points_of_safety

from rsft_utils import plots
from rsft_utils.comparisons import ASYMMETRY
from rsft_utils.plots.safety import MODES

REFUSED, ATTACK, GARBAGE, OVER_REFUSAL = (
    "harmful: refused",
    "harmful: complied with (attack success)",
    "harmful: anything else",
    "harmless: refused (over-refusal)",
)


def of_requests(benchmark, table, metric, mode="free"):
    rows = table.query("benchmark == @benchmark and decoding == 'greedy' and mode == @mode and metric == @metric")
    return rows.sort_values("step")["mean"].tolist()


def columns_of(figure):
    """Upper and lower axes by the title of their column."""
    rows = len(figure.axes) // 2
    return {up.get_title(): (up, low) for up, low in zip(figure.axes[:rows], figure.axes[rows:], strict=True)}


def test_what_becomes_of_harmful_requests_has_a_column_per_kind_of_run(summary, drawn):
    figure = drawn("refusals")
    assert list(columns_of(figure)) == list(arms(summary))
    for text, table in arms(summary).items():
        upper, _ = columns_of(figure)[text]
        refused, complied = (of_requests("harmful", table, metric) for metric in ("refused", "score"))
        assert line(upper, REFUSED) == refused
        assert line(upper, ATTACK) == complied
        shares = zip(refused, complied, line(upper, GARBAGE), strict=True)
        assert [sum(share) for share in shares] == pytest.approx([1, 1, 1])
        assert line(upper, OVER_REFUSAL) == of_requests("benign", table, "refused")


def test_below_it_is_the_probability_of_a_refusal_in_every_mode(made_up_summary):
    summary = made_up_summary()
    mass = (summary.metric == "refusal_mass").rename("mass")
    by_mode = summary["mode"].map({"free": 0.7, "forced": 0.4, "suppressed": 0.1})
    figure = plots.refusals({"one": summary.assign(mean=summary["mean"].where(~mass, by_mode))}, label=LABEL)
    _, lower = columns_of(figure)["one"]
    assert {name: set(line(lower, name)) for name in MODES.values()} == {
        "as it likes": {0.7},
        "made to think": {0.4},
        "kept from thinking": {0.1},
    }
    steps = {text.get_label(): list(text.get_xdata()) for text in lower.get_lines()}
    assert steps["as it likes"] == [0, 10, 640]
    assert steps["made to think"] == [0, 640]  # as often as it was measured


def test_both_rows_are_explained_and_shares_are_drawn_from_nothing_to_everything(drawn):
    figure = drawn("refusals")
    assert legend(figure) == [REFUSED, ATTACK, GARBAGE, OVER_REFUSAL, *MODES.values()]
    assert all(axis.get_ylim()[0] < 0 and axis.get_ylim()[1] > 1 for axis in figure.axes)


def test_a_dotted_line_says_how_much_there_is_to_lose(summary):
    for figure, height in (
        (plots.refusals(arms(summary), label=LABEL, ceiling=0.6), 0.6),
        (plots.trade_off(points_of_safety(), label=LABEL, ceiling=0.6), 60),
    ):
        (line,) = (line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":")
        assert set(line.get_ydata()) == {height}
        assert any("bases that never refuse" in text for text in legend(figure))


def test_every_run_is_a_point_of_gain_and_cost_and_the_mean_of_its_kind_a_larger_one(drawn):
    (axis,) = drawn("trade_off").axes
    middles = {"long CoT": ([25], [45]), "a game": ([0], [-5])}
    assert {kind: (list(p.get_xdata()), list(p.get_ydata())) for kind, p in of_kinds(axis).items()} == middles
    for kind, mean in of_kinds(axis).items():
        own = points_of_safety()[points_of_safety().kind == kind]
        (runs,) = (
            one
            for one in axis.get_lines()
            if one is not mean and one.get_marker() == mean.get_marker() and one.get_linestyle() == "None"
        )
        assert (list(runs.get_xdata()), list(runs.get_ydata())) == (own.gain.tolist(), own.attack.tolist())
        assert runs.get_color() == mean.get_color()
        assert runs.get_markersize() < mean.get_markersize()
    assert legend(drawn("trade_off")) == list(middles)


def test_all_kinds_of_run_that_bear_on_safety_can_be_told_apart():
    rows = [(kind, 3.0 * place, 2.0 * place) for place, kind in enumerate(ASYMMETRY)]
    (axis,) = plots.trade_off(pd.DataFrame(rows, columns=["kind", "gain", "attack"]), label=LABEL).axes
    kinds = of_kinds(axis)
    assert list(kinds) == list(ASYMMETRY)
    assert len({(one.get_marker(), one.get_color()) for one in kinds.values()}) == len(ASYMMETRY)
