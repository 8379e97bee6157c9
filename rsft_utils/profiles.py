"""Where a notebook's numbers come from: runs that are made here, or the paper's own tables.

A notebook asks for tables by what its legends say; everything that draws or judges reads only these.
"""

from collections.abc import Sequence

from rsft_utils import published
from rsft_utils.comparisons import PUBLISHED
from rsft_utils.specs import RunSpec
from rsft_utils.tables import ITEM_COLUMNS

PROFILES = ("micro", "published")
PAPER_RUN = PUBLISHED["01_dip_and_recovery"]["Qwen3-4B"]  # the paper's run with the most checkpoints in print


def base(profile: str, runs: Sequence[RunSpec]):
    """Summary of the base model of the first run, asked in every mode. `published`: the paper's scores of its base."""
    if profile == "published":
        found = results(profile, runs).summary
        return found[found.step == 0]
    from rsft_utils.run import base_results

    return base_results([runs[0].base], n_items=runs[0].n_items_ends).summary


def results(profile: str, runs: Sequence[RunSpec]):
    """Both tables of the runs, after training and measuring what is missing. `published`: the scores of PAPER_RUN.

    The paper's answers are not public, so there its table of items is empty.
    """
    from rsft_utils import run

    if profile == "published":
        import pandas as pd

        model, data = PAPER_RUN
        return run.Results(pd.DataFrame(columns=list(ITEM_COLUMNS)), published.summary(data, model=model))
    return run.results(list(runs))


def tables(profile: str, notebook: str, groups: dict[str, Sequence[RunSpec]]) -> dict:
    """Summary tables by what a legend says.

    `micro`: of the runs of every group, after training and measuring what is missing, all of them side by side.
    `published`: of the paper's runs that show the same finding, one table per model and data set.
    """
    if profile == "published":
        return {text: published.summary(data, model=model) for text, (model, data) in PUBLISHED[notebook].items()}
    from rsft_utils.run import results

    summary = results(list(dict.fromkeys(spec for specs in groups.values() for spec in specs))).summary
    return {text: summary[summary.run.isin([spec.name for spec in specs])] for text, specs in groups.items()}


def roles(profile: str) -> dict[str, str]:
    """Which benchmark is in domain (ID), out of domain (OOD) or general (GEN). Safety and a reward are no accuracy."""
    if profile == "published":
        return {name: role for name, role in published.ROLES.items() if role != "SAFE" and name != "AlpacaEval"}
    from rsft_utils.micro.benchmarks import ROLE_OF

    return ROLE_OF


def label(profile: str, tables: dict) -> str:
    """What a figure of these tables was made of, for its head."""
    if profile == "published":
        return "transcribed from the paper; one run per setting, so no interval"
    bases = {table.model.iloc[0].split("-")[0] for table in tables.values()}
    runs = sorted({table.run.nunique() for table in tables.values()})
    counts = " to ".join(map(str, runs))
    behind = "thin: single runs" if runs[-1] > 1 else "band: 95 % over items only"
    return f"your runs on micro base {' and '.join(sorted(bases))}; {counts} per curve; {behind}"
