"""The four findings on one slide."""

from rsft_utils.plots.safety import trade_off_panel
from rsft_utils.plots.style import TITLES, band, figure_of, head, marks, step_axis, style
from rsft_utils.stats import role_curves


def four_findings(long_run, by_data, by_base: dict, points, *, label: str):
    """One panel per finding: dip and recovery, data, capability, asymmetry.

    `long_run`: summary of the default runs. `by_data`: rows of ends.reasoning_gains, one kind per data set. `by_base`:
    what the legend says -> summary, one per kind of base. `points`: ends.trade_off.
    """
    colors = style()
    figure, axes = figure_of(2, 2, 14.5, 9)
    (training, data), (capability, safety) = axes
    for role, color in (("ID", colors[1]), ("OOD", colors[0])):
        band(training, _curve(long_run, role), color, TITLES[role], marker="o", markersize=4)
    training.set(title="1. Train longer: dip, then recovery?", ylim=(0, 1))
    _gains(data, by_data, colors)
    data.set_title("2. What the data do")
    for text, (color, line, marker) in marks(by_base).items():
        band(capability, _curve(by_base[text], "OOD"), color, text, linestyle=line, marker=marker, markersize=4)
    capability.set(title="3. What the base makes of it, out of domain", ylim=(0, 1))
    for axis, table in ((training, long_run), (capability, next(iter(by_base.values())))):
        step_axis(axis, int(table.step.max()))
        axis.set(xlabel="optimiser step", ylabel="share of items")
        axis.legend(loc="upper left")
    trade_off_panel(safety, points)
    safety.set_title("4. What it costs in safety")
    safety.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=11)
    head(figure, label)
    return figure


def _curve(table, role: str):
    return role_curves(table).query("role == @role")


def _gains(axis, rows, colors) -> None:
    kinds = list(dict.fromkeys(rows.kind))
    for offset, role, color in ((-0.14, "ID", colors[1]), (0.14, "OOD", colors[0])):
        group = rows[rows.role == role]
        places = [kinds.index(kind) + offset for kind in group.kind]
        error = [group.effect - group.low, group.high - group.effect]
        axis.errorbar(group.effect, places, xerr=error, fmt="o", color=color, markersize=7, label=TITLES[role])
    axis.axvline(0, color="0.3", linewidth=1)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.invert_yaxis()
    axis.set_xlabel("last step minus base, points")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=11)
