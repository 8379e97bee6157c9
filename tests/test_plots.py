import functools
import html
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import seaborn as sns
from matplotlib.colors import same_color
from matplotlib.figure import Figure

from rsft_utils import plots, published
from rsft_utils.claims.claim import COLUMNS
from rsft_utils.claims.statements import STATEMENTS
from rsft_utils.comparisons import ASYMMETRY
from rsft_utils.effects import MARGIN
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.plots import style
from rsft_utils.plots.reader import MOST_LINES, WIDTH
from rsft_utils.plots.safety import MODES
from rsft_utils.plots.scorecard import COLUMNS as EVIDENCE
from rsft_utils.plots.study import PANELS, summed_rate
from rsft_utils.plots.style import TITLES, VERDICT_COLORS
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


def changes():
    """Two kinds of run on benchmarks that come in no order; one cell is missing."""
    rows = [
        ("long CoT", "fact", "GEN", -12.4, True),
        ("long CoT", "word", "OOD", 8.6, True),
        ("long CoT", "chain", "ID", 30.2, True),
        ("long CoT", "lock", "OOD", -3.4, False),
        ("long CoT", "harmful", "SAFE", 1.7, False),
        ("a game", "word", "OOD", -20.5001, True),
        ("a game", "chain", "ID", 4.2, False),
        ("a game", "fact", "GEN", -64.8, True),
        ("a game", "harmful", "SAFE", 72.6, True),
    ]
    return pd.DataFrame(rows, columns=["line", "benchmark", "role", "change", "sure"])


def points():
    """Three kinds of run, two runs of each, in three roles."""
    rows = [
        (kind, role, shift + 0.1 * place + 0.01 * run, shift + 0.2 * place + 0.2 + 0.02 * run)
        for role, shift in (("GEN", 0.0), ("ID", 0.1), ("OOD", 0.2))
        for place, kind in enumerate(("S", "XS", "S, Qwen2"))
        for run in range(2)
    ]
    return pd.DataFrame(rows, columns=["kind", "role", "base", "last"])


def points_of_safety():
    """Two kinds of run, two runs of each: what they gained, and by how much attack success rose."""
    rows = [("long CoT", 20.0, 40.0), ("long CoT", 30.0, 50.0), ("a game", -10.0, 5.0), ("a game", 10.0, -15.0)]
    return pd.DataFrame(rows, columns=["kind", "gain", "attack"])


def gains():
    """Gains of two kinds of run with their intervals; the last has none."""
    nan = float("nan")
    rows = [
        ("long CoT", "ID", 30.0, 20.0, 40.0),
        ("long CoT", "OOD", 10.0, -5.0, 25.0),
        ("a game", "ID", -4.0, -10.0, 2.0),
        ("a game", "OOD", 12.0, nan, nan),
    ]
    return pd.DataFrame(rows, columns=["kind", "role", "effect", "low", "high"])


def draw_four(summary):
    return plots.four_findings(summary, gains(), arms(summary), points_of_safety(), label=LABEL)


def card():
    """A line of the scorecard for every verdict."""
    rows = [
        ("C1", "a first thing", "held", "not run", "not run", 0.9),
        ("C3 OOD", "a second thing", "did not hold", "mixed", "not run", 0.2),
        ("C8", "a third thing", "mixed", "inconclusive", "not run", float("nan")),
        ("C9", "a fourth thing", "inconclusive", "did not hold", "not run", 0.5),
        ("C18", "a fifth thing", "too few bases", "held", "not run", 1.0),
    ]
    return pd.DataFrame(rows, columns=["claim", "statement", "micro", "lora", "released", "agree"])


WORDS = [
    *[("<think>", "frame"), ("3 + 2 = 6", "plain"), ("wait", "valid"), ("$\\no", "plain"), ("such$", "plain")],
    *[(f"step{'s' * (place % 7)}", ("plain", "empty", "plain", "valid")[place % 4]) for place in range(60)],
    *[("</think>", "frame"), ("<end>", "frame")],
]


def written():
    """Two models at two steps; one answer is long, others are of one word or none."""
    return [
        [("S, step 0", WORDS), ("XS, step 0", [("<end>", "frame")])],
        [("S, step 640", []), ("XS, step 640", WORDS[::-1])],
    ]


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
    "refusals": lambda summary: plots.refusals(arms(summary), label=LABEL),
    "four_findings": draw_four,
}
OF_RUNS = [name for name in FIGURES if name not in ("loss", "completion_lengths", "published")]
OF_THE_STUDY = ["design_map", "forest", "changes", "base_and_final", "trade_off"]
OF_WORDS = ["answers", "scorecard"]  # no axes
every_figure = pytest.mark.parametrize("name", [*FIGURES, *OF_THE_STUDY, *OF_WORDS])
every_figure_with_axes = pytest.mark.parametrize("name", [*FIGURES, *OF_THE_STUDY])


@pytest.fixture(scope="module")
def summary(made_up_summary):
    return made_up_summary()


@pytest.fixture(scope="module")
def draw(made_up_designs):
    """Function that draws a figure by its name from a summary table, or from a map or verdicts of its own."""
    of_the_study = {
        "design_map": lambda _: plots.design_map(made_up_designs, label=LABEL),
        "forest": lambda _: plots.forest(verdicts(), label=LABEL),
        "changes": lambda _: plots.changes(changes(), label=LABEL),
        "base_and_final": lambda _: plots.base_and_final(points(), label=LABEL),
        "trade_off": lambda _: plots.trade_off(points_of_safety(), label=LABEL),
        "answers": lambda _: plots.answers(written(), label=LABEL),
        "scorecard": lambda _: plots.scorecard(card(), label=LABEL),
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


@every_figure_with_axes
def test_what_the_axes_show_is_said(drawn, name):
    figure = drawn(name)
    rows_have_names = {"C1: part 1", "XS, no traces at all", "long CoT"} & ticks(figure, "y")
    assert any(axis.get_ylabel() for axis in shown(figure)) or rows_have_names
    labels = {axis.get_xlabel() for axis in shown(figure)} - {""}
    assert labels or figure.get_supxlabel() or "chain" in ticks(figure, "x")


@every_figure_with_axes
def test_lines_bars_and_colours_are_explained(drawn, name):
    notes = [text.get_text().strip() for axis in drawn(name).axes for text in axis.texts]
    numbers = [note for note in notes if note not in TITLES.values()]
    with_numbers = name in ("design_map", "changes") and all(re.fullmatch(r"[-+]?\d+", number) for number in numbers)
    assert legend(drawn(name)) or notes == ["limit of generation"] or (notes and with_numbers)


@pytest.mark.parametrize("name", OF_RUNS + OF_THE_STUDY + OF_WORDS)
def test_a_figure_of_runs_says_which(drawn, name):
    assert drawn(name).get_suptitle() == LABEL


@pytest.mark.parametrize("name", OF_RUNS + OF_THE_STUDY + OF_WORDS)
@pytest.mark.filterwarnings("error", "ignore::PendingDeprecationWarning")  # seaborn's own
def test_a_figure_is_drawn_without_a_warning(summary, draw, name):
    draw(name, summary).draw_without_rendering()


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


# Where runs end


def heat_map(figure):
    """Texts of the cells by line and benchmark, and the titles above them by place."""
    (axis,) = figure.axes
    lines, benchmarks = ([tick.get_text() for tick in getattr(axis, f"get_{side}ticklabels")()] for side in "yx")
    texts, titles = {}, {}
    for text in axis.texts:
        x, y = text.get_position()
        if y < 0:
            titles[x] = text.get_text()
        else:
            texts[lines[int(y)], benchmarks[int(x)]] = text
    assert len(texts) + len(titles) == len(axis.texts)
    return texts, titles


def test_a_change_is_written_in_its_cell_as_rounded_points_with_a_sign(drawn):
    texts, _ = heat_map(drawn("changes"))
    assert {place: text.get_text() for place, text in texts.items()} == {
        ("long CoT", "fact"): "-12",
        ("long CoT", "word"): "+9",
        ("long CoT", "chain"): "+30",
        ("long CoT", "lock"): "-3",
        ("long CoT", "harmful"): "+2",
        ("a game", "word"): "-21",
        ("a game", "chain"): "+4",
        ("a game", "fact"): "-65",
        ("a game", "harmful"): "+73",
    }


def test_a_sure_change_is_bold_and_an_unsure_one_paler_and_smaller(drawn):
    texts, _ = heat_map(drawn("changes"))
    sizes = {sure: set() for sure in (True, False)}
    for row in changes().itertuples():
        text = texts[row.line, row.benchmark]
        assert (text.get_fontweight() == "bold") == row.sure
        assert text.get_alpha() == (None if row.sure else 0.75)
        sizes[row.sure].add(text.get_fontsize())
    assert max(sizes[False]) < min(sizes[True])


def test_where_no_change_is_sure_none_is_bold():
    texts, _ = heat_map(plots.changes(changes().assign(sure=False), label=LABEL))
    assert {(text.get_fontweight() == "bold", text.get_alpha()) for text in texts.values()} == {(False, 0.75)}


def test_lines_keep_their_order_and_benchmarks_are_grouped_by_role(drawn):
    figure = drawn("changes")
    (axis,) = figure.axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["long CoT", "a game"]
    benchmarks = [tick.get_text() for tick in axis.get_xticklabels()]
    assert benchmarks == ["chain", "word", "lock", "fact", "harmful"]
    _, titles = heat_map(figure)
    middles = {0.5: "ID", 2: "OOD", 3.5: "GEN", 4.5: "SAFE"}
    assert titles == {middle: TITLES[role] for middle, role in middles.items()}
    assert [list(line.get_xdata()) for line in axis.get_lines()] == [[1, 1], [3, 3], [4, 4]]  # between the roles


def test_roles_without_a_benchmark_have_neither_title_nor_border():
    figure = plots.changes(changes().query("role == 'OOD'"), label=LABEL)
    assert heat_map(figure)[1] == {1: TITLES["OOD"]}
    assert len(figure.axes[0].get_lines()) == 0


def test_what_was_not_measured_stays_empty(drawn):
    texts, _ = heat_map(drawn("changes"))
    assert ("a game", "lock") not in texts
    (mesh,) = drawn("changes").axes[0].collections
    assert mesh.get_array().mask.sum() == 1 and mesh.get_array().mask[1, 2]


def test_the_colours_of_changes_are_mirrored_at_zero_and_end_where_they_are_told_to():
    def colors(**options):
        mesh = plots.changes(changes(), label=LABEL, **options).axes[0].collections[0]
        return mesh, mesh.to_rgba([-80, -50, -20, 0, 20, 50, 80])

    mesh, usual = colors()
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-50, 50)
    assert same_color(usual[0], usual[1]) and same_color(usual[5], usual[6])
    assert usual[5][2] > usual[5][0] and usual[1][0] > usual[1][2]  # a gain is blue, a loss red
    _, wider = colors(largest=100)
    assert not same_color(wider[0], wider[1])


def test_every_line_and_benchmark_of_a_large_map_of_changes_is_named():
    rows = [
        (f"line {place}", name, benchmark.role, float(place), True)
        for place in range(14)
        for name, benchmark in BENCHMARKS.items()
    ]
    figure = plots.changes(pd.DataFrame(rows, columns=changes().columns), label=LABEL)
    assert len(heat_map(figure)[0]) == len(rows)
    assert {tick.get_text() for tick in figure.axes[0].get_xticklabels()} == set(BENCHMARKS)
    assert len(figure.axes[0].get_yticklabels()) == 14


def of_kinds(axis):
    return {line.get_label(): line for line in axis.get_lines() if not line.get_label().startswith("_")}


def test_there_is_a_panel_for_each_role_in_which_runs_were_measured(drawn):
    assert [axis.get_title() for axis in drawn("base_and_final").axes] == [TITLES[r] for r in ("ID", "OOD", "GEN")]


def test_every_run_is_a_point_at_its_base_and_last_score(drawn):
    for axis, role in zip(drawn("base_and_final").axes, ("ID", "OOD", "GEN"), strict=True):
        here = points()[points().role == role]
        assert list(of_kinds(axis)) == list(dict.fromkeys(here.kind))
        for kind, line in of_kinds(axis).items():
            own = here[here.kind == kind]
            assert line.get_linestyle() == "None"  # points are not joined
            assert list(line.get_xdata()) == own.base.tolist()
            assert list(line.get_ydata()) == own["last"].tolist()
        assert axis.get_xlim() == axis.get_ylim() == (0, 1)
        (diagonal,) = (line for line in axis.get_lines() if line.get_label().startswith("_"))
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]


def test_every_kind_of_run_has_a_marker_and_a_colour_of_its_own(drawn):
    for axis in drawn("base_and_final").axes:
        lines = of_kinds(axis).values()
        assert len({line.get_marker() for line in lines}) == len({line.get_color() for line in lines}) == 3
    assert legend(drawn("base_and_final")) == ["S", "XS", "S, Qwen2"]


def test_a_kind_looks_the_same_in_every_panel_and_is_explained_wherever_it_was_measured():
    figure = plots.base_and_final(points().query("not (kind == 'S' and role == 'ID')"), label=LABEL)
    looks = {}
    for axis in figure.axes:
        for kind, line in of_kinds(axis).items():
            looks.setdefault(kind, set()).add((line.get_marker(), line.get_color()))
    assert all(len(seen) == 1 for seen in looks.values())
    assert set(legend(figure)) == {"S", "XS", "S, Qwen2"}


# Safety


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


# The four findings on one slide


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


# All claims on one page


def on_the_page(figure):
    """What stands beside a claim (number, statement), in its cells (text, colour or None), and above them."""
    (axis,) = figure.axes
    heads = [text.get_text() for text in axis.texts if text.get_position()[1] < 0]
    lines = {}
    for text in axis.texts:
        if text.get_position()[1] >= 0:
            lines.setdefault(text.get_position()[1], []).append(text)
    boxes = {}
    for box in axis.patches:
        boxes[round(box.get_y() + box.get_height() / 2), round(box.get_x() + box.get_width() / 2, 3)] = box
    said, cells = [], {}
    for place, (claim, statement, *texts) in sorted(lines.items()):
        said.append((claim.get_text(), statement.get_text()))
        for name, text in zip(EVIDENCE, texts, strict=True):
            box = boxes.pop((place, round(text.get_position()[0], 3)), None)
            cells[claim.get_text(), name] = (text.get_text(), box and box.get_facecolor()[:3])
    assert not boxes  # nothing is coloured but cells
    return said, cells, heads


def test_every_claim_stands_on_the_page_with_its_statement_in_the_order_given(drawn):
    said, cells, heads = on_the_page(drawn("scorecard"))
    assert said == [
        ("C1", "a first thing"),
        ("C3", "a second thing"),
        ("C8", "a third thing"),
        ("C9", "a fourth thing"),
        ("C18", "a fifth thing"),
    ]
    assert heads == list(EVIDENCE.values()) and list(EVIDENCE) == ["micro", "lora", "released", "published"]
    assert len(cells) == 5 * len(EVIDENCE)


def test_a_cell_says_the_verdict_in_its_colour_and_what_was_not_run_has_none(drawn):
    _, cells, _ = on_the_page(drawn("scorecard"))
    colors = sns.color_palette("colorblind")
    green, red, grey, yellow = (colors[place] for place in (2, 3, 7, 8))
    shades = {"held": green, "did not hold": red, "mixed": yellow, "inconclusive": grey, "too few bases": grey}
    for row in card().itertuples():
        for name in ("micro", "lora", "released"):
            text, color = cells[row.claim.split()[0], name]
            assert text == getattr(row, name)
            assert color == shades.get(text)
    assert cells["C1", "released"] == ("not run", None)


@pytest.mark.parametrize(
    ("agree", "text", "color"),
    [
        (1.0, "100% agree", 2),
        (0.89, "89% agree", 2),
        (0.75, "75% agree", 8),
        (0.5, "50% agree", 8),
        (0.25, "25% agree", 8),
        (0.2, "20% agree", 3),
        (0.0, "0% agree", 3),
        (float("nan"), "not public", None),
    ],
)
def test_the_paper_s_numbers_have_no_verdict_but_the_share_of_signs_that_agree(agree, text, color):
    _, cells, _ = on_the_page(plots.scorecard(card().head(1).assign(agree=agree), label=LABEL))
    colors = sns.color_palette("colorblind")
    assert cells["C1", "published"] == (text, None if color is None else colors[color])


def test_on_the_page_of_all_claims_nothing_runs_into_anything_else():
    claims = [name for id in STATEMENTS for name in ([f"{id} ID", f"{id} OOD"] if id in ("C3", "C4") else [id])]
    full = pd.DataFrame(
        {
            "claim": claims,
            "statement": [": ".join([*claim.split()[1:], STATEMENTS[claim.split()[0]]]) for claim in claims],
            "micro": "too few bases",
            "lora": "did not hold",
            "released": "inconclusive",
            "agree": 1.0,
        }
    )
    figure = plots.scorecard(full, label=LABEL)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [text.get_window_extent() for text in axis.texts]
    for place, box in enumerate(boxes):
        assert not [text for text, other in zip(axis.texts, boxes[:place], strict=False) if box.overlaps(other)]
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    columns = [box for box in axis.patches if box.get_y() < 0]
    for box in columns:
        texts = [text for text in axis.texts if box.get_x() < text.get_position()[0] < box.get_x() + box.get_width()]
        assert len(texts) == len(claims) + 1  # with the head of the column
        area = box.get_window_extent()
        assert all(area.x0 <= text.get_window_extent().x0 and text.get_window_extent().x1 <= area.x1 for text in texts)


# Answers to read


def texts_of(axis):
    """Title, and the words of an answer in their order."""
    title, *words = axis.texts
    return title.get_text(), words


def test_every_word_of_every_answer_is_drawn_once_under_its_title(drawn):
    answers = [answer for row in written() for answer in row]
    for axis, (title, words) in zip(drawn("answers").axes, answers, strict=True):
        found, texts = texts_of(axis)
        assert found == title
        assert [text.get_text() for text in texts] == [word for word, _ in words]


def test_words_stand_one_after_the_other_and_none_beyond_the_width(drawn):
    for axis in drawn("answers").axes:
        at, line = 0, 0
        for text in texts_of(axis)[1]:
            x, y = text.get_position()
            length = len(text.get_text())
            assert x + length <= WIDTH == axis.get_xlim()[1]
            if y > line and at:  # a new line only where the word had no room
                assert x == 0 and at + length > WIDTH
            else:
                assert x == at
            assert y >= line
            at, line = x + length + 1, y
            assert y + 0.5 < axis.get_ylim()[0]  # within the panel
    assert len({text.get_position()[1] for text in texts_of(axis)[1]}) > 5  # the last answer is a long one


def test_what_is_drawn_is_as_wide_as_it_was_laid_out(drawn):
    figure = drawn("answers")
    figure.draw_without_rendering()
    for axis in figure.axes:
        for text in texts_of(axis)[1]:
            assert text.get_window_extent().x1 <= axis.get_window_extent().x1 + 1


def test_the_kinds_of_words_are_told_apart_by_colour(drawn):
    colors, answers = sns.color_palette("colorblind"), [words for row in written() for _, words in row]
    paint = {"valid": colors[2], "empty": colors[3], "frame": "0.55", "plain": "0.1"}
    for axis, words in zip(drawn("answers").axes, answers, strict=True):
        for text, (_, kind) in zip(texts_of(axis)[1], words, strict=True):
            assert same_color(text.get_color(), paint[kind])
            assert (text.get_fontweight() == "bold") == (kind in ("valid", "empty"))


def test_what_looks_like_a_formula_or_a_tag_is_drawn_literally(tmp_path):
    words = [("$\\nonsense{$", "plain"), ("<end>", "frame"), ("$x$", "valid"), ("&", "plain")]
    figure = plots.answers([[("S", words)]], label=LABEL)
    with plt.rc_context({"svg.fonttype": "none"}):  # text as text
        plots.save(figure, tmp_path, "answer", formats=["svg"])
    written = html.unescape((tmp_path / "answer.svg").read_text())
    for word, _ in words:
        assert f">{word}</text>" in written


def test_titles_and_heads_are_no_formulas_either(tmp_path):
    figure = plots.answers([[("$\\nonsense{$", [])]], label="of $\\nonsense{$ and $x^2$")
    plots.save(figure, tmp_path, "titles", formats=["png"])  # raises where it is read as one
    assert not any(text.get_parse_math() for text in [*figure.axes[0].texts, figure._suptitle])


def test_a_word_that_is_longer_than_a_line_goes_on_in_the_next():
    (axis,) = plots.answers([[("S", [("x" * 130, "valid"), ("<end>", "frame")])]], label=LABEL).axes
    pieces = [text.get_text() for text in texts_of(axis)[1]]
    assert pieces == ["x" * WIDTH, "x" * WIDTH, "x" * (130 - 2 * WIDTH), "<end>"]


def test_of_an_endless_answer_only_the_beginning_is_drawn(tmp_path):
    figure = plots.answers([[("S", [("y" * WIDTH, "plain")] * 100_000)]], label=LABEL)
    texts = texts_of(figure.axes[0])[1]
    assert len(texts) == MOST_LINES + 1
    assert texts[-1].get_text() == "… 99,900 lines more"
    plots.save(figure, tmp_path, "endless", formats=["png"])


def test_models_stand_side_by_side_and_steps_below_each_other(drawn):
    one, other, below, last = (axis.get_position() for axis in drawn("answers").axes)
    assert one.x1 <= other.x0 and (one.y0, one.y1) == (other.y0, other.y1)
    assert below.y1 <= one.y0 + 1e-9 and (below.x0, below.x1) == (one.x0, one.x1)
    assert last.y0 >= 0 and other.x1 <= 1 and one.y1 < 1


# Several arms


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


def test_a_figure_says_in_words_what_it_shows(made_up_summary):
    words = plots.in_words(plots.compare(arms(made_up_summary()), THREE_PANELS, label=LABEL))
    assert words.startswith(f"{LABEL}. Panels: in domain; out of domain; safety. Across: optimiser step. Up: ")
    assert words.endswith("Legend: an arm; another arm")
