"""Answers as text in a figure: one column per model, one row per step, backtracks coloured."""

from rsft_utils.plots.style import head, style

FONT, WIDTH = 11, 58  # points; characters per line
ADVANCE, LEADING = 0.602, 1.4  # of the monospaced font, in ems
MOST_LINES = 100  # of one answer; what a model may still write beyond them is counted


def answers(rows, *, label: str):
    """`rows`: one list per step of (title, words), one for each model; words: list of (text, kind).

    `kind` is `valid` or `empty` for a backtrack, `frame` for the symbols around a thought, else plain.
    """
    colors = style()
    from matplotlib.figure import Figure

    paint = {"valid": (colors[2], "bold"), "empty": (colors[3], "bold"), "frame": ("0.4", "normal")}
    laid_out = [[(title, _lines(words)) for title, words in row] for row in rows]
    line, column = FONT * LEADING / 72, WIDTH * ADVANCE * FONT / 72  # inches
    heights = [(2.4 + max(len(lines) for _, lines in row)) * line for row in laid_out]
    columns, gap, above = max(map(len, rows)), 0.45, 0.6
    width, height = columns * (column + gap), sum(heights) + above
    figure = Figure(figsize=(width, height))
    top = height - above
    for row, row_height in zip(laid_out, heights, strict=True):
        for place, (title, lines) in enumerate(row):
            left = (place * (column + gap) + gap / 2) / width
            axis = figure.add_axes((left, (top - row_height) / height, column / width, row_height / height))
            axis.set(xlim=(0, WIDTH), ylim=(row_height / line, 0))
            axis.axis("off")
            axis.text(0, 0.9, title, fontsize=FONT + 1, fontweight="bold", va="center", parse_math=False)
            axis.axhline(1.5, color="0.8", linewidth=1)
            for number, words in enumerate(lines):
                for at, text, kind in words:
                    color, weight = paint.get(kind, ("0.1", "normal"))
                    axis.text(
                        at, 2.2 + number, text, color=color, fontweight=weight, family="monospace", fontsize=FONT,
                        va="center", parse_math=False,
                    )  # fmt: skip
        top -= row_height
    head(figure, label)
    return figure


def _lines(words) -> list[list[tuple[int, str, str]]]:
    """The words wrapped at WIDTH, longer ones in pieces: per line (column, text, kind)."""
    lines, at = [[]], 0
    for text, kind in words:
        for piece in (text[i : i + WIDTH] for i in range(0, len(text), WIDTH)):
            if at + len(piece) > WIDTH and lines[-1]:
                lines.append([])
                at = 0
            lines[-1].append((at, piece, kind))
            at += len(piece) + 1
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [[(0, f"… {len(lines) - MOST_LINES:,} lines more", "frame")]]
    return lines
