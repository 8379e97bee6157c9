"""All claims on one page: what the micro runs say, what the paper's own numbers say, and what has not been run."""

import re

from rsft_utils import published_signs, verdicts

NOT_RUN = "not run"


def scorecard():
    """One row per claim, C1 to C18: columns claim, statement, micro, effects, bases, lora, released, published."""
    import pandas as pd

    judged = {claim.id: claim for claim in verdicts.judged()}
    agreement = published_signs.counts()
    rows = []
    by_role = {id.split()[0] for id in judged if " " in id}  # C3 and C4 are judged for each role
    ids = sorted({*judged, *agreement.claim, *published_signs.NOT_PUBLIC} - by_role, key=_place)
    for id in ids:
        claim = judged.get(id)
        parts = claim.parts.items() if claim else ()
        rows.append(
            {
                "claim": id,
                "statement": claim.statement if claim else "",
                "micro": claim.verdict if claim else NOT_RUN,
                "effects": "; ".join(f"{name} {_points(effect)}" for name, effect in parts),
                "bases": min((effect.bases for _, effect in parts), default=0),
                "lora": NOT_RUN,
                "released": NOT_RUN,
                "published": _published(agreement, id.split()[0]),
            }
        )
    return pd.DataFrame(rows)


def _place(id: str) -> tuple[int, str]:
    return int(re.search(r"\d+", id)[0]), id


def _points(effect) -> str:
    return f"{100 * effect.effect:+.0f} ({100 * effect.low:.0f} to {100 * effect.high:.0f})"


def _published(agreement, id: str) -> str:
    if id in published_signs.NOT_PUBLIC:
        return f"not public: {published_signs.NOT_PUBLIC[id]}"
    rows = agreement[agreement.claim == id]
    return "; ".join(f"{row.agree} of {row.of} ({row.models})" for row in rows.itertuples())
