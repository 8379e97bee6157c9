import pytest
import seaborn as sns
from drawing import LABEL, PARTS, THREE_PANELS, arms, legend, line, means, rate, shown, verdicts
from matplotlib.colors import same_color

from rsft_utils import plots
from rsft_utils.effects import MARGIN
from rsft_utils.plots.study import PANELS, summed_rate
from rsft_utils.plots.style import TITLES, VERDICT_COLORS
from rsft_utils.stats import role_curves


def test_a_comparison_has_a_curve_per_arm_in_every_panel(summary, drawn):
    figure, compared = drawn("compare"), arms(summary)
    assert legend(figure) == list(compared)
    assert [axis.get_title() for axis in shown(figure)] == [TITLES[role] for role, _ in THREE_PANELS]
    for axis, (role, what) in zip(shown(figure), THREE_PANELS, strict=True):
        metric, says = PANELS[what]
        assert axis.get_ylabel() == says
        for text, table in compared.items():
            harmful = table.query("benchmark == 'harmful' and mode == 'free' and decoding == 'greedy'")
            refused = harmful[harmful.metric == "refused"].sort_values("step")["mean"].tolist()
            # which of two ways a mean is added up shows in the last digit
            assert line(axis, text) == pytest.approx(refused if what == "refused" else means(table, role, metric))


@pytest.mark.parametrize("panels", [1, 4, 6])
def test_a_comparison_may_have_any_number_of_panels(summary, panels):
    wanted = [(role, what) for what in ("score", "length") for role in ("ID", "OOD", "GEN")][:panels]
    figure = plots.compare(arms(summary), wanted, label=LABEL)
    titles = [axis.get_title() for axis in shown(figure) if axis.get_lines()]
    assert titles == [TITLES[role] for role, _ in wanted]


def test_shares_are_drawn_to_one_scale_from_zero_and_nothing_is_cut_off(summary, drawn):
    panels = dict(zip(THREE_PANELS, shown(drawn("compare")), strict=True))
    tops = {axis.get_ylim() for (_, what), axis in panels.items() if what != "length"}
    assert len(tops) == 1
    for axis in panels.values():
        low, high = axis.get_ylim()
        assert low == 0
        assert max(max(line.get_ydata()) for line in axis.get_lines()) < high


def test_curves_under_smaller_limits_lie_below_that_under_the_full_one(summary, drawn):
    figure = drawn("limits")
    assert legend(figure) == ["48 tokens", "96 tokens", "144 tokens", "192 tokens"]
    for axis, role in zip(shown(figure), ("ID", "OOD"), strict=True):
        assert axis.get_title() == TITLES[role]
        curves = [line(axis, text) for text in legend(figure)]
        assert curves[-1] == means(summary, role)
        assert curves[0] == means(summary, role, "score_at_48")
        assert all(list(values) == sorted(values) for values in zip(*curves, strict=True))


def test_the_summed_rate_equals_a_hand_calculation():
    # a constant rate, and then it falls in a straight line: 10 steps at 1, then 20 steps at 3/4 on the average
    curve = rate([10, 30], [4e-4, 2e-4])
    assert summed_rate(curve, [0, 5, 10, 30]).tolist() == pytest.approx([0, 5, 10, 25])
    assert 10 < summed_rate(curve, [20])[0] < 25


def test_the_summed_rate_is_in_units_of_the_highest_whatever_the_rate_is():
    steps, rates = [10, 20, 30, 40], [1.0, 0.7, 0.3, 0.0]
    one, other = (summed_rate(rate(steps, [peak * r for r in rates]), steps) for peak in (1e-4, 3e-3))
    assert one.tolist() == pytest.approx(other.tolist())


@pytest.mark.parametrize("warmup", [0, 64, 192])
def test_the_summed_rate_is_the_sum_over_the_steps_of_a_run_that_was_logged_every_ten(warmup):
    rates = [min(1.0, step / warmup) if warmup else 1.0 for step in range(640)]  # of steps 1, 2, ...; then constant
    logged, asked = list(range(10, 641, 10)), (10, 20, 40, 80, 640)
    found = summed_rate(rate(logged, [1e-4 * rates[step - 1] for step in logged]), asked)
    assert found.tolist() == pytest.approx([sum(rates[:step]) for step in asked], rel=0.1)


def means_of(axis):
    """The thick lines."""
    return [line for line in axis.get_lines() if line.get_linewidth() > 2]


def test_the_same_curves_stand_over_steps_and_over_summed_rates(summary, drawn):
    figure = drawn("warm_up")
    assert legend(figure) == ["an arm", "another arm"]
    by_step, by_rate = shown(figure)
    for place, (text, table) in enumerate(arms(summary).items()):
        assert line(by_step, text) == means(table, "OOD")
        left, right = (means_of(axis)[place] for axis in (by_step, by_rate))
        assert list(left.get_ydata()) == list(right.get_ydata())
        assert list(left.get_xdata()) == [0, 10, 640]
    constant, falling = (list(line.get_xdata()) for line in means_of(by_rate))
    assert constant == pytest.approx([0, 10, 640])
    assert falling == pytest.approx([0, 10, 10 + 630 / 2])


def cells(axis):
    """Numbers in a map by row and column; the rows are named on its left side."""
    rows = [tick.get_text() for tick in axis.figure.axes[0].get_yticklabels()]
    columns = [tick.get_text() for tick in axis.get_xticklabels()]
    mesh = axis.collections[0].get_array()
    assert mesh.shape == (len(rows), len(columns))
    places = [(i, j) for i in range(len(rows)) for j in range(len(columns)) if not mesh.mask[i, j]]
    return {(rows[i], columns[j]): mesh[i, j] for i, j in places}


def test_the_map_has_every_design_in_its_place(made_up_designs, drawn):
    dip, gain = shown(drawn("design_map"))
    assert dip.get_title().startswith("dip") and gain.get_title().startswith("gain")
    for axis, what in ((dip, "dip"), (gain, "gain")):
        found = cells(axis)
        for row in made_up_designs.query("role == 'OOD'").itertuples():
            noticed = "noticed" if row.noticed_share else "unnoticed"
            name = f"XS, {row.trace_share:.0%} traces, slips {noticed}" if row.trace_share else "XS, no traces at all"
            assert found[name, f"{row.ramble_share:.0%}"] == pytest.approx(100 * getattr(row, what))
    written = [text.get_text() for text in dip.texts]
    assert sorted(written) == sorted(f"{round(value) + 0:.0f}" for value in cells(dip).values())  # zero has no sign
    assert len(written) == len(made_up_designs) / 2


def test_bad_news_has_the_same_colour_in_both_maps(made_up_designs):
    """A dip is bad and a gain is good."""
    for dip, gain in ((0.4, -0.4), (-0.4, 0.4)):
        extreme = made_up_designs.assign(dip=dip, gain=gain)
        one, other = (axis.collections[0] for axis in plots.design_map(extreme, label=LABEL).axes)
        for figure_axis in (one, other):
            figure_axis.update_scalarmappable()
        assert same_color(one.get_facecolors()[0], other.get_facecolors()[0])


def test_the_map_can_be_drawn_for_another_role(made_up_designs):
    axis = plots.design_map(made_up_designs, role="ID", label=LABEL).axes[0]
    row = made_up_designs.query("role == 'ID' and trace_share == 0").iloc[0]
    assert cells(axis)["XS, no traces at all", "0%"] == pytest.approx(100 * row.dip)


def test_every_part_of_every_claim_has_its_interval_in_the_colour_of_its_verdict(drawn):
    figure = drawn("forest")
    (axis,) = figure.axes
    colors, table = sns.color_palette("colorblind"), verdicts()
    names = axis.get_yticklabels()
    assert [name.get_text() for name in names] == [f"{row.claim}: {row.part}" for row in table.itertuples()]
    for place, row in table.iterrows():
        color = colors[VERDICT_COLORS[row.part_verdict]]
        here = [line for line in axis.get_lines() if len(line.get_xdata()) and list(set(line.get_ydata())) == [place]]
        bar, point = here
        assert list(point.get_xdata()) == [100 * row.effect]
        if row.low == row.low:
            assert list(bar.get_xdata()) == [100 * row.low, 100 * row.high]
        assert all(same_color(line.get_color(), color) for line in here)
        assert same_color(names[place].get_color(), color)
    assert axis.yaxis_inverted()  # the first claim on top


def test_however_wide_an_interval_is_both_its_ends_are_seen():
    (axis,) = plots.forest(verdicts().assign(low=-0.9, high=1.2), label=LABEL).axes
    left, right = axis.get_xlim()
    assert left < -90 and right > 120


def test_an_effect_that_is_far_from_all_others_is_written_at_the_edge():
    table = verdicts()
    far = table.index == len(table) - 1
    table = table.assign(**{name: table[name].where(~far, 20.0) for name in ("effect", "low", "high")})
    (axis,) = plots.forest(table, label=LABEL).axes
    assert axis.get_xlim()[1] < 200
    (text,) = axis.texts
    assert "+2000%" in text.get_text() and text.get_position() == (0.99, len(table) - 1)


def test_the_legend_of_verdicts_has_all_their_colours(drawn):
    (axis,) = drawn("forest").axes
    handles, labels = axis.get_legend_handles_labels()
    assert labels == list(verdicts().part_verdict) and set(labels) <= set(VERDICT_COLORS)
    colors = sns.color_palette("colorblind")
    for handle, verdict in zip(handles, labels, strict=True):
        assert same_color(handle.get_color(), colors[VERDICT_COLORS[verdict]])
    assert len({VERDICT_COLORS[verdict] for verdict in PARTS}) == 3


def test_the_margin_is_shown(drawn):
    (axis,) = drawn("forest").axes
    (margin,) = axis.patches
    assert (margin.get_x(), margin.get_x() + margin.get_width()) == pytest.approx((-100 * MARGIN, 100 * MARGIN))


def test_no_verdicts_are_no_error():
    plots.forest(verdicts().head(0), label=LABEL).draw_without_rendering()


def test_an_axis_of_shares_ends_just_above_one_however_wide_the_interval(made_up_summary):
    several = made_up_summary(runs=3, steps=(0, 640))
    shares = several.run.map({"run0": 1.0, "run1": 1.0, "run2": 0.6})
    wide = several.assign(mean=several["mean"].where(several.metric.str.startswith("length"), shares))
    assert role_curves(wide).high.max() > 1.03
    figure = plots.compare({"an arm": wide, "another arm": several}, [*THREE_PANELS, ("GEN", "score")], label=LABEL)
    tops = [axis.get_ylim()[1] for axis in shown(figure)]
    assert tops == [1.03, tops[1], 1.03, 1.03]
    assert tops[1] > 20  # tokens


def test_an_axis_of_shares_ends_below_one_where_all_are_small(summary):
    figure = plots.compare(
        {"an arm": summary.assign(mean=summary["mean"] / 10)}, [("ID", "score"), ("OOD", "score")], label=LABEL
    )
    assert all(axis.get_ylim()[1] < 0.5 for axis in shown(figure))


def test_curves_that_lie_on_each_other_can_be_told_apart(summary):
    five = {f"arm {place}": summary for place in range(5)}
    for axis in shown(plots.compare(five, THREE_PANELS, label=LABEL)):
        lines = [line for line in axis.get_lines() if line.get_label() in five]
        assert len(lines) == len({line.get_color() for line in lines}) == 5
        styles = [line.get_linestyle() for line in lines]
        assert len(set(styles)) == 4 and len(set(styles[1:])) == 4  # the first two share a full line
