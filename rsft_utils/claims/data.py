"""C9 to C13: quality and structure of the fine-tuning data. Each table holds runs of one data set on the same bases.

A claim that holds on the average of a role is `mixed` if one of its benchmarks goes surely the other way.
"""

from collections.abc import Callable

from rsft_utils.claims.claim import Claim, benchmarks_against, by_role
from rsft_utils.claims.measures import REASONING, Roles, ends_above, gain


def c9_low_quality_hurts_broadly(low_quality, roles: Roles) -> Claim:
    """Short, step-skipping solutions leave everything below the base."""
    return _claim(
        "C9",
        lambda *of: -gain(low_quality, *of), roles, ("ID", "OOD", "GEN"),
    )  # fmt: skip


def c10_long_cot_beats_no_cot(cot, nocot, roles: Roles) -> Claim:
    """On reasoning, verified long traces end higher than the same solutions without their traces."""
    return _claim("C10", ends_above(cot, nocot), roles, REASONING)


def c11_no_cot_wins_on_general_ability(nocot, cot, roles: Roles) -> Claim:
    """Without traces less of the general ability is lost."""
    return _claim("C11", ends_above(nocot, cot), roles, ("GEN",))


def c12_a_toy_game_transfers(game, roles: Roles) -> Claim:
    """Traces of an arithmetic game, and nothing else, lift reasoning above the base."""
    return _claim("C12", lambda *of: gain(game, *of), roles, REASONING)


def c13_a_toy_game_beats_no_cot(game, nocot, roles: Roles) -> Claim:
    """On the maths, searching in a game teaches more than maths solutions without traces."""
    return _claim("C13", ends_above(game, nocot), roles, ("ID",))


def _claim(id: str, measure: Callable, roles: Roles, which: tuple[str, ...]) -> Claim:
    return Claim(id, by_role(measure, roles, which), benchmarks_against(measure, roles, which))
