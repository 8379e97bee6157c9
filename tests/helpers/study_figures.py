"""Which figures a notebook of the study has."""

from rsft_utils.comparisons import COMPARISONS

OF_RUNS = {"dip_and_recovery", "every_benchmark", "elicited_or_learned", "limits"}

TRAINING, DATA, CAPABILITY, SAFETY = NOTEBOOKS = list(COMPARISONS)
WITH_ENDS = NOTEBOOKS[1:]
ENDS = {
    TRAINING: set(),
    DATA: {"changes"},
    CAPABILITY: {"changes", "base_and_final"},
    SAFETY: {"changes", "trade_off", "refusals"},
}
