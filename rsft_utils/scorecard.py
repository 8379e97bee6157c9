"""All claims on one page: what the micro runs say, what the paper's own numbers say, and what has not been run."""

import re
from bisect import bisect

from rsft_utils import published_signs, verdicts
from rsft_utils.claims.claim import Claim
from rsft_utils.claims.statements import STATEMENTS
from rsft_utils.comparisons import COMPARISONS

NOT_RUN = "not run"
NOTEBOOKS, FIRST_CLAIMS = tuple(COMPARISONS), (1, 9, 14, 17)  # which notebook begins with which claim


def scorecard():
    """One row per claim, C1 to C18, or per claim and role where it is judged for each.

    Columns claim, statement; micro (verdict), effects (with intervals, in points), bases, runs, notebook; lora (the
    verdict on micro models with LoRA adapters); released (the authors' checkpoints); published (how many benchmarks
    agree in sign, by model), agree (the share of all of them; not a number where nothing is public).
    """
    import pandas as pd

    judged = {claim.id: claim for claim in verdicts.judged()}
    lora = {claim.id: claim.verdict for claim in verdicts.judged_with_lora()}
    signs = published_signs.signs()
    by_role = {id.split()[0] for id in {*judged, *lora} if " " in id}  # C3 and C4 are judged for each role
    rows = []
    for id in sorted({*judged, *lora, *STATEMENTS} - by_role, key=_place):
        claim, number = judged.get(id), id.split()[0]
        parts = claim.parts.items() if claim else ()
        role = id.split()[1:] or signs.role
        public = published_signs.counts(signs[(signs.claim == number) & signs.role.isin(role)])
        rows.append(
            {
                "claim": id,
                "statement": Claim(id, {}).statement,
                "micro": claim.verdict if claim else NOT_RUN,
                "effects": "; ".join(f"{name} {_points(effect)}" for name, effect in parts),
                "bases": min((effect.bases for _, effect in parts), default=0),
                "runs": max((effect.runs for _, effect in parts), default=0),
                "notebook": NOTEBOOKS[bisect(FIRST_CLAIMS, _place(id)[0]) - 1],
                "lora": lora.get(id, NOT_RUN),
                "released": NOT_RUN,
                "published": _published(public, number),
                "agree": public.agree.sum() / public.of.sum() if len(public) else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _place(id: str) -> tuple[int, str]:
    return int(re.search(r"\d+", id)[0]), id


def _points(effect) -> str:
    return f"{100 * effect.effect:+.0f} ({100 * effect.low:.0f} to {100 * effect.high:.0f})"


def _published(public, number: str) -> str:
    if number in published_signs.NOT_PUBLIC:
        return f"not public: {published_signs.NOT_PUBLIC[number]}"
    return "; ".join(f"{row.agree} of {row.of} ({row.models})" for row in public.itertuples())
