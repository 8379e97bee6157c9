"""C14 to C16: what a stronger base makes of the same data."""

from rsft_utils.claims.claim import Claim
from rsft_utils.claims.measures import REASONING, Roles, gain, last
from rsft_utils.effects import between_bases, over_bases


def c14_stronger_bases_generalise_more(strong, weak, roles: Roles, id: str = "C14") -> Claim:
    """With the same fine-tuning the stronger base ends higher, and gains more.

    Levels alone say little: the stronger base began higher.
    """
    parts = {}
    for role in [role for role in REASONING if role in roles.values()]:
        parts[f"{role} ends higher"] = between_bases(last(strong, roles, role), last(weak, roles, role))
        parts[f"{role} gains more"] = between_bases(gain(strong, roles, role), gain(weak, roles, role))
    return Claim(id, parts)


def c15_weak_bases_copy_length(weak, strong, roles: Roles) -> Claim:
    """The weak base's answers end longer than the strong one's, and its reasoning out of domain does not recover.

    Length is relative to the strong base's.
    """
    lengths = [last(table, roles, "OOD", "length") for table in (weak, strong)]
    relative = [length / lengths[1].mean() for length in lengths]
    return Claim(
        "C15",
        {"longer": between_bases(*relative), "ends below itself": over_bases(-gain(weak, roles, "OOD"))},
    )


def c16_holds_for_another_family(strong, weak, roles: Roles) -> Claim:
    """C14 in another family of base models."""
    return c14_stronger_bases_generalise_more(strong, weak, roles, id="C16")
