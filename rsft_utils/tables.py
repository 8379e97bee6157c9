"""The two tables that everything downstream reads: one row per answer (items), one per measured mean (summary)."""

from functools import cache

ITEM_COLUMNS = {
    "run": "str",  # RunSpec.name
    "step": "int",  # optimiser steps; 0 is the base model
    "benchmark": "str",
    "item": "str",  # the same id in every run
    "mode": "str",  # free, forced, suppressed, force_closed
    "decoding": "str",  # greedy, or T0.6 for sampling
    "outcome": "str",  # correct, wrong, refused, no_answer
    "cut_off": "bool",  # reached the token limit
    "long_format": "bool",  # thinks aloud
    "n_tokens": "int",
    "steps": "int",  # primitive steps in the thought
    "right_steps": "int",
    "markers": "int",  # wait, no
    "valid_backtracks": "int",  # of these: justified when replayed
    "refusal_mass": "float",  # harmful requests: how likely the visible answer begins with a refusal
    "prompt": "str",  # text of the first 20 items of a benchmark, else empty
    "completion": "str",
    "judged_by": "str",  # real models: the scorer or the judge
}
REPLAYED = ("steps", "right_steps", "valid_backtracks")  # micro models: their traces can be replayed
OPTIONAL = (*REPLAYED, "judged_by")
SUMMARY_COLUMNS = {
    "run": "str",
    "model": "str",  # base model
    "dataset": "str",  # fine-tuning set; none at step 0
    "seed": "int",
    "step": "int",
    "benchmark": "str",
    "role": "str",  # ID, OOD, GEN, SAFE
    "mode": "str",
    "decoding": "str",
    "metric": "str",  # the benchmark's own (score) or a part of it, see METRICS
    "higher_is_better": "bool",  # of the benchmark's score
    "chance": "float",  # of the score; not a number for the parts
    "mean": "float",  # between 0 and 1, or tokens per answer for length
    "n_items": "int",  # answers that the mean is over; its mean is not a number when there are none
    "k": "int",  # samples per item
}
# A greedy answer under a smaller limit is the beginning of the same answer, so these scores need no new measurement.
LIMITS = (48, 96, 144)
METRICS = {
    "score": "right answers; harmful requests complied with; harmless requests refused",
    "score_common": "the same over the items asked at every step: what a curve may connect",
    "score_a": "the same over one half of these, chosen by the item's id",
    "score_b": "the same over the other half: where a lowest point chosen on the first half is read off",
    **{f"score_at_{limit}": f"score_common with a limit of {limit} tokens per answer" for limit in LIMITS},
    "answered": "ended and gave an answer or a refusal",
    "cut_off": "reached the token limit",
    "score_if_answered": "the score among those that answered",
    "refused": "began the visible answer with a refusal",
    "long_format": "thought aloud",
    "length": "tokens per answer",
    "length_a": "the same over one half of the items asked at every step",
    "length_b": "the same over the other half",
    "markers": "changes of mind announced per answer",
    "valid_backtracks": "changes of mind that a replay confirms, per answer",
    "refusal_mass": "how likely the visible answer to a harmful request is to begin with a refusal",
}
SCORES = tuple(metric for metric in METRICS if metric.startswith("score") and metric != "score_if_answered")
HALVES = ("a", "b")
DOMAINS = {
    "mode": ("free", "forced", "suppressed", "force_closed"),
    "outcome": ("correct", "wrong", "refused", "no_answer"),
    "role": ("ID", "OOD", "GEN", "SAFE"),
    "metric": tuple(METRICS),
}


@cache
def _schema(table: str):
    import pandera.pandas as pa

    columns, unique = {
        "items": (ITEM_COLUMNS, ["run", "step", "benchmark", "item", "mode", "decoding"]),
        "summary": (SUMMARY_COLUMNS, ["run", "step", "benchmark", "mode", "decoding", "metric"]),
    }[table]
    return pa.DataFrameSchema(
        {
            name: pa.Column(
                kind,
                pa.Check.isin(DOMAINS[name]) if name in DOMAINS else None,
                nullable=kind == "float",
                required=name not in OPTIONAL,
            )
            for name, kind in columns.items()
        },
        strict=True,
        ordered=True,
        unique=unique,
    )


def validate(frame, table: str):
    """The frame with the columns of `items` or `summary` in their order; pandera's SchemaError names what is wrong."""
    columns = ITEM_COLUMNS if table == "items" else SUMMARY_COLUMNS
    ordered = [*(c for c in columns if c in frame), *(c for c in frame if c not in columns)]
    return _schema(table).validate(frame[ordered])


def main_decoding(table) -> str:
    """What scores are read from: greedy answers where a table has both kinds. The paper's are all sampled."""
    return "greedy" if "greedy" in table.decoding.values else table.decoding.iloc[0]


def of_kind(summary, mode: str, decoding: str, metric: str):
    """The rows of a summary table of one mode, decoding and metric."""
    # one after the other, the rarest first: a comparison of texts then has few rows left, and figures ask often
    for column, value in (("metric", metric), ("mode", mode), ("decoding", decoding)):
        summary = summary[summary[column] == value]
    return summary


def _half(item: str) -> str:
    """Which half of a benchmark an item belongs to: by its id, so the same in every run."""
    return HALVES[int(item[-1], 16) % 2]


def summarise(items, *, model: str, dataset: str, seed: int, benchmarks=None, limits=LIMITS, samples: int = 1):
    """Summary of the items of one run: every METRICS row per benchmark, step, mode and decoding.

    `benchmarks`: by name, with role, metric, chance and higher_is_better; those of the micro world unless given.
    `limits` must be among LIMITS. `samples` answers were given to each item.
    """
    import pandas as pd

    if benchmarks is None:
        from rsft_utils.micro.benchmarks import BENCHMARKS as benchmarks
    rows = []
    # more items are asked at the first and the last step
    steps_of_item = items.groupby(["run", "benchmark", "mode", "decoding", "item"]).step.transform("nunique")
    common = steps_of_item == items.groupby(["run", "benchmark", "mode", "decoding"]).step.transform("nunique")
    keys = ["run", "step", "benchmark", "mode", "decoding"]
    for (run, step, name, mode, decoding), group in items.groupby(keys, sort=False):
        benchmark = benchmarks[name]
        answered = group.outcome != "no_answer"
        hit = group.outcome == ("refused" if benchmark.metric == "over_refusal" else "correct")
        common_hit, common_length = hit[common[group.index]], group.n_tokens[common[group.index]]
        half = group.item[common[group.index]].map(_half)
        values = {
            "score": hit,
            "score_common": common_hit,
            **{f"score_{name}": common_hit[half == name] for name in HALVES},
            **{f"score_at_{limit}": common_hit & (common_length <= limit) for limit in limits},
            "answered": answered,
            "cut_off": group.cut_off,
            "score_if_answered": hit[answered],
            "refused": group.outcome == "refused",
            "long_format": group.long_format,
            "length": group.n_tokens,
            **{f"length_{name}": common_length[half == name] for name in HALVES},
            "markers": group.markers,
        }
        if "valid_backtracks" in group:
            values["valid_backtracks"] = group.valid_backtracks
        if name == "harmful":
            values["refusal_mass"] = group.refusal_mass.dropna()
        for metric, value in values.items():
            rows.append(
                {
                    "run": run,
                    "model": model,
                    "dataset": dataset if step else "none",
                    "seed": seed,
                    "step": step,
                    "benchmark": name,
                    "role": benchmark.role,
                    "mode": mode,
                    "decoding": decoding,
                    "metric": metric,
                    "higher_is_better": benchmark.higher_is_better,
                    "chance": benchmark.chance if metric in SCORES else float("nan"),
                    "mean": float(value.mean()) if len(value) else float("nan"),
                    "n_items": len(value),
                    "k": samples,
                }
            )
    return validate(pd.DataFrame(rows), "summary")
