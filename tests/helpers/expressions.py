"""All expressions over some numbers, by brute force."""

from fractions import Fraction
from functools import cache

_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}


@cache
def trees(numbers, signs, keep=lambda value: True):
    """All expressions over numbers in this order: (value or None, loosest sign, bare text, parenthesized text).

    Only those of which `keep` holds for the value of every part.
    """
    if len(numbers) == 1:
        return [(Fraction(numbers[0]), "", str(numbers[0]), str(numbers[0]))]
    found = []
    for cut in range(1, len(numbers)):
        for left, lsign, lbare, lfull in trees(numbers[:cut], signs, keep):
            for right, rsign, rbare, rfull in trees(numbers[cut:], signs, keep):
                for sign in signs:
                    value = _value(left, sign, right)
                    if not keep(value):
                        continue
                    # parentheses only where precedence and grouping to the left would read another tree
                    bare_left = f"({lbare})" if _BINDING.get(lsign, 3) < _BINDING[sign] else lbare
                    bare_right = f"({rbare})" if _BINDING.get(rsign, 3) <= _BINDING[sign] else rbare
                    found.append((
                        value, sign, f"{bare_left}{sign}{bare_right}", f"( {lfull} {sign} {rfull} )"
                    ))  # fmt: skip
    return found


def _value(left, sign, right):
    if left is None or right is None:
        return None
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return left / right if right else None
