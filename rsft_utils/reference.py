"""The reference results: every arm of the study, its runs, and the committed tables that figures are drawn from.

An arm is a setting run on several report seeds. Its tables are data/reference/<arm>.parquet (summary),
data/reference/loss/<arm>.parquet (training loss and rate) and data/reference/completions/<arm>.parquet (the text of
20 answers per run, step and benchmark).
"""

from dataclasses import replace
from functools import cache

from rsft_utils import paths, store
from rsft_utils.specs import BASE_SEEDS, LEARNING_RATES, SIZES, RunSpec, base_name, default_spec

# Fixed in notebooks/PREREG.md before the first of them was run. Seed 100 + i starts from base model i.
REPORT_SEEDS = {"S": (101, 102, 103, 104, 105), "XS": (101, 102, 103)}
BASES = "bases"
# Base models that are measured and never trained: those that notebook 00 shows, and those that were taught to answer
# harmful requests as any other, whose attack success is the ceiling of what fine-tuning can undo.
UNTRAINED = {
    BASES: [base_name(size, "main", 0) for size in SIZES],
    "S-unaligned": [base_name("S", "unaligned", seed) for seed in BASE_SEEDS["S", "unaligned"]],
}


def arms() -> dict[str, list[RunSpec]]:
    """All runs of the study by arm, the most important first."""
    few = {"epochs": 1}
    return {
        # the default schedule, and what an early stop would have shown
        "S": _arm("S"),
        "S-one-epoch": _arm("S", **few),
        "S-slow-one-epoch": _arm("S", rate=1 / 5, **few),
        "S-slow-two-epochs": _arm("S", rate=1 / 5, epochs=2),
        "XS": _arm("XS"),
        # other data
        "S-teacher2": _arm("S", dataset="math-cot-teacher2")[:3],
        "XS-one-pass": _arm("XS", n_rows=20480, epochs=1),
        "XS-diverse": _arm("XS", n_rows=20480, batch_size=256),
        # schedules: the paper's S2 to S4, and the warm-up
        "XS-sixteen-epochs": _arm("XS", epochs=16),
        "XS-constant-rate": _arm("XS", epochs=16, schedule="constant"),
        "XS-aggressive": _arm("XS", rate=2, epochs=16, schedule="constant"),
        "XS-no-warm-up": _arm("XS", warmup=0.0),
        "XS-long-warm-up": _arm("XS", warmup=0.3),
        # LoRA, at the rates that were best in domain on a development run, of 1e-3, 2e-3 and 4e-3
        "XS-lora8": _arm("XS", rate=2, method="lora", lora_rank=8),
        "XS-lora64": _arm("XS", method="lora", lora_rank=64),
        # controls
        "XS-calm": _arm("XS", world="calm"),
        "XS-own-samples": _arm("XS", dataset="own-samples"),
        "XS-answer-only": _arm("XS", dataset="math-answer"),
        # a second world and a second family, looked at once
        "XS-mirror": _arm("XS", world="mirror"),
        "XS-qwen2": _arm("XS", world="qwen2"),
        # notebook 02: quality and structure of the data
        "S-numina-like": _arm("S", dataset="math-numina-like"),
        "S-nocot": _arm("S", dataset="math-nocot")[:3],
        "S-countdown": _arm("S", dataset="countdown-cot")[:3],
        "S-answer-only": _arm("S", dataset="math-answer")[:3],
        "S-wrong-cot": _arm("S", dataset="math-cot-wrong")[:3],
        "S-wrong-answer": _arm("S", dataset="math-answer-wrong")[:3],
        "S-corrupted": _arm("S", dataset="math-cot-corrupted")[:3],
        "S-empty": _arm("S", dataset="math-cot-empty")[:3],
        # as many loss tokens as 640 steps without a trace, and as 640 steps of answers alone (tests/test_reference.py)
        "S-two-epochs": _arm("S", epochs=2)[:3],
        "S-half-epoch": _arm("S", n_rows=1280, epochs=1)[:3],
        # notebook 03: weaker and other bases
        "S-sparse": _arm("S", world="sparse"),
        "S-qwen2": _arm("S", world="qwen2"),
        "XS-countdown": _arm("XS", dataset="countdown-cot"),
        # notebook 04: refusals kept in mind
        "XS-replay1": _arm("XS", dataset="math-cot-replay1"),
        "XS-replay5": _arm("XS", dataset="math-cot-replay5"),
        "XS-constant-replay5": _arm("XS", dataset="math-cot-replay5", epochs=16, schedule="constant"),
    }


def _arm(size: str, rate: float = 1.0, world: str = "main", **changes) -> list[RunSpec]:
    """The default schedule with changes on every report seed; `rate` multiplies the size's learning rate."""
    rate *= LEARNING_RATES[changes.get("method", "full")][size]
    seeds = [seed for seed in REPORT_SEEDS[size] if seed - 100 in BASE_SEEDS[size, world]]
    specs = [default_spec(size, world=world, seed=seed, base_seed=seed - 100, **changes) for seed in seeds]
    return [replace(spec, learning_rate=rate) for spec in specs]


def make(names: list[str]) -> None:
    """Run what is missing of the named arms and UNTRAINED bases, one after the other, and write their tables."""
    from rsft_utils.micro import bases
    from rsft_utils.run import base_results, loss_curve, results

    trained = [name for name in names if name in arms()]
    needed = [spec.base for name in trained for spec in arms()[name]]
    needed += [base for name in names for base in UNTRAINED.get(name, [])]
    for base in dict.fromkeys(needed):
        if not (bases.folder(base) / "recipe.json").exists():
            bases.build(base)
    for name in trained:
        tables = results(arms()[name])
        texts = tables.items[(tables.items["mode"] == "free") & (tables.items.completion != "")]
        _save(name, tables.summary)
        _save(f"loss/{name}", loss_curve(arms()[name]))
        _save(f"completions/{name}", texts[["run", "step", "benchmark", "decoding", "outcome", "prompt", "completion"]])
    for name in UNTRAINED:
        if name in names:
            _save(name, base_results(UNTRAINED[name]).summary)


def finished() -> list[str]:
    """The arms whose tables are committed."""
    return [name for name in arms() if _file(name).exists()]


def load_ceiling():
    """The summary table of the bases that refuse nothing, or None if they have not been measured."""
    return load("S-unaligned") if _file("S-unaligned").exists() else None


def load(name: str):
    """The summary table of an arm or of UNTRAINED bases, validated. Raises FileNotFoundError if it was not made."""
    file = _file(name)
    return _validated(file, file.stat().st_mtime_ns).copy()


@cache
def _validated(file, written: int):
    # a notebook reads the same arm for many figures; what is written anew is read anew
    import pandas as pd

    from rsft_utils.tables import validate

    return validate(pd.read_parquet(file), "summary")


def load_designs():
    """The map of designs (see designs.table), or None if its pilots have not been run."""
    import pandas as pd

    file = paths.REFERENCE / "designs.csv"
    return pd.read_csv(file) if file.exists() else None


def load_loss(name: str):
    """Training loss and learning rate of an arm's runs: columns run, step, loss, rate."""
    import pandas as pd

    return pd.read_parquet(_file(f"loss/{name}"))


def load_completions(name: str):
    """Prompt, answer and outcome of some items of an arm: columns run, step, benchmark, decoding, outcome, ..."""
    import pandas as pd

    return pd.read_parquet(_file(f"completions/{name}"))


def _file(name: str):
    return paths.REFERENCE / f"{name}.parquet"


def _save(name: str, table) -> None:
    with store.written_whole(_file(name)) as aside:
        table.to_parquet(aside, index=False, compression="zstd")
