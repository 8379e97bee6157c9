"""Where runs end: the change of every benchmark, and the last score against the base's."""

from rsft_utils.plots.style import TITLES, figure_of, head, legible, marks, style


def changes(rows, *, label: str, largest: float = 50):
    """A table in colours: one line per kind of run, one column per benchmark, in points of change.

    `rows`: columns line, benchmark, role, change (points), sure (whether its interval leaves out zero: bold).
    Colours end at `largest` points.
    """
    style()
    import seaborn as sns

    lines, benchmarks = list(dict.fromkeys(rows.line)), rows.drop_duplicates("benchmark")
    order = [name for role in TITLES for name in benchmarks.benchmark[benchmarks.role == role]]
    cells, sure = (
        rows.pivot(index="line", columns="benchmark", values=v).loc[lines, order] for v in ("change", "sure")
    )
    cells = cells.round() + 0  # no minus before a zero
    figure, axes = figure_of(1, 1, 12, 0.5 * len(lines) + 2.2)
    axis = axes[0, 0]
    sns.heatmap(
        cells,
        center=0,
        vmin=-largest,
        vmax=largest,
        cmap="vlag_r",
        annot=True,
        fmt="+.0f",
        linewidths=1,
        cbar=False,
        ax=axis,
    )
    legible(axis)
    shown = cells.notna().to_numpy().ravel().nonzero()[0]
    for text, place in zip(axis.texts, shown, strict=True):
        if not sure.to_numpy().ravel()[place]:
            text.set(fontsize=11)
        else:
            text.set_fontweight("bold")
    borders = [order.index(name) for role in TITLES for name in list(benchmarks.benchmark[benchmarks.role == role])[:1]]
    for place in borders[1:]:
        axis.axvline(place, color="0.2", linewidth=2)
    for role in TITLES:
        names = [name for name in order if (benchmarks.set_index("benchmark").role[name] == role)]
        if names:
            axis.text(order.index(names[0]) + len(names) / 2, -0.15, TITLES[role], ha="center", fontsize=13)
    axis.set(xlabel="", ylabel="")
    axis.tick_params(axis="y", rotation=0)
    axis.tick_params(axis="x", rotation=35)
    head(figure, label)
    return figure


def base_and_final(points, *, label: str):
    """Last score against the base's, one panel per role, one point per run; above the diagonal is a gain.

    `points`: columns kind, role, base, last (shares).
    """
    style()
    roles = [role for role in TITLES if (points.role == role).any()]
    figure, axes = figure_of(1, len(roles), 4.6 * len(roles), 4.9, sharex=True, sharey=True)
    for axis, role in zip(axes.flat, roles, strict=True):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
        for kind, (color, _, marker) in marks(points.kind).items():
            group = points[(points.role == role) & (points.kind == kind)]
            axis.plot(group.base, group["last"], marker, color=color, markersize=9, label=kind, clip_on=False)
        axis.set(title=TITLES[role], xlabel="base score", ylabel="last score", xlim=(0, 1), ylim=(0, 1))
        axis.set_aspect("equal")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    head(figure, label)
    return figure
