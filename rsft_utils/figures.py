"""Which figures a notebook has: the same functions draw the reader's own runs and the committed ones."""

from pathlib import Path

from rsft_utils import ends, paths, plots, profiles, published, reader, reference, scorecard, verdicts
from rsft_utils.comparisons import ANSWERS, ASYMMETRY, COMPARISONS, FOUR_FINDINGS, REFUSALS, WARM_UPS
from rsft_utils.evaluate import MAX_NEW_TOKENS
from rsft_utils.micro.benchmarks import ROLE_OF

PAPER_MODELS = ("Qwen3-1.7B", "Qwen3-4B")  # the only ones whose curves were transcribed step by step

FINDINGS = dict(zip(COMPARISONS, verdicts.CHECKS, strict=True))  # which claims belong to which notebook
TRAINING, DATA, CAPABILITY, SAFETY = COMPARISONS
OVER_BASES = "reference runs; 95 % intervals over base models"


def micro_world(summary, label: str) -> dict:
    """Figures of notebook 00, by name, from the summary table of base models."""
    return {"bases": plots.mode_bars(summary, label=label)}


def dip_and_recovery(summary, label: str, limit: int = MAX_NEW_TOKENS) -> dict:
    """Figures of notebook 01, by name, from the summary table of runs that differ in base and seed only.

    `limit`: tokens per answer. Where only scores are known, as of the paper's runs, there is only one.
    """
    curves = published.curves(PAPER_MODELS)
    if "length" not in set(summary.metric):
        return {"dip_and_recovery": plots.published(curves)}
    micro = "forced" in set(summary["mode"])  # real models are asked in one way only
    where = "micro world" if micro else "here"
    pictures = {
        "dip_and_recovery": plots.dip_and_recovery(summary, curves, label=label, limit=limit, where=where),
        "every_benchmark": plots.every_benchmark(summary, label=label),
    }
    if micro:
        pictures["elicited_or_learned"] = plots.elicited_or_learned(summary, label=label)
        pictures["limits"] = plots.limits(summary, limit, label=label)
    return pictures


def finding(profile: str, notebook: str, tables: dict) -> dict:
    """Figures of notebooks 02 to 04, by name, from the tables of a profile (profiles.tables)."""
    roles, label = profiles.roles(profile), profiles.label(profile, tables)
    pictures = {"changes": plots.changes(ends.changes(tables, roles), label=f"last step minus base, points; {label}")}
    if notebook == CAPABILITY:
        text = f"{label}; a point each, above the line is a gain"
        pictures["base_and_final"] = plots.base_and_final(ends.levels(tables, roles), label=text)
    if profile != "published":
        _, panels = next(iter(COMPARISONS[notebook].values()))
        measured = {role for table in tables.values() for role in table.role}
        panels = [panel for panel in panels if panel[0] in measured]
        pictures["curves"] = plots.compare(tables, panels, label=f"{label}; {profiles.around_curves(tables)}")
    return pictures


def study(notebook: str) -> dict:
    """Figures of a notebook that are drawn from reference runs alone, by name: comparisons, the map, the verdicts.

    A comparison shows the arms that have been run; it needs its first one and another.
    """
    there = set(reference.finished())
    pictures = {}
    for name, (arms, panels) in COMPARISONS[notebook].items():
        tables = _tables(arms)
        if len(tables) > 1 and next(iter(arms)) in tables:
            pictures[name] = plots.compare(tables, panels, label=_study_label(tables))
    if notebook == TRAINING:
        pictures |= _warm_up_and_map(there)
    else:
        pictures |= _ends(notebook)
    for name, (arms, benchmark, number) in ANSWERS.get(notebook, {}).items():
        if there.issuperset(arms.values()):
            rows, prompt = reader.side_by_side(arms, benchmark, number)
            kinds = {kind for row in rows for _, words in row for _, kind in words}
            backtracks = "        green: a backtrack that is right, orange: an empty one"
            pictures[name] = plots.answers(rows, label=prompt + backtracks * bool(kinds & {"valid", "empty"}))
    if len(judged := verdicts.table(FINDINGS[notebook])):
        label = f"{OVER_BASES}; grey: less than the margin"
        pictures["claims"] = plots.forest(judged, label=label)
    return pictures


def _ends(notebook: str) -> dict:
    """Where all the arms of a notebook end, each figure in the notebook that it belongs to."""
    names: dict[str, str] = {}  # an arm goes by the name that it is first given
    for arms, _ in COMPARISONS[notebook].values():
        for text, arm in arms.items():
            names.setdefault(arm, text)
    tables = _tables({text: arm for arm, text in names.items()})
    if not tables:
        return {}
    label = f"last step minus base, points; {OVER_BASES}; bold: leaves out zero"
    pictures = {"changes": plots.changes(ends.changes(tables, ROLE_OF), label=label)}
    if notebook == CAPABILITY:
        label = "reference runs, a point each; above the line is a gain"
        pictures["base_and_final"] = plots.base_and_final(ends.levels(tables, ROLE_OF), label=label)
    if notebook == SAFETY:
        points = ends.trade_off(_tables(ASYMMETRY), ROLE_OF, verdicts.HARMFUL)
        if len(points):
            text = "reference runs; small: single runs, large: their mean"
            pictures["trade_off"] = plots.trade_off(points, label=text, ceiling=attack_ceiling())
        with_mass = {name: t for name, t in _tables(REFUSALS).items() if "refusal_mass" in set(t.metric)}
        if with_mass:
            pictures["refusals"] = plots.refusals(with_mass, label="reference runs, means", ceiling=attack_ceiling())
    return pictures


def attack_ceiling() -> float | None:
    """Attack success of reference bases that refuse nothing (a share), or None if they have not been measured."""
    if (bases := reference.load_ceiling()) is None:
        return None
    asked = bases.query("benchmark == 'harmful' and metric == 'score' and mode == 'free' and decoding == 'greedy'")
    return float(asked["mean"].mean())


def overview() -> dict:
    """Figures of notebook 05: the four findings on one slide, and every claim on one page."""
    arms = {name: _tables(arms) for name, arms in FOUR_FINDINGS.items()}
    return {
        "four_findings": plots.four_findings(
            reference.load("S"),
            ends.reasoning_gains(arms["data"], ROLE_OF),
            arms["bases"],
            ends.trade_off(arms["safety"], ROLE_OF, verdicts.HARMFUL),
            label=f"micro world; {OVER_BASES}; analogues for teaching, no evidence about large models",
        ),
        "scorecard": plots.scorecard(
            scorecard.scorecard(),
            label="micro: verdicts of the reference runs; published: the share of signs that agree",
        ),
    }


def _tables(arms: dict[str, str]) -> dict:
    """The tables of those arms that have been run."""
    there = set(reference.finished())
    return {text: reference.load(arm) for text, arm in arms.items() if arm in there}


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
    return f"reference runs on base {models}; {counts} runs per curve, each on a base of its own; thin: single runs"


def label(summary, profile: str = "micro") -> str:
    """What a figure was made of, for its head: models, data, runs, items."""
    kind = {"micro": "micro base ", "released": "the authors' checkpoints: "}.get(profile, "")
    models = ", ".join(dict.fromkeys(summary.model)).replace(f", {summary.model.iloc[0].split('-')[0]}-seed", ", ")
    items = summary[summary.metric == "score_common"].n_items.max()
    data = ", ".join(sorted(set(summary.dataset) - {"none"}))
    if not data:
        return f"{kind}{models}; no fine-tuning; {items} items per benchmark (forced, suppressed: at most 200)"
    runs = summary.run.nunique()
    interval = "interval over runs" if runs > 1 else "interval over items only"
    return f"{kind}{models}; {data}; {runs} run{'s' * (runs > 1)}, {items} items per point, {interval}"


def redraw_committed() -> list[Path]:
    """Draw figures/micro/ from data/reference/ and figures/published/ from data/published/; returns the PNG files."""
    main, bases = reference.load("S"), reference.load(reference.BASES)
    micro = {
        "00_micro_world": lambda: micro_world(bases, label(bases)),
        TRAINING: lambda: dip_and_recovery(main, label(main)) | study(TRAINING),
        **{name: lambda name=name: study(name) for name in (DATA, CAPABILITY, SAFETY)},
        "05_scorecard": overview,
    }
    paper = {
        TRAINING: lambda: {"curves": plots.published(published.curves(PAPER_MODELS))},
        **{
            name: lambda name=name: finding("published", name, profiles.tables("published", name, {}))
            for name in (DATA, CAPABILITY, SAFETY)
        },
    }
    drawn = []
    for folder, notebooks in ((paths.FIGURES / "micro", micro), (paths.FIGURES / "published", paper)):
        for notebook, pictures in notebooks.items():
            for name, picture in pictures().items():
                plots.save(picture, folder / notebook, name)
                drawn.append(folder / notebook / f"{name}.png")
    return drawn
