"""Which figures a notebook has: the same functions draw the reader's own runs and the committed ones."""

from pathlib import Path

from rsft_utils import paths, plots, published, reference, verdicts
from rsft_utils.comparisons import COMPARISONS, WARM_UPS
from rsft_utils.evaluate import MAX_NEW_TOKENS

PAPER_MODELS = ("Qwen3-1.7B", "Qwen3-4B")  # the only ones whose curves were transcribed step by step

FINDINGS = dict(zip(COMPARISONS, verdicts.CHECKS, strict=True))  # which claims belong to which notebook


def micro_world(summary, label: str) -> dict:
    """Figures of notebook 00, by name, from the summary table of base models."""
    return {"bases": plots.mode_bars(summary, label=label)}


def dip_and_recovery(summary, label: str) -> dict:
    """Figures of notebook 01, by name, from the summary table of runs that differ in base and seed only."""
    curves = published.curves(PAPER_MODELS)
    return {
        "dip_and_recovery": plots.dip_and_recovery(summary, curves, label=label),
        "every_benchmark": plots.every_benchmark(summary, label=label),
        "elicited_or_learned": plots.elicited_or_learned(summary, label=label),
        "limits": plots.limits(summary, MAX_NEW_TOKENS, label=label),
    }


def study(notebook: str) -> dict:
    """Figures of a notebook that are drawn from reference runs alone, by name: comparisons, the map, the verdicts.

    A comparison shows the arms that have been run; it needs its first one and another.
    """
    there = set(reference.finished())
    pictures = {}
    for name, (arms, panels) in COMPARISONS[notebook].items():
        tables = {text: reference.load(arm) for text, arm in arms.items() if arm in there}
        if len(tables) > 1 and next(iter(arms)) in tables:
            pictures[name] = plots.compare(tables, panels, label=_study_label(tables))
    if notebook == "01_dip_and_recovery":
        pictures |= _warm_up_and_map(there)
    pictures["claims"] = plots.forest(
        verdicts.table(FINDINGS[notebook]),
        label="reference runs; 95 % intervals over base models; grey: less than the margin",
    )
    return pictures


def _warm_up_and_map(there: set[str]) -> dict:
    pictures = {}
    if there.issuperset(WARM_UPS.values()):
        tables = {text: reference.load(arm) for text, arm in WARM_UPS.items()}
        rates = {text: _one_run(reference.load_loss(arm)) for text, arm in WARM_UPS.items()}
        label = "reference runs on base XS, out of domain; thick: mean, thin: three runs, each on a base of its own"
        pictures["warm_up"] = plots.warm_up(tables, rates, label=label)
    if (map_of_designs := reference.load_designs()) is not None:
        text = "out of domain; one pilot per square: one base, one run, 100 items, no interval"
        pictures["designs"] = plots.design_map(map_of_designs, label=text)
    return pictures


def _one_run(loss):
    return loss[loss.run == loss.run.iloc[0]]


def _study_label(tables: dict) -> str:
    runs = sorted({table.run.nunique() for table in tables.values()})
    models = " and ".join(dict.fromkeys(table.model.iloc[0].split("-")[0] for table in tables.values()))
    counts = " to ".join(map(str, runs))
    return f"reference runs on base {models}; {counts} runs per curve, each on a base of its own; band: 95 % over runs"


def label(summary) -> str:
    """What a figure was made of, for its head: models, data, runs, items."""
    models = ", ".join(dict.fromkeys(summary.model)).replace(f", {summary.model.iloc[0].split('-')[0]}-seed", ", ")
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
    main, bases = reference.load("S"), reference.load(reference.BASES)
    for folder, pictures in (
        (paths.FIGURES / "micro" / "00_micro_world", micro_world(bases, label(bases))),
        (
            paths.FIGURES / "micro" / "01_dip_and_recovery",
            {**dip_and_recovery(main, label(main)), **study("01_dip_and_recovery")},
        ),
        (
            paths.FIGURES / "published" / "01_dip_and_recovery",
            {"curves": plots.published(published.curves(PAPER_MODELS))},
        ),
    ):
        for name, picture in pictures.items():
            plots.save(picture, folder, name)
            drawn.append(folder / f"{name}.png")
    return drawn
