"""The figures: pure functions of tables. Nothing here knows which curve should win."""

from collections.abc import Sequence

from rsft_utils.evaluate import MAX_NEW_TOKENS
from rsft_utils.stats import elicited_and_learned, role_curves, score_curves

TITLES = {"ID": "in domain", "OOD": "out of domain", "GEN": "general ability", "SAFE": "safety"}
STEP_TICKS = (0, 10, 40, 160, 640, 1280)
FIGURE_DPI = 150


def _style():
    """Colours that the colour-blind tell apart, and type that survives being shown at half width."""
    import seaborn as sns

    sns.set_theme(
        context="notebook",
        style="ticks",
        palette="colorblind",
        rc={
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 14,
            "axes.labelsize": 13,
            "xtick.labelsize": 12,
            "ytick.labelsize": 12,
            "legend.fontsize": 12,
            "legend.frameon": False,
            "lines.linewidth": 2.4,
            "svg.hashsalt": "rsft",  # the same figure is the same file
        },
    )
    return sns.color_palette("colorblind")


def _figure(rows: int, columns: int, width: float, height: float, **options):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _step_axis(axis, last: int) -> None:
    # early checkpoints lie close together and the dip is early, so the axis is logarithmic beyond step 10
    axis.set_xscale("symlog", linthresh=10, linscale=0.6)
    ticks = [tick for tick in STEP_TICKS if tick <= last]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(-0.5, last * 1.08)


def _band(axis, curve, color, label=None, **style):
    curve = curve.sort_values("step")
    axis.plot(curve.step, curve["mean"], color=color, label=label, **style)
    axis.fill_between(curve.step, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)


def dip_and_recovery(summary, published, *, label: str):
    """Scores by role over steps, form of the answers under them, the paper's curves at the bottom.

    `summary`: the summary table of one or more runs of one spec with different seeds. `published`: rows of
    published.curves for two models. `label`: what was run, printed into the figure.
    """
    colors = _style()
    # the fifth column holds the legends, so that none covers a curve
    figure, axes = _figure(3, 5, 13.5, 9, sharex="col", width_ratios=[1, 1, 1, 1, 0.95])
    last = int(max(summary.step.max(), published.step.max()))
    for column, role in enumerate(TITLES):
        axes[0, column].set_title(TITLES[role])
        _scores(axes[0, column], summary, role, colors)
        _form(axes[1, column], summary, role, colors)
        _published(axes[2, column], published, role, colors)
        for row, top in enumerate((1, 1, 100)):
            axes[row, column].set_ylim(-0.03 * top, 1.03 * top)
            axes[row, column].tick_params(labelleft=column == 0)
        _step_axis(axes[2, column], last)
        axes[2, column].set_xlabel("optimiser step")
    for row, text in enumerate(
        ("micro world\nshare of items", "micro world\nform of the answers", "the paper\nscore, %")
    ):
        axes[row, 0].set_ylabel(text)
    _legend(axes[0, 4], axes[0, 0], axes[0, 3])
    _legend(axes[1, 4], axes[1, 0])
    _legend(axes[2, 4], axes[2, 0])
    figure.suptitle(label, fontsize=12, color="0.35")
    return figure


def _legend(place, *axes) -> None:
    """The legend of some axes, written into an empty one."""
    handles, labels = zip(
        *[pair for axis in axes for pair in zip(*axis.get_legend_handles_labels(), strict=True)], strict=True
    )
    place.legend(handles, labels, loc="center left", borderaxespad=0)
    place.axis("off")


def _scores(axis, summary, role: str, colors) -> None:
    curves = score_curves(summary).query("role == @role")
    if role == "SAFE":  # the two scores mean different things, so there is no average
        refused = score_curves(summary, metric="refused").query("benchmark == 'harmful'")
        _band(axis, curves.query("benchmark == 'harmful'"), colors[3], "harmful: complied with\n(attack success)")
        _band(axis, refused, colors[2], "harmful: refused", linestyle="--")
        _band(axis, curves.query("benchmark == 'benign'"), colors[1], "harmless: refused", linestyle=":")
        return
    labelled = False
    for _, curve in curves.groupby("benchmark"):
        curve = curve.sort_values("step")
        axis.plot(curve.step, curve["mean"], color="0.75", linewidth=1, label=None if labelled else "single benchmarks")
        labelled = True
    mean = role_curves(summary).query("role == @role")
    _band(axis, mean, colors[0], "mean (95 %)", marker="o", markersize=4)
    if mean.chance.iloc[0] > 0:
        axis.axhline(mean.chance.iloc[0], color="0.3", linestyle=":", linewidth=1.4, label="chance")


def _form(axis, summary, role: str, colors) -> None:
    parts = {"thinks aloud": "long_format", "cut off at the limit": "cut_off", "length / limit": "length"}
    styles = {
        "thinks aloud": (colors[4], "-"),
        "cut off at the limit": (colors[3], "--"),
        "length / limit": ("0.2", "-."),
    }
    for name, metric in parts.items():
        curve = role_curves(summary, metric=metric).query("role == @role").sort_values("step")
        scale = MAX_NEW_TOKENS if metric == "length" else 1
        color, line = styles[name]
        axis.plot(curve.step, curve["mean"] / scale, color=color, linestyle=line, label=name)


def _published(axis, published, role: str, colors) -> None:
    rows = published[published.role == role]
    if rows.empty:
        axis.text(0.5, 0.5, "not public\nin text form", ha="center", va="center", transform=axis.transAxes, color="0.4")
        return
    for color, (model, curves) in zip((colors[1], colors[0]), rows.groupby("model", sort=False), strict=False):
        for _, curve in curves.groupby("benchmark"):
            axis.plot(curve.step, curve.value, color=color, linewidth=0.8, alpha=0.5)
        mean = curves.groupby("step", as_index=False).value.mean()
        axis.plot(mean.step, mean.value, color=color, marker="o", markersize=4, label=model)


def published(curves):
    """The paper's own curves by role, one line per benchmark, from published.curves."""
    colors = _style()
    roles = [role for role in TITLES if (curves.role == role).any()]
    figure, axes = _figure(1, len(roles), 12, 4, sharex=True)
    for axis, role in zip(axes.flat, roles, strict=True):
        _published(axis, curves, role, colors)
        _step_axis(axis, int(curves.step.max()))
        axis.set(title=TITLES[role], xlabel="optimiser step", ylabel="score, %")
        axis.set_ylim(bottom=0)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(
        "transcribed from the paper; thick: mean over benchmarks, thin: each benchmark", fontsize=12, color="0.35"
    )
    return figure


def loss(curve):
    """Training loss over steps, one line per run, from run.loss_curve."""
    colors = _style()
    figure, axes = _figure(1, 1, 8, 3)
    for (name, run), color in zip(curve.groupby("run"), colors, strict=False):
        axes[0, 0].plot(run.step, run.loss, color=color, label=name)
    axes[0, 0].set(xlabel="optimiser step", ylabel="training loss", ylim=(0, None))
    axes[0, 0].legend()
    return figure


def completion_lengths(lengths, limit: int):
    """How long the fine-tuning completions are, beside the limit of generation."""
    colors = _style()
    import seaborn as sns

    figure, axes = _figure(1, 1, 8, 3)
    sns.histplot(x=list(lengths), binwidth=8, color=colors[0], ax=axes[0, 0])
    axes[0, 0].axvline(limit, color="0.3", linestyle=":")
    axes[0, 0].text(limit, axes[0, 0].get_ylim()[1] * 0.9, "limit of generation ", ha="right", fontsize=12)
    axes[0, 0].set(xlabel="symbols in a completion", ylabel="rows", xlim=(0, limit * 1.02))
    return figure


def every_benchmark(summary, *, label: str):
    """One panel per benchmark: the score free, force-closed, and among the answers that ended; chance dotted."""
    colors = _style()
    names = list(dict.fromkeys(summary.benchmark))
    order = {role: place for place, role in enumerate(TITLES)}
    roles = summary.drop_duplicates("benchmark").set_index("benchmark").role
    names.sort(key=lambda name: order[roles[name]])
    columns = 4
    figure, axes = _figure(-(-len(names) // columns), columns, 12, 10, sharex=True, sharey=True)
    lines = (
        ("free", "score_common", "as generated", colors[0], "-"),
        ("force_closed", "score_common", "thought closed at the limit", colors[1], "--"),
        ("free", "score_if_answered", "among the answered", "0.35", "-."),
    )
    curves = {(mode, metric): score_curves(summary, mode=mode, metric=metric) for mode, metric, *_ in lines}
    for axis, name in zip(axes.flat, names, strict=False):
        for mode, metric, text, color, line in lines:
            curve = curves[mode, metric].query("benchmark == @name")
            if mode == "free" and metric == "score_common":
                _band(axis, curve, color, text, linestyle=line)
            else:
                axis.plot(curve.step, curve["mean"], color=color, linestyle=line, linewidth=1.8, label=text)
        chance = summary.query("benchmark == @name and metric == 'score'").chance.iloc[0]
        if chance > 0:
            axis.axhline(chance, color="0.3", linestyle=":", linewidth=1.2)
        _step_axis(axis, int(summary.step.max()))
        metric = {"harmful": "attack success", "benign": "over-refusal"}.get(name, "accuracy")
        axis.set_title(f"{name} ({roles[name]})", fontsize=13)
        axis.set_ylabel(metric, fontsize=12)
        axis.set_ylim(-0.03, 1.03)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    _legend(axes.flat[-2], axes[0, 0])
    figure.supxlabel("optimiser step", fontsize=13)
    figure.suptitle(label, fontsize=12, color="0.35")
    return figure


def elicited_or_learned(summary, *, label: str):
    """Bars per benchmark: what forcing the base to think changes, and what training added on top of that."""
    colors = _style()
    import seaborn as sns

    split = elicited_and_learned(summary)
    long = split.melt(
        id_vars=["run", "role", "benchmark"], value_vars=["elicited", "learned"], var_name="part", value_name="points"
    )
    figure, axes = _figure(1, 1, 10, 4.6)
    axis = axes[0, 0]
    sns.barplot(
        long,
        x="benchmark",
        y="points",
        hue="part",
        palette=[colors[1], colors[0]],
        errorbar=None,
        ax=axis,
        saturation=1,
    )
    axis.axhline(0, color="0.3", linewidth=1)
    axis.tick_params(axis="x", rotation=35)
    axis.set(xlabel="", ylabel="change in accuracy")
    axis.legend(title="", loc="upper right")
    figure.suptitle(label, fontsize=12, color="0.35")
    return figure


def mode_bars(summary, *, label: str):
    """What each base scores free, forced to think and kept from thinking: one group of bars per benchmark."""
    colors = _style()
    import seaborn as sns

    rows = summary.query("metric == 'score' and decoding == 'greedy' and higher_is_better and mode != 'force_closed'")
    names = list(dict.fromkeys(rows.model))
    figure, axes = _figure(len(names), 1, 10, 2.6 * len(names) + 0.8, sharex=True, sharey=True)
    for axis, name in zip(axes.flat, names, strict=True):
        one = rows[rows.model == name]
        sns.barplot(
            one,
            x="benchmark",
            y="mean",
            hue="mode",
            hue_order=["free", "forced", "suppressed"],
            palette=[colors[0], colors[1], colors[7]],
            errorbar=None,
            ax=axis,
            saturation=1,
            legend=axis is axes.flat[0],
        )
        chance = one.drop_duplicates("benchmark").set_index("benchmark").chance
        for place, value in enumerate(chance):
            axis.hlines(value, place - 0.42, place + 0.42, color="0.1", linestyle=":", linewidth=2)
        axis.set(xlabel="", ylabel="accuracy", title=name, ylim=(0, 1.03))
        axis.tick_params(axis="x", rotation=35)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    axes.flat[0].get_legend().remove()
    figure.legend(handles, [f"<think> {text}" for text in labels], loc="outside lower center", ncols=3)
    figure.suptitle(label, fontsize=12, color="0.35")
    return figure


def save(figure, folder, name: str, formats: Sequence[str] = ("png", "svg")) -> None:
    """Write `folder/name.png` and `.svg`, without dates, so that an unchanged figure is an unchanged file."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in formats:
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(folder / f"{name}.{kind}", dpi=FIGURE_DPI, metadata=metadata)
