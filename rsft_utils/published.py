"""The paper's published numbers, as tables. Where they come from is told in data/published/README.md."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rsft_utils import paths
from rsft_utils.tables import SUMMARY_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

# What each benchmark measures, seen from fine-tuning on mathematics: in domain, out of domain, general ability, safety.
ROLES = {
    "MATH500": "ID",
    "AIME24": "ID",
    "LCBv2": "OOD",
    "GPQA-D": "OOD",
    "MMLU-Pro": "OOD",
    "IFEval": "GEN",
    "AlpacaEval": "GEN",
    "HaluEval": "GEN",
    "TruthfulQA-truth": "GEN",
    "TruthfulQA-help": "GEN",
    "HEx-PHI": "SAFE",
}
STUDIES = ("paper", "lora-replication")
DEFAULT_SETTING = "ep8_bs256"  # 8 epochs, batches of 256: 640 steps on 20k rows
KEY = ["study", "model", "dataset", "setting", "step", "benchmark", "metric"]


def load() -> "pd.DataFrame":
    """Every published number, checked: one row per cell, or one per reading where readings disagree (see `note`)."""
    file = paths.PUBLISHED / "results.csv"
    return _validated(file, file.stat().st_mtime_ns).copy()


@cache
def _validated(file: Path, written: int) -> "pd.DataFrame":
    # the signs of all claims read it many times; what is written anew is read anew
    import pandas as pd

    return _schema().validate(pd.read_csv(file, keep_default_na=False), lazy=True)


def curves(
    models: str | Iterable[str],
    benchmarks: Iterable[str] | None = None,
    dataset: str = "Math-CoT-20k",
    setting: str = DEFAULT_SETTING,
) -> "pd.DataFrame":
    """The paper's scores over training steps: model, benchmark, role, step, value.

    Each curve starts at the base (step 0); a measure without a trained step is no curve. Where two readings of a cell
    disagree, the trusted one ("exact") is used.
    """
    models = [models] if isinstance(models, str) else list(models)
    table = load().query("study == 'paper'")
    trained = table[(table["dataset"] == dataset) & (table["setting"] == setting)]
    if trained.empty:
        runs = table.loc[table["step"] > 0, ["dataset", "setting"]].drop_duplicates()
        allowed = ", ".join(f"{data} with {how}" for data, how in runs.itertuples(index=False))
        raise ValueError(f"no published run on {dataset} with {setting}; there are: {allowed}")
    _check_known(models, trained["model"].unique(), f"model with a published run on {dataset} ({setting})")
    if benchmarks is not None:
        benchmarks = list(benchmarks)
        _check_known(benchmarks, ROLES, "benchmark")
        trained = trained[trained["benchmark"].isin(benchmarks)]
    trained = trained[trained["model"].isin(models)]

    curve = ["model", "benchmark", "metric"]
    base = table[table["step"] == 0].merge(trained[curve].drop_duplicates(), on=curve)
    rows = _concat_trusted(base, trained)
    rows["role"] = rows["benchmark"].map(ROLES)
    # Models in the order asked for, benchmarks in the order of ROLES: every plot then lists them alike.
    rank = {name: place for place, name in enumerate([*models, *ROLES])}
    rows = rows.sort_values(["model", "benchmark", "step"], key=lambda c: c if c.name == "step" else c.map(rank))
    return rows[["model", "benchmark", "role", "step", "value"]].reset_index(drop=True)


def summary(dataset: str = "Math-CoT-20k", setting: str = DEFAULT_SETTING, model: str | None = None) -> "pd.DataFrame":
    """Published runs on a data set (of one model, or of all) with their bases, in the columns that claims read.

    Percentages become shares; rewards are divided by 100 as well, so only their signs mean something. There are no
    items: both halves that a claim may ask for are the whole, and `n_items` is 0.
    """
    import pandas as pd

    table = load().query("study == 'paper'")
    trained = table[(table["dataset"] == dataset) & (table["setting"] == setting)]
    if model is not None:
        _check_known([model], trained["model"].unique(), f"model with a published run on {dataset} ({setting})")
        trained = trained[trained["model"] == model]
    base = table[table["step"] == 0].merge(trained[["model", "benchmark", "metric"]].drop_duplicates())
    rows = _concat_trusted(base, trained)
    rows = rows.assign(
        run=rows["model"] + f"_{dataset}_{setting}",
        seed=0,
        role=rows["benchmark"].map(ROLES),
        mode="free",
        decoding="T0.6",
        higher_is_better=rows["benchmark"] != "HEx-PHI",
        chance=float("nan"),
        mean=rows["value"] / 100,
        n_items=0,
        k=rows["metric"].str.extract(r"@(\d+)$")[0].fillna("1").astype(int),
    )
    parts = [rows.assign(metric=metric) for metric in ("score_common", "score_a", "score_b")]
    return pd.concat(parts, ignore_index=True)[list(SUMMARY_COLUMNS)]


def _concat_trusted(*tables: "pd.DataFrame") -> "pd.DataFrame":
    """The tables below each other, with one reading per cell."""
    import pandas as pd

    # "exact" sorts after "approx"
    return pd.concat(tables).sort_values("confidence").drop_duplicates(KEY, keep="last")


def _check_known(names: Iterable[str], allowed: Iterable[str], what: str) -> None:
    allowed = list(allowed)
    unknown = [name for name in names if name not in allowed]
    if unknown:
        raise ValueError(f"unknown {what}: {', '.join(unknown)}; allowed: {', '.join(allowed)}")


def _schema():
    """What a table of published numbers must look like."""
    import pandera.pandas as pa

    name = pa.Check.str_matches(r"^\S+$")
    return pa.DataFrameSchema(
        {
            "model": pa.Column(str, name),
            "dataset": pa.Column(str, name),
            "setting": pa.Column(str, name),
            "step": pa.Column(int, pa.Check.ge(0)),
            "benchmark": pa.Column(str, pa.Check.isin(ROLES)),
            "metric": pa.Column(str, name),
            "value": pa.Column(float),
            "source": pa.Column(str, pa.Check.str_matches(r"^[A-Z](\+[A-Z])*$")),
            "table": pa.Column(str, pa.Check.str_length(min_value=1)),
            "confidence": pa.Column(str, pa.Check.isin(["exact", "approx"])),
            "study": pa.Column(str, pa.Check.isin(STUDIES)),
            "note": pa.Column(str),
        },
        checks=[
            pa.Check(
                lambda t: t["metric"].str.startswith("reward") | t["value"].between(0, 100),
                error="a percentage lies outside 0-100",
            ),
            pa.Check(
                lambda t: (t["step"] == 0) == (t["dataset"] == "none"),
                error="step 0 is the base model, which has no dataset",
            ),
            pa.Check(
                lambda t: ~t.duplicated(KEY, keep=False) | (t["note"] != ""),
                error="two readings of one cell, and no note that says so",
            ),
        ],
        strict=True,
    )
