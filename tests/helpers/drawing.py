"""Every figure from made-up numbers, and what its axes and legends say."""

import pandas as pd
import pytest

from rsft_utils import plots, published
from rsft_utils.claims.claim import COLUMNS
from rsft_utils.plots.style import TITLES
from rsft_utils.stats import role_curves

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


def line(axis, label):
    (found,) = (line for line in axis.get_lines() if line.get_label() == label)
    return list(found.get_ydata())


def means(table, role, metric="score_common"):
    return role_curves(table, metric=metric).query("role == @role").sort_values("step")["mean"].tolist()


def of_kinds(axis):
    return {line.get_label(): line for line in axis.get_lines() if not line.get_label().startswith("_")}
