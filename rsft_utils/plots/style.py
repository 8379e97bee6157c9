"""What all figures share: colours, type, the axis of steps, bands, legends, and how a figure is written to a file."""

from collections.abc import Iterable, Sequence

TITLES = {"ID": "in domain", "OOD": "out of domain", "GEN": "general ability", "SAFE": "safety"}
STEP_TICKS = (0, 10, 40, 160, 640, 1280)
FIGURE_DPI = 150
LINES = ("-", "-", "--", ":", "-.")  # curves that lie on each other can still be told apart
MARKERS = "os^DvPX<>*p"
# by verdict: which of the palette's colours
VERDICT_COLORS = {"held": 2, "mixed": 8, "inconclusive": 7, "did not hold": 3, "too few bases": 7}


def style():
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


def marks(kinds: Iterable[str]) -> dict[str, tuple]:
    """Colour, line and marker of each kind: two of ten colours and eleven markers never meet again."""
    import seaborn as sns

    colors = sns.color_palette("colorblind", 10)
    return {
        kind: (colors[i % len(colors)], LINES[i % len(LINES)], MARKERS[i % len(MARKERS)])
        for i, kind in enumerate(dict.fromkeys(kinds))
    }


def figure_of(rows: int, columns: int, width: float, height: float, **options):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def head(figure, text: str) -> None:
    """What the figure was made of, in grey above it."""
    figure.suptitle(text, fontsize=12, color="0.35", parse_math=False)


def step_axis(axis, last: int) -> None:
    # early checkpoints lie close together and the dip is early, so the axis is logarithmic beyond step 10
    axis.set_xscale("symlog", linthresh=10, linscale=0.6)
    # of two that would touch, the later one stays
    ticks = [tick for tick in STEP_TICKS if tick <= last and not (tick == 640 and last >= 1280)]
    axis.set_xticks(ticks, [str(tick) for tick in ticks])
    axis.minorticks_off()
    axis.set_xlim(-0.5, last * 1.08)


def band(axis, curve, color, label=None, **style):
    curve = curve.sort_values("step")
    axis.plot(curve.step, curve["mean"], color=color, label=label, **style)
    axis.fill_between(curve.step, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)


def legible(axis) -> None:
    """Write every number of a heat map in black or white, whichever stands out more from its cell (WCAG's contrast)."""
    import numpy as np
    from seaborn.utils import relative_luminance

    mesh = axis.collections[0]
    mesh.update_scalarmappable()
    filled = mesh.get_facecolors()[~np.ma.getmaskarray(mesh.get_array()).ravel()]
    for text, color in zip(axis.texts, filled, strict=True):
        text.set_color("0.1" if relative_luminance(color) > 0.18 else "white")


def legend(place, *axes) -> None:
    """The legend of some axes, written into an empty one."""
    handles, labels = zip(
        *[pair for axis in axes for pair in zip(*axis.get_legend_handles_labels(), strict=True)], strict=True
    )
    place.legend(handles, labels, loc="center left", borderaxespad=0)
    place.axis("off")


def in_words(figure) -> str:
    """What a figure shows, for those who do not see it: its head, panels, axes and legends."""
    axes, texts = figure.axes, {}
    texts["Panels"] = [axis.get_title() for axis in axes]
    texts["Across"] = [axis.get_xlabel() for axis in axes]
    texts["Up"] = [axis.get_ylabel() for axis in axes]
    legends = [*figure.legends, *(axis.get_legend() for axis in axes if axis.get_legend())]
    texts["Legend"] = [text.get_text() for legend in legends for text in legend.get_texts()]
    parts = [f"{kind}: {'; '.join(dict.fromkeys(filter(None, found)))}" for kind, found in texts.items() if any(found)]
    words = ". ".join([figure.get_suptitle() or "Chart", *parts])
    return " ".join(words.split())


def save(figure, folder, name: str, formats: Sequence[str] = ("png", "svg")) -> None:
    """Write `folder/name.png` and `.svg`, without dates, so that an unchanged figure is an unchanged file."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in formats:
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(folder / f"{name}.{kind}", dpi=FIGURE_DPI, metadata=metadata)
