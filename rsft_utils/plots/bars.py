"""Figures of one moment: the data, the loss, and what bases and last checkpoints score in each mode."""

from rsft_utils.plots.style import figure_of, head, style
from rsft_utils.stats import elicited_and_learned


def loss(curve):
    """Training loss over steps, one line per run, from run.loss_curve."""
    colors = style()
    figure, axes = figure_of(1, 1, 8, 3)
    for (name, run), color in zip(curve.groupby("run"), colors, strict=False):
        axes[0, 0].plot(run.step, run.loss, color=color, label=name)
    axes[0, 0].set(xlabel="optimiser step", ylabel="training loss", ylim=(0, None))
    axes[0, 0].legend()
    return figure


def completion_lengths(lengths, limit: int):
    """How long the fine-tuning completions are, beside the limit of generation."""
    colors = style()
    import seaborn as sns

    figure, axes = figure_of(1, 1, 8, 3)
    sns.histplot(x=list(lengths), binwidth=8, color=colors[0], ax=axes[0, 0])
    axes[0, 0].axvline(limit, color="0.3", linestyle=":")
    axes[0, 0].text(limit, axes[0, 0].get_ylim()[1] * 0.9, "limit of generation ", ha="right", fontsize=12)
    axes[0, 0].set(xlabel="symbols in a completion", ylabel="rows", xlim=(0, limit * 1.02))
    return figure


def elicited_or_learned(summary, *, label: str):
    """Bars per benchmark: what forcing the base to think changes, and what training added on top of that."""
    colors = style()
    import seaborn as sns

    split = elicited_and_learned(summary)
    long = split.melt(
        id_vars=["run", "role", "benchmark"], value_vars=["elicited", "learned"], var_name="part", value_name="points"
    )
    figure, axes = figure_of(1, 1, 10, 4.6)
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
    head(figure, label)
    return figure


def mode_bars(summary, *, label: str):
    """What each base scores free, forced to think and kept from thinking: one group of bars per benchmark."""
    colors = style()
    import seaborn as sns

    rows = summary.query("metric == 'score' and decoding == 'greedy' and higher_is_better and mode != 'force_closed'")
    names = list(dict.fromkeys(rows.model))
    figure, axes = figure_of(len(names), 1, 10, 2.6 * len(names) + 0.8, sharex=True, sharey=True)
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
    head(figure, label)
    return figure
