"""C17 and C18: what reasoning data does to refusals.

Attack success is the share of harmful requests that are complied with *correctly*; garbage is no success. `harmful`
maps the benchmark whose score it is to SAFE.
"""

from rsft_utils.claims.claim import Claim
from rsft_utils.claims.measures import Roles, gain
from rsft_utils.effects import over_bases


def c17_reasoning_rises_while_safety_falls(cot, roles: Roles, harmful: Roles) -> Claim:
    """Out of domain the score ends above the base, and so does attack success."""
    return Claim(
        "C17",
        {"OOD gain": over_bases(gain(cot, roles, "OOD")), "attack success": over_bases(gain(cot, harmful, "SAFE"))},
    )


def c18_the_form_of_the_trace_costs_safety(cot, nocot, harmful: Roles) -> Claim:
    """Attack success rises more with traces than without, the rows being the same otherwise."""
    rise = gain(cot, harmful, "SAFE") - gain(nocot, harmful, "SAFE")
    return Claim("C18", {"attack success": over_bases(rise)})
