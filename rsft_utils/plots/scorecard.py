"""All claims on one page, as a table in colours."""

from rsft_utils.plots.style import VERDICT_COLORS, figure_of, head, style

COLUMNS = {
    "micro": "micro",
    "lora": "micro,\nLoRA",
    "released": "released\ncheckpoints",
    "published": "published\nnumbers",
}
LEFT, WIDTH = 8.6, 1.7  # of the first column of cells, and of each, in the axis' own units


def scorecard(card, *, label: str):
    """One line per claim: its sentence, then a cell per kind of evidence (see rsft_utils.scorecard for the table).

    Micro runs are judged; the paper's numbers, one run each, only agree or disagree in sign, so their cell is the share
    that agrees.
    """
    colors = style()
    figure, axes = figure_of(1, 1, 14, 0.42 * len(card) + 1.6)
    axis = axes[0, 0]
    axis.set(xlim=(0, LEFT + WIDTH * len(COLUMNS)), ylim=(len(card) - 0.5, -1.6))
    axis.axis("off")
    for place, row in enumerate(card.itertuples()):
        axis.text(0, place, row.claim.split()[0], va="center", fontsize=12, fontweight="bold")
        axis.text(0.55, place, row.statement, va="center", fontsize=12)
        for column, (name, _) in enumerate(COLUMNS.items()):
            text, color = _published(row, colors) if name == "published" else _judged(getattr(row, name), colors)
            left = LEFT + column * WIDTH
            if color is not None:
                axis.barh(place, WIDTH * 0.94, left=left, height=0.84, color=color, alpha=0.45)
            grey = "0.55" if color is None else "0.1"
            axis.text(left + WIDTH * 0.47, place, text, ha="center", va="center", fontsize=11.5, color=grey)
    for column, text in enumerate(COLUMNS.values()):
        axis.text(LEFT + (column + 0.47) * WIDTH, -0.75, text, ha="center", va="bottom", fontsize=12.5)
    head(figure, label)
    return figure


def _judged(verdict: str, colors):
    return verdict, colors[VERDICT_COLORS[verdict]] if verdict in VERDICT_COLORS else None


def _published(row, colors):
    if row.agree != row.agree:
        return "not public", None
    # the more benchmarks agree in sign, the greener; there is no interval, so it is no verdict
    return f"{row.agree:.0%} agree", colors[2 if row.agree > 0.75 else 3 if row.agree < 0.25 else 8]
