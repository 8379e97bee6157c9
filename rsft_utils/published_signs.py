"""What the paper's own numbers say about each claim: which way they point, benchmark by benchmark.

One run per setting and no items: there is no interval, so no verdict, only "agrees" or "disagrees". The functions are
those that judge the micro runs.
"""

from collections.abc import Iterator
from itertools import pairwise

from rsft_utils import published
from rsft_utils.claims import capability, data, training
from rsft_utils.claims.claim import Claim
from rsft_utils.claims.measures import REASONING

BY_SIZE = ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Qwen3-14B")
NOT_PUBLIC = {
    "C1": "four changes are quoted (MATH500 +12.7, AIME24 +29.7, IFEval -9.8, TruthfulQA -15.1), no scores",
    "C2": "no score of the runs at a fifth of the rate",
    "C4": "no answer lengths by benchmark and step",
    "C5": "no score of the runs with DeepSeek-R1's solutions",
    "C8": "no score of the runs of 1,280 steps",
    "C15": "no answer lengths",
    "C16": "Qwen2.5: base scores only",
    "C17": "no HEx-PHI score",
    "C18": "no HEx-PHI score",
}  # in text form


def signs():
    """One row per claim, model and benchmark: columns claim, models, benchmark, role, effect, agrees.

    `effect`: the smallest of the claim's parts, in percentage points (rewards: in reward). All above 0 agrees.
    """
    import pandas as pd

    rows = []
    for models, benchmark, role, claim in _claims():
        effect = min(part.effect for part in claim.parts.values())
        rows.append([claim.id.split()[0], models, benchmark, role, 100 * effect, effect > 0])
    return pd.DataFrame(rows, columns=["claim", "models", "benchmark", "role", "effect", "agrees"])


def counts(signs):
    """One row per claim and model of some signs: how many benchmarks agree, out of how many, and which do not."""
    marked = signs.assign(against=signs.benchmark.where(~signs.agrees.astype(bool)))
    return marked.groupby(["claim", "models"], sort=False, as_index=False).agg(
        agree=("agrees", "sum"), of=("agrees", "size"), against=("against", lambda names: ", ".join(names.dropna()))
    )


def _claims() -> Iterator[tuple[str, str, str, Claim]]:
    """(models, benchmark, role, claim on this benchmark alone) for everything that is public."""
    cot, nocot = published.summary(), published.summary("Math-NoCoT-20k")
    poor, game = published.summary("NuminaMath-20k"), published.summary("Countdown-CoT-20k")
    few, once = published.summary("Math-CoT-2.5k", "ep8_bs32"), published.summary(setting="ep1_bs32")
    curves = cot[cot.groupby("model").step.transform("nunique") > 2]  # a dip needs checkpoints
    everything = (*REASONING, "GEN")
    for tables, roles, check in (
        ((curves,), everything, lambda t, of: training.c3_dip_and_recovery(t, of, *of.values())),
        ((few, once), everything, training.c6_repetition_beats_one_pass),
        ((cot, few), everything, training.c7_diversity_still_helps),
        ((poor,), everything, data.c9_low_quality_hurts_broadly),
        ((cot, nocot), REASONING, data.c10_long_cot_beats_no_cot),
        ((nocot, cot), ("GEN",), data.c11_no_cot_wins_on_general_ability),
        ((game,), REASONING, data.c12_a_toy_game_transfers),
        ((game, nocot), ("ID",), data.c13_a_toy_game_beats_no_cot),
    ):
        for model in dict.fromkeys(tables[0].model):
            own = [table[table.model == model] for table in tables]
            for benchmark, role in _shared(own, roles):
                yield model, benchmark, role, check(*own, {benchmark: role})
    for weak, strong in pairwise(BY_SIZE):
        pair = [cot[cot.model == strong], cot[cot.model == weak]]
        for benchmark, role in _shared(pair, REASONING):
            claim = capability.c14_stronger_bases_generalise_more(*pair, {benchmark: role})
            yield f"{strong} and {weak}", benchmark, role, claim


def _shared(tables, roles: tuple[str, ...]) -> list[tuple[str, str]]:
    """Benchmarks of these roles that all the tables have after training."""
    there = [set(table.benchmark[table.step > 0]) for table in tables]
    shared = set.intersection(*there)
    return [(name, role) for name, role in published.ROLES.items() if role in roles and name in shared]
