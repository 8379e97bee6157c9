"""Figures of the whole study: several arms side by side, the map of designs, and the verdicts."""

from rsft_utils.effects import MARGIN
from rsft_utils.plots.style import TITLES, VERDICT_COLORS, band, figure_of, head, legible, marks, step_axis, style
from rsft_utils.stats import role_curves, role_means, score_curves
from rsft_utils.tables import LIMITS, main_decoding, of_kind

PANELS = {
    "score": ("score_common", "share of items"),
    "length": ("length", "tokens per answer"),
    "refused": ("refused", "harmful requests refused"),
    "markers": ("markers", "changes of mind per answer"),
    "valid_backtracks": ("valid_backtracks", "right ones, per answer"),
}
SHARES = ("score", "refused")
FARTHEST = 70  # points: an effect whose whole interval lies beyond is written, not drawn


def compare(tables: dict, panels: list[tuple[str, str]], *, label: str):
    """Curves of several arms in one panel per (role, what); `tables`: what the legend says -> summary table.

    `what` is one of PANELS. The base, step 0, is the same point for all arms on the same bases.
    """
    style()
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = figure_of(rows, columns, 12, 3.6 * rows + 1)
    last = max(int(table.step.max()) for table in tables.values())
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for axis, (role, what) in zip(axes.flat, panels, strict=False):
        metric, name = PANELS[what]
        for text, (color, line, _) in marks(tables).items():
            look = {"label": text, "linestyle": line, "marker": "o", "markersize": 3.5}
            _thick_and_thin(axis, *_curves(tables[text], role, what, metric), color, **look)
        step_axis(axis, last)
        axis.set(title=TITLES[role], xlabel="optimiser step", ylabel=name)
    shares = [axis for axis, (_, what) in zip(axes.flat, panels, strict=False) if what in SHARES]
    for axis in axes.flat:
        # an interval over three bases may pass 1, a share cannot
        top = min(1.03, max(share.get_ylim()[1] for share in shares)) if axis in shares else None
        axis.set_ylim(bottom=0, top=top)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2 if len(tables) == 4 else 3
    )
    head(figure, label)
    return figure


def _thick_and_thin(axis, curve, runs, color, **look) -> None:
    """The mean of several runs with the runs themselves behind it, or one run with its band over items.

    An interval over three bases covers half of a panel and says less than the three.
    """
    if runs.run.nunique() == 1:
        band(axis, curve, color, **look)
        return
    for _, one in runs.sort_values("step").groupby("run"):
        axis.plot(one.step, one["mean"], color=color, linewidth=0.9, alpha=0.45)
    mean = curve.sort_values("step")
    axis.plot(mean.step, mean["mean"], color=color, **look)


def _curves(table, role: str, what: str, metric: str):
    """The curve of all runs of a table together, and the rows (run, step, mean) that their own are drawn from."""
    if what == "refused":
        table = table[table.benchmark == "harmful"]
        return score_curves(table, metric=metric), of_kind(table, "free", main_decoding(table), metric)
    table = table[table.role == role]
    return role_curves(table, metric=metric), role_means(table, metric=metric)


def warm_up(tables: dict, rates: dict, role: str = "OOD", *, label: str):
    """The same curves against steps and against the learning rate summed so far, in units of the peak rate.

    `rates`: what the legend says -> run.loss_curve of one run, whose `rate` column is summed. A dip that follows the
    warm-up moves in the left panel and stays in the right one.
    """
    style()
    figure, axes = figure_of(1, 2, 12, 4.4, sharey=True)
    last = max(int(table.step.max()) for table in tables.values())
    for text, (color, *_) in marks(tables).items():
        table = tables[text]
        # single runs and no band: what is compared is where they turn, not how high they lie
        lines = [(curve, 0.9, None) for _, curve in table.groupby("run")] + [(table, 2.8, text)]
        for rows, width, name in lines:
            curve = role_curves(rows).query("role == @role").sort_values("step")
            kind = {"color": color, "linewidth": width, "alpha": 1 if name else 0.5}
            axes[0, 0].plot(curve.step, curve["mean"], label=name, **kind)
            axes[0, 1].plot(summed_rate(rates[text], curve.step), curve["mean"], **kind)
    step_axis(axes[0, 0], last)
    axes[0, 0].set(xlabel="optimiser step", ylabel="share of items", ylim=(0, None))
    axes[0, 1].set_xscale("symlog", linthresh=1, linscale=0.6)
    axes[0, 1].set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
    axes[0, 1].minorticks_off()
    axes[0, 1].set(xlabel="learning rate summed so far, in peak rates")
    axes[0, 1].set_xlim(left=-0.05)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(tables))
    head(figure, label)
    return figure


def summed_rate(curve, steps):
    """Learning rate summed up to each step, in units of the highest one; between logged steps it is interpolated."""
    import numpy as np

    logged = np.concatenate([[0], curve.step])
    # at step 0: on the line through the first two, within what the rate can be
    first = np.clip(2 * curve.rate.iloc[0] - curve.rate.iloc[1], 0, curve.rate.max())
    rate = np.concatenate([[first], curve.rate]) / curve.rate.max()
    total = np.concatenate([[0], np.cumsum(np.diff(logged) * (rate[1:] + rate[:-1]) / 2)])
    return np.interp(steps, logged, total)


def limits(summary, full: int, *, label: str):
    """The score over steps under smaller limits of generation, one panel per role.

    `full` is the limit that was generated with; a greedy answer under a smaller one is the start of the same answer.
    """
    style()
    import seaborn as sns

    roles = ("ID", "OOD")
    figure, axes = figure_of(1, len(roles), 11, 4.4, sharey=True)
    metrics = {**{limit: f"score_at_{limit}" for limit in LIMITS}, full: "score_common"}
    shades = sns.color_palette("viridis", len(metrics))
    for axis, role in zip(axes.flat, roles, strict=True):
        for color, (limit, metric) in zip(shades, metrics.items(), strict=True):
            curve = role_curves(summary, metric=metric).query("role == @role").sort_values("step")
            axis.plot(curve.step, curve["mean"], color=color, marker="o", markersize=3.5, label=f"{limit} tokens")
        step_axis(axis, int(summary.step.max()))
        axis.set(title=TITLES[role], xlabel="optimiser step", ylabel="share of items", ylim=(0, None))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(metrics))
    head(figure, label)
    return figure


def design_map(designs, role: str = "OOD", *, label: str):
    """Dip and gain of every design: a row per size, share of traces and quality, a column per share that rambles."""
    style()
    import seaborn as sns

    rows = designs[designs.role == role].copy()
    rows["traces"] = rows.trace_share.map("{:.0%}".format)
    quality = rows.noticed_share.map({1.0: " traces, slips noticed", 0.0: " traces, slips unnoticed"})
    rows["base is"] = rows["size"] + ", " + rows.traces + quality
    rows.loc[rows.trace_share == 0, "base is"] = rows["size"] + ", no traces at all"
    order = list(dict.fromkeys(rows.sort_values(["size", "trace_share", "noticed_share"])["base is"]))
    figure, axes = figure_of(1, 2, 12, 0.45 * len(order) + 2.4, sharey=True)
    for axis, what in zip(axes.flat, ("dip", "gain"), strict=True):
        cells = rows.pivot_table(index="base is", columns="ramble_share", values=what).reindex(order)
        cells.columns = [f"{share:.0%}" for share in cells.columns]
        sns.heatmap(
            cells * 100,
            center=0,
            vmin=-40,
            vmax=40,
            cmap="vlag_r" if what == "gain" else "vlag",
            annot=(cells * 100).round() + 0,  # no minus before a zero
            fmt=".0f",
            linewidths=1,
            cbar=False,
            ax=axis,
        )
        legible(axis)
        title = {"dip": "dip: base minus lowest early score", "gain": "gain: last minus base"}[what]
        axis.set(title=f"{title}, points", xlabel="share of traces that ramble", ylabel="")
        axis.tick_params(axis="y", rotation=0)
    head(figure, label)
    return figure


def forest(verdicts, *, label: str):
    """Every part of every claim: effect and 95 % interval, coloured by its verdict; the margin is the grey band."""
    colors = style()
    verdicts = verdicts.reset_index(drop=True)
    figure, axes = figure_of(1, 1, 11, 0.42 * len(verdicts) + 1.8)
    axis = axes[0, 0]
    axis.axvspan(-MARGIN * 100, MARGIN * 100, color="0.92", zorder=0)
    axis.axvline(0, color="0.3", linewidth=1)
    for place, row in verdicts.iterrows():
        color = colors[VERDICT_COLORS[row.part_verdict]]
        if row.low * 100 > FARTHEST:  # a length that grows twentyfold would leave no room for the rest
            text, at_the_edge = f"{row.effect:+.0%} \N{RIGHTWARDS ARROW}", axis.get_yaxis_transform()
            axis.text(0.99, place, text, color=color, ha="right", va="center", fontsize=12, transform=at_the_edge)
            continue
        axis.plot([row.low * 100, row.high * 100], [place, place], color=color, linewidth=3, solid_capstyle="butt")
        axis.plot(row.effect * 100, place, "o", color=color, markersize=7)
    axis.set_yticks(range(len(verdicts)), [f"{row.claim}: {row.part}" for row in verdicts.itertuples()])
    for text, row in zip(axis.get_yticklabels(), verdicts.itertuples(), strict=True):
        text.set_color(colors[VERDICT_COLORS[row.part_verdict]])
    axis.set_ylim(len(verdicts) - 0.5, -0.5)  # the first on top
    axis.set_xlabel("effect in the claimed direction, points (length: per cent)")
    for verdict in dict.fromkeys(verdicts.part_verdict):
        axis.plot([], [], "o", color=colors[VERDICT_COLORS[verdict]], label=verdict)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    head(figure, label)
    return figure
