"""Which figures a notebook has: the same functions draw the reader's own runs and the committed ones."""

from pathlib import Path

from rsft_utils import paths, plots, published, reference

PAPER_MODELS = ("Qwen3-1.7B", "Qwen3-4B")  # the only ones whose curves were transcribed step by step


def micro_world(summary, label: str) -> dict:
    """Figures of notebook 00, by name, from the summary table of base models."""
    return {"bases": plots.mode_bars(summary, label=label)}


def dip_and_recovery(summary, label: str) -> dict:
    """Figures of notebook 01, by name, from the summary table of runs that differ in their seed only."""
    curves = published.curves(PAPER_MODELS)
    return {
        "dip_and_recovery": plots.dip_and_recovery(summary, curves, label=label),
        "every_benchmark": plots.every_benchmark(summary, label=label),
        "elicited_or_learned": plots.elicited_or_learned(summary, label=label),
    }


def label(summary) -> str:
    """What a figure was made of, for its head: models, data, runs, items."""
    models = ", ".join(dict.fromkeys(summary.model))
    items = summary[summary.metric == "score_common"].n_items.max()
    data = ", ".join(sorted(set(summary.dataset) - {"none"}))
    if not data:
        return f"micro base {models}; no fine-tuning; {items} items per benchmark (forced, suppressed: at most 200)"
    runs = summary.run.nunique()
    interval = "interval over runs" if runs > 1 else "interval over items only"
    return f"micro base {models}; {data}; {runs} run{'s' * (runs > 1)}, {items} items per point, {interval}"


def redraw_committed() -> list[Path]:
    """Draw figures/micro/ from data/reference/ and figures/published/ from data/published/; returns the PNG files."""
    drawn = []
    dip, bases = reference.load(reference.DIP), reference.load(reference.BASES)
    for folder, pictures in (
        (paths.FIGURES / "micro" / "00_micro_world", micro_world(bases, label(bases))),
        (paths.FIGURES / "micro" / "01_dip_and_recovery", dip_and_recovery(dip, label(dip))),
        (
            paths.FIGURES / "published" / "01_dip_and_recovery",
            {"curves": plots.published(published.curves(PAPER_MODELS))},
        ),
    ):
        for name, picture in pictures.items():
            plots.save(picture, folder, name)
            drawn.append(folder / f"{name}.png")
    return drawn
