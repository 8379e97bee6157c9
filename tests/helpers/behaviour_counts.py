"""What a replay of a thought counts."""

from rsft_utils.micro.behaviours import Behaviours


def behaviours(steps=0, right=0, markers=0, valid=0):
    return Behaviours(steps=steps, right_steps=right, markers=markers, valid_backtracks=valid)
