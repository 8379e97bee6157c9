"""How a plan is laid out as text of 100 columns, whatever it is about."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from rsft_utils.real.plan.hours import Hours
from rsft_utils.real.plan.planner import Plan, shortage

WIDTH = 100
TIGHT = 0.9  # of the card's memory


def head(plan: Plan, *more: str) -> list[str]:
    """The first lines: notebook, preset and card, and what else is to be said first."""
    where = "found here" if plan.found else "no GPU was found here: this is the smallest that the preset is for"
    lines = [
        f"Plan of notebook {plan.notebook} with preset {plan.preset}",
        f"Card: {plan.card.name}, {plan.card.memory:.1f} GB ({where})",
    ]
    return lines + [line for text in more for line in wrapped(text)]


def table(columns: Mapping[str, int], rows: Sequence[Sequence[str]], total: Sequence[str]) -> list[str]:
    """`columns`: title -> width, negative where it stands to the right; the total only below several rows."""
    lines = [_line(columns, columns), "-" * WIDTH, *(_line(columns, row) for row in rows)]
    return lines + ["-" * WIDTH, _line(columns, total)] if len(rows) > 1 else lines


def _line(columns: Mapping[str, int], cells: Iterable[str]) -> str:
    return "".join(
        cell.rjust(-width) if width < 0 else textwrap.shorten(cell, width - 1, placeholder="…").ljust(width)
        for cell, width in zip(cells, columns.values(), strict=True)
    ).rstrip()


def downloads(plan: Plan) -> list[str]:
    """What is fetched from the hub, line by line, and how much that is in all."""
    lines = ["To download (what lies in the hub's cache already is not fetched again)"]
    if not plan.downloads:
        return [*lines, "  nothing"]
    known = [item.size for item in plan.downloads if item.size is not None]
    width = max(20, *(len(item.what) for item in plan.downloads))
    for item in plan.downloads:
        size = "size not known here" if item.size is None else f"{item.size:.1f} GB, computed: two bytes a parameter"
        lines.append(f"  {item.what:{width}} {size}")
    unknown = " and the data of unknown size" if len(known) < len(plan.downloads) else ""
    return [*lines, f"  {'in all':{width}} {sum(known):.1f} GB{unknown}"]


def sources(paragraphs: Mapping[str, str]) -> list[str]:
    """Where each column comes from."""
    lines = ["Where the numbers come from"]
    for name, text in paragraphs.items():
        lines += wrapped(text, initial_indent=f"  {name:13}", subsequent_indent=" " * 15, break_on_hyphens=False)
    return lines


def verdict(plan: Plan) -> list[str]:
    """Whether the plan fits the card, and how long it takes."""
    if not plan.fits:
        return wrapped(f"Verdict: does not fit. The plan of {shortage(plan)}.")
    peak, memory_of_card = plan.peak.total, plan.card.memory
    tight = " That is tight: a long row may still be too much." if peak > TIGHT * memory_of_card else ""
    if plan.training is None or plan.measuring is None:
        time = "How long it takes is not known before a trial."
    else:
        time = f"Expect {plan.training + plan.measuring} hours: likely, and from low to high."
    return wrapped(f"Verdict: fits. At its peak it needs about {peak:.1f} of {memory_of_card:.1f} GB.{tight} {time}")


def places(plan: Plan) -> str:
    """What writes the answers."""
    own = "this project's own decoding writes them (vLLM, if it is installed, is quicker)"
    return "vLLM writes them" if plan.vllm else own


def hours(known: Hours | None) -> str:
    return "unknown" if known is None else str(known)


def wrapped(text: str, **how) -> list[str]:
    return textwrap.wrap(text, WIDTH, **how)
