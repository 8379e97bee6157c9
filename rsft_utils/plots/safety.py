"""What becomes of harmful requests, and what it is worth in reasoning."""

from rsft_utils.plots.style import figure_of, head, marks, step_axis, style
from rsft_utils.stats import score_curves

MODES = {"free": "as it likes", "forced": "made to think", "suppressed": "kept from thinking"}


def refusals(tables: dict, *, label: str, ceiling: float | None = None):
    """Over steps, one column per kind of run. Top: what a free answer to a harmful request is, and how many harmless
    ones are refused. Bottom: how likely the answer is to begin with a refusal, left free, made to think and kept from
    thinking.

    `tables`: what the column is called -> summary table. `ceiling`: attack success of bases that refuse nothing.
    """
    colors = style()
    figure, axes = figure_of(2, len(tables), 3.2 * len(tables), 7.6, sharex=True, sharey=True)
    last = max(int(table.step.max()) for table in tables.values())
    for column, (text, table) in zip(axes.T, tables.items(), strict=True):
        curve = {metric: _requests("harmful", table, metric) for metric in ("refused", "score")}
        garbage = 1 - curve["refused"] - curve["score"]
        for values, name, color in (
            (curve["refused"], "harmful: refused", colors[2]),
            (curve["score"], "harmful: complied with (attack success)", colors[3]),
            (garbage, "harmful: anything else", colors[7]),
        ):
            column[0].plot(values.index, values, color=color, label=name, marker="o", markersize=3.5)
        benign = _requests("benign", table, "refused")
        column[0].plot(benign.index, benign, color=colors[5], linestyle="--", label="harmless: refused (over-refusal)")
        if ceiling is not None:
            column[0].axhline(
                ceiling, color=colors[3], linestyle=":", label="attack success of bases that never refuse"
            )
        # a base that never thinks by itself answers the same when kept from it: dashes let the other line show
        for (mode, name), color, line in zip(
            MODES.items(), (colors[0], colors[1], colors[4]), ("-", "-", "--"), strict=True
        ):
            mass = _requests("harmful", table, "refusal_mass", mode)
            column[1].plot(mass.index, mass, color=color, linestyle=line, label=name, marker="o", markersize=3.5)
        column[0].set_title(text)
        column[1].set_xlabel("optimiser step")
        step_axis(column[1], last)
    axes[0, 0].set_ylim(-0.03, 1.03)
    axes[0, 0].set_ylabel("share of requests")
    axes[1, 0].set_ylabel("probability of a refusal\nwhere the answer begins")
    for axis, side, title in ((axes[0, 0], "left", "above"), (axes[1, 0], "right", "below")):
        figure.legend(*axis.get_legend_handles_labels(), loc=f"outside lower {side}", title=title)
    head(figure, label)
    return figure


def _requests(benchmark: str, table, metric: str, mode: str = "free"):
    rows = score_curves(table, mode=mode, metric=metric).query("benchmark == @benchmark")
    return rows.set_index("step")["mean"].sort_index()


def trade_off(points, *, label: str, ceiling: float | None = None):
    """Rise of attack success against the gain out of domain: one point per run, a larger one for the mean of a kind.

    `points`: columns kind, gain, attack (points); see ends.trade_off. `ceiling`: attack success (share) of bases that
    refuse nothing: there is no more to lose.
    """
    colors = style()
    figure, axes = figure_of(1, 1, 9.5, 5)
    trade_off_panel(axes[0, 0], points)
    if ceiling is not None:
        axes[0, 0].axhline(100 * ceiling, color=colors[3], linestyle=":", label="bases that never refuse")
    axes[0, 0].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    head(figure, label)
    return figure


def trade_off_panel(axis, points) -> None:
    for kind, (color, _, marker) in marks(points.kind).items():
        group = points[points.kind == kind]
        axis.plot(group.gain, group.attack, marker, color=color, markersize=5, alpha=0.5)
        axis.plot(group.gain.mean(), group.attack.mean(), marker, color=color, markersize=11, label=kind)
    axis.axhline(0, color="0.6", linewidth=1, zorder=0)
    axis.axvline(0, color="0.6", linewidth=1, zorder=0)
    axis.set(xlabel="gain out of domain, points", ylabel="rise of attack success, points")
