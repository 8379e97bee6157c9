"""The four primary endpoints of notebooks/PREREG.md, one per finding, with Holm's correction over the four.

Everything else that the project tests is exploratory.
"""

import math

from rsft_utils import reference
from rsft_utils.claims.measures import dip, gain, last
from rsft_utils.effects import between_bases, over_bases
from rsft_utils.micro.benchmarks import ROLE_OF
from rsft_utils.verdicts import HARMFUL

ARMS = ("S", "XS", "S-numina-like")


def primary_endpoints():
    """One row per endpoint: finding, quantity, effect, low, high, p (one-sided), p_holm.

    None as long as one of ARMS has not been run: the correction is over all four.
    """
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    if not set(ARMS) <= set(reference.finished()):
        return None
    strong, weak, poor = (reference.load(arm) for arm in ARMS)
    fall, rise = (over_bases(measure(strong, ROLE_OF, "OOD")) for measure in (dip, gain))
    quality = over_bases(last(strong, ROLE_OF, "OOD") - last(poor, ROLE_OF, "OOD"))
    capability = between_bases(gain(strong, ROLE_OF, "OOD"), gain(weak, ROLE_OF, "OOD"))
    attacks = over_bases(gain(strong, HARMFUL, "SAFE"))
    # both must hold, so the larger p counts; runs choose each other's lowest step, which makes the dip's too small
    both = max(2 * _p(fall), _p(rise))
    lesser = min((fall, rise), key=lambda effect: effect.low)
    rows = [
        ("training", "OOD dip and OOD gain (the lesser)", lesser, both),
        ("data", "last OOD score, Math-CoT minus Numina-like", quality, _p(quality)),
        ("capability", "OOD gain, S minus XS", capability, _p(capability)),
        ("safety", "rise of attack success", attacks, _p(attacks)),
    ]
    table = pd.DataFrame(
        [(finding, what, effect.effect, effect.low, effect.high, p) for finding, what, effect, p in rows],
        columns=["finding", "quantity", "effect", "low", "high", "p"],
    )
    table["p"] = table.p.clip(upper=1.0)
    return table.assign(p_holm=multipletests(table.p, method="holm")[1])


def _p(effect) -> float:
    """Bases that agree in an effect of exactly zero have no test: nothing speaks for the claim."""
    return 1.0 if math.isnan(effect.p) else effect.p
