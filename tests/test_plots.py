import functools
import re

import pandas as pd
import pytest
import seaborn as sns
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from rsft_utils import plots, published
from rsft_utils.claims.claim import COLUMNS
from rsft_utils.effects import MARGIN
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.plots import style
from rsft_utils.plots.study import PANELS, VERDICT_COLORS, summed_rate
from rsft_utils.plots.style import TITLES
from rsft_utils.stats import role_curves
from rsft_utils.tables import summarise

LABEL = "what was run"
THREE_PANELS = [("ID", "score"), ("OOD", "length"), ("SAFE", "refused")]


def draw_dip(summary):
    return plots.dip_and_recovery(summary, published.curves(["Qwen3-1.7B", "Qwen3-4B"]), label=LABEL)


def draw_bases(summary):
    other = summary.assign(model="XS-seed0", run="XS-seed0", mean=summary["mean"] / 2)
    return plots.mode_bars(pd.concat([summary, other]).query("step == 0"), label=LABEL)


def draw_loss(summary):
    curve = pd.DataFrame({"run": ["a", "a", "b"], "step": [10, 20, 10], "loss": [3.0, 2.0, 2.5], "rate": 1e-4})
    return plots.loss(curve)


def arms(summary):
    """Two tables to compare, the second with half of every mean."""
    return {"an arm": summary, "another arm": summary.assign(mean=summary["mean"] / 2)}


def rate(steps, rates):
    return pd.DataFrame({"run": "a", "step": steps, "loss": 1.0, "rate": rates})


def draw_warm_up(summary):
    last = int(summary.step.max())
    rates = {"an arm": rate([10, last], [1e-3, 1e-3]), "another arm": rate([10, last], [1e-3, 0.0])}
    return plots.warm_up(arms(summary), rates, label=LABEL)


PARTS = {"held": (0.2, 0.1, 0.3), "did not hold": (-0.1, -0.2, 0.0), "inconclusive": (0.01, -0.2, 0.22)}


def verdicts():
    """A part for every verdict, in points; with too few bases there is no interval."""
    nan = float("nan")
    rows = [
        [f"C{place}", "says", f"part {place}", effect, low, high, 3, 3, 0.1, verdict, verdict]
        for place, (verdict, (effect, low, high)) in enumerate(PARTS.items(), 1)
    ]
    rows.append(["C9", "says", "part 9", 0.1, nan, nan, 1, 1, nan, "too few bases", "too few bases"])
    return pd.DataFrame(rows, columns=COLUMNS)


FIGURES = {
    "dip_and_recovery": draw_dip,
    "every_benchmark": lambda summary: plots.every_benchmark(summary, label=LABEL),
    "elicited_or_learned": lambda summary: plots.elicited_or_learned(summary, label=LABEL),
    "mode_bars": draw_bases,
    "loss": draw_loss,
    "completion_lengths": lambda summary: plots.completion_lengths([20, 40, 90, 100], limit=192),
    "published": lambda summary: plots.published(published.curves(["Qwen3-1.7B", "Qwen3-4B"])),
    "compare": lambda summary: plots.compare(arms(summary), THREE_PANELS, label=LABEL),
    "limits": lambda summary: plots.limits(summary, 192, label=LABEL),
    "warm_up": draw_warm_up,
}
OF_RUNS = ["dip_and_recovery", "every_benchmark", "elicited_or_learned", "mode_bars", "compare", "limits", "warm_up"]
OF_THE_STUDY = ["design_map", "forest"]
every_figure = pytest.mark.parametrize("name", [*FIGURES, *OF_THE_STUDY])


@pytest.fixture(scope="module")
def summary(made_up_summary):
    return made_up_summary()


@pytest.fixture(scope="module")
def draw(made_up_designs):
    """Function that draws a figure by its name from a summary table, or from a map or verdicts of its own."""
    of_the_study = {
        "design_map": lambda _: plots.design_map(made_up_designs, label=LABEL),
        "forest": lambda _: plots.forest(verdicts(), label=LABEL),
    }
    return lambda name, summary: {**FIGURES, **of_the_study}[name](summary)


@pytest.fixture(scope="module")
def drawn(summary, draw):
    """Function that draws a figure by its name, once."""
    return functools.cache(lambda name: draw(name, summary))


def shown(figure):
    return [axis for axis in figure.axes if axis.axison]


def legend(figure):
    legends = [*figure.legends, *(axis.get_legend() for axis in figure.axes if axis.get_legend())]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def panel(figure, row, role):
    """The axes in a row of the figure, in the column that bears the role's title."""
    (titled,) = (axis for axis in figure.axes if axis.get_title() == TITLES[role])
    column = titled.get_subplotspec().colspan.start
    specs = {axis: axis.get_subplotspec() for axis in figure.axes}
    places = {(spec.rowspan.start, spec.colspan.start): axis for axis, spec in specs.items()}
    return places[row, column]


@every_figure
def test_a_figure_is_written_as_png_and_svg(drawn, name, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "FIGURE_DPI", 30)  # quick
    assert isinstance(drawn(name), Figure)
    plots.save(drawn(name), tmp_path / "new" / "folder", name)
    assert (tmp_path / f"new/folder/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / f"new/folder/{name}.svg").read_bytes()


@every_figure
def test_the_same_table_gives_the_same_svg(summary, draw, name, tmp_path):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        plots.save(draw(name, summary.copy()), tmp_path, file.stem, formats=["svg"])
    assert one.read_bytes() == two.read_bytes()
    assert not re.search(r"20\d\d-\d\d-\d\d", one.read_text())  # no date


def ticks(figure, side):
    return {tick.get_text() for axis in shown(figure) for tick in getattr(axis, f"get_{side}ticklabels")()}


@every_figure
def test_what_the_axes_show_is_said(drawn, name):
    figure = drawn(name)
    rows_have_names = {"C1: part 1", "XS, no traces at all"} & ticks(figure, "y")
    assert any(axis.get_ylabel() for axis in shown(figure)) or rows_have_names
    labels = {axis.get_xlabel() for axis in shown(figure)} - {""}
    assert labels or figure.get_supxlabel() or "chain" in ticks(figure, "x")


@every_figure
def test_lines_bars_and_colours_are_explained(drawn, name):
    notes = [text.get_text().strip() for axis in drawn(name).axes for text in axis.texts]
    with_numbers = name == "design_map" and all(re.fullmatch(r"-?\d+", note) for note in notes)
    assert legend(drawn(name)) or notes == ["limit of generation"] or (notes and with_numbers)


@pytest.mark.parametrize("name", OF_RUNS + OF_THE_STUDY)
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


def means(table, role, metric="score_common"):
    return role_curves(table, metric=metric).query("role == @role").sort_values("step")["mean"].tolist()


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
            assert line(axis, text) == (refused if what == "refused" else means(table, role, metric))


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


def test_the_same_curves_stand_over_steps_and_over_summed_rates(summary, drawn):
    figure = drawn("warm_up")
    assert legend(figure) == ["an arm", "another arm"]
    by_step, by_rate = shown(figure)
    for place, (text, table) in enumerate(arms(summary).items()):
        assert line(by_step, text) == means(table, "OOD")
        left, right = (axis.get_lines()[place] for axis in (by_step, by_rate))
        assert list(left.get_ydata()) == list(right.get_ydata())
        assert list(left.get_xdata()) == [0, 10, 640]
    constant, falling = (list(line.get_xdata()) for line in by_rate.get_lines())
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
    assert sorted(written) == sorted(f"{value:.0f}" for value in cells(dip).values())
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


def test_the_legend_of_verdicts_has_all_their_colours(drawn):
    (axis,) = drawn("forest").axes
    handles, labels = axis.get_legend_handles_labels()
    assert labels == list(verdicts().part_verdict) == list(VERDICT_COLORS)
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
