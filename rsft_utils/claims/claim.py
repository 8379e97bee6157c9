"""What a claim is: effects in the direction that it says, and what they amount to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from rsft_utils.claims.measures import Roles
from rsft_utils.claims.statements import STATEMENTS
from rsft_utils.effects import Effect, joint_verdict, over_bases

COLUMNS = (
    "claim", "statement", "part", "effect", "low", "high", "bases", "runs", "p", "part_verdict", "verdict",
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A claim, the effects that it needs (each in the direction that the claim says), and what they amount to.

    `id` is one of STATEMENTS, with a role behind it where a claim is judged for one: `C3 OOD`. A claim of your own has
    an id of its own, best a sentence.

    `against`: benchmarks whose own effect is surely the other way, where a claim asks for them.
    """

    id: str
    parts: dict[str, Effect]
    against: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """What the claim says, in one sentence; of a claim that is not the paper's, its id."""
        id, *role = self.id.split()
        return ": ".join([*role, STATEMENTS[id]]) if id in STATEMENTS else self.id

    @property
    def verdict(self) -> str:
        """All parts must hold; a claim that holds on the average and not everywhere is `mixed`."""
        verdict = joint_verdict(list(self.parts.values()))
        return "mixed" if verdict == "held" and self.against else verdict


def by_role(measure: Callable, roles: Roles, which: tuple[str, ...]) -> dict[str, Effect]:
    """One part per role that has a benchmark, from `measure(roles, role)`, a Series over runs."""
    return {role: over_bases(measure(roles, role)) for role in which if role in roles.values()}


def by_benchmark(measure: Callable, roles: Roles, which: tuple[str, ...]) -> dict[str, Effect]:
    """The effect on every benchmark of these roles by itself."""
    names = [name for name, role in roles.items() if role in which]
    return {name: over_bases(measure({name: name}, name)) for name in names}


def benchmarks_against(measure: Callable, roles: Roles, which: tuple[str, ...]) -> tuple[str, ...]:
    """Benchmarks of these roles where the effect is surely the other way."""
    return tuple(name for name, effect in by_benchmark(measure, roles, which).items() if effect.is_opposite)


def as_table(claims: list[Claim]):
    """One row per part of every claim, with COLUMNS."""
    import pandas as pd

    rows = [
        {
            "claim": claim.id,
            "statement": claim.statement,
            "part": part,
            **asdict(effect),
            "part_verdict": effect.verdict,
            "verdict": claim.verdict,
        }
        for claim in claims
        for part, effect in claim.parts.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
