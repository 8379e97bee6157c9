"""The reference results: tables of runs that are committed, so that figures can be redrawn without training."""

from rsft_utils import paths, store
from rsft_utils.specs import SIZES, RunSpec, seed_specs

DIP = "dip_and_recovery"  # the default schedule on the default base
BASES = "bases"  # the base models, untrained


def dip_specs() -> list[RunSpec]:
    return seed_specs("S", seeds=1)


def base_names() -> list[str]:
    return [f"{size}-seed0" for size in SIZES]


def make() -> None:
    """Run what is missing and write the summary tables to data/reference/."""
    from rsft_utils.run import base_results, results

    _save(DIP, results(dip_specs()).summary)
    _save(BASES, base_results(base_names()).summary)


def load(name: str):
    """The summary table `dip_and_recovery` or `bases` of the reference runs, validated."""
    import pandas as pd

    from rsft_utils.tables import validate

    return validate(pd.read_csv(_file(name), keep_default_na=False, na_values=[""]), "summary")


def _file(name: str):
    return paths.REFERENCE / f"{name}.csv"


def _save(name: str, summary) -> None:
    with store.written_whole(_file(name)) as aside:
        summary.to_csv(aside, index=False, float_format="%.6g")
