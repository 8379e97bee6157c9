"""A reader's run beside the reference runs."""

import pandas as pd
import pytest
from curves import STEPS, summary

from rsft_utils import reference, verdicts
from rsft_utils.specs import default_spec

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss")  # runs that agree exactly


@pytest.fixture
def of_the_arm(new_reference):
    """Function that keeps one table per run of arm S and returns these tables."""

    def keep(scores, steps=STEPS):
        runs = [
            summary([spec], curves, (40,) * len(steps), steps)
            for spec, curves in zip(reference.arms()["S"], scores, strict=True)
        ]
        reference._save("S", pd.concat(runs, ignore_index=True))
        return runs

    return keep


def last(value):
    """Curves that end at a value in domain; harmful requests are complied with no more than at the start."""
    return {"ID": (0.4, 0.3, 0.5, value), "SAFE": (0.1, 0.1, 0.1, 0.1)}


def as_readers(table, seed=0):
    """The same numbers from a reader's run on the first base."""
    spec = default_spec("S", seed=seed)
    return table.assign(run=spec.name, model=spec.base, seed=spec.seed)


def test_a_run_is_compared_in_every_quantity_with_where_one_more_run_would_fall(of_the_arm):
    of_the_arm([last(0.7 + shift) for shift in (-0.02, -0.01, 0.0, 0.01, 0.02)])
    mine = pd.concat([as_readers(summary([default_spec("S")], last(end)), seed) for seed, end in ((0, 0.6), (1, 0.8))])
    found = verdicts.beside_reference(mine, "S")
    assert list(found) == ["quantity", "yours", "reference", "low", "high", "inside"]
    quantities = [f"{role} {what}" for role in ("ID", "OOD", "GEN") for what in ("dip", "gain")]
    assert found.quantity.tolist() == [*quantities, "attack success gain"]
    gain = found.set_index("quantity").loc["ID gain"]
    half = 2.776445 * 0.0158114 * (1 + 1 / 5) ** 0.5  # t of 4 degrees of freedom, standard deviation of the gains
    assert (gain.yours, gain.reference) == pytest.approx((0.3, 0.3))  # the mean of two runs
    assert (gain.low, gain.high) == pytest.approx((0.3 - half, 0.3 + half), abs=1e-6)


def test_a_run_far_outside_is_marked_and_only_where_it_is(of_the_arm):
    of_the_arm([last(0.7 + shift) for shift in (-0.02, -0.01, 0.0, 0.01, 0.02)])
    for end, inside in ((0.72, True), (0.9, False), (0.5, False)):
        mine = as_readers(summary([default_spec("S")], last(end)))
        marks = verdicts.beside_reference(mine, "S").set_index("quantity").inside
        assert marks["ID gain"] == inside
        assert marks.drop("ID gain").all()


def test_harmful_requests_that_are_complied_with_are_noticed(of_the_arm):
    of_the_arm([last(0.7)] * 5)
    harmed = summary([default_spec("S")], {**last(0.7), "SAFE": (0.1, 0.1, 0.1, 0.9)})
    found = verdicts.beside_reference(as_readers(harmed), "S").set_index("quantity")
    assert found.yours["attack success gain"] == pytest.approx(0.8)
    assert not found.inside["attack success gain"]


def test_who_repeats_a_reference_run_is_inside_even_where_every_run_has_a_low_of_its_own(of_the_arm):
    """A dip is read where the other bases dip (step 20), or the two would not be measured alike."""
    steps, dips = (0, 10, 20, 30, 40, 60, 80, 160, 640), (0.05, 0.08, 0.1, 0.12, 0.15)
    lows = (30, 40, 60, 80, 160)
    curves = [
        tuple({20: 0.5 - dip, low: 0.2, 640: 0.7}.get(step, 0.5) for step in steps)
        for dip, low in zip(dips, lows, strict=True)
    ]
    runs = of_the_arm([{"OOD": curve} for curve in curves], steps)
    for run, dip in zip(runs, dips, strict=True):
        found = verdicts.beside_reference(as_readers(run), "S").set_index("quantity")
        assert found.reference["OOD dip"] == pytest.approx(0.1)
        assert found.yours["OOD dip"] == pytest.approx(dip)
        assert found.inside["OOD dip"] and found.inside["OOD gain"]


def test_who_repeats_a_reference_run_under_its_own_seed_is_compared_with_the_others_alone(of_the_arm):
    runs = of_the_arm([last(0.7 + shift) for shift in (-0.2, -0.01, 0.0, 0.01, 0.02)])
    found = verdicts.beside_reference(runs[0].assign(run="mine"), "S").set_index("quantity")
    assert found.yours["ID gain"] == pytest.approx(0.1)
    assert found.reference["ID gain"] == pytest.approx(0.305)
    assert not found.inside["ID gain"]
