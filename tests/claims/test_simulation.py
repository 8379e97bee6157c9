"""The dip and C3 under noise: what the definitions promise, by simulating steps, items and bases of the reports."""

from dataclasses import astuple
from functools import cached_property

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rsft_utils.claims import training
from rsft_utils.effects import Effect, joint_verdict
from rsft_utils.specs import RunSpec

GRID = np.array(RunSpec().steps)
EARLY_STEPS = np.flatnonzero((GRID > 0) & (RunSpec().total_steps / 4 >= GRID))
N_HALF = 600  # items of a role in one half: six benchmarks of a hundred
SIMULATED_ROLES = {"everything": "OOD"}
LEVEL = np.full(len(GRID), 0.4)
RISE = 0.15 * np.clip((GRID - 160) / 480, 0, 1)  # after the first quarter
DIP = 0.15 * (GRID == 40)
WOBBLE = 0.02
MANY = 2000  # simulated studies; two standard errors of a rate of 5 % are 0.01


class Study:
    """Simulated studies of five bases: base level and gain differ between bases, answers are right by chance.

    The dip is defined here a second time, for all studies at once; a test compares it with what `claims` says of some.
    `truth`: one curve, or one per base. `sd_wobble`: of what a run scores at a checkpoint, the same on all its items.
    """

    def __init__(self, truth, n=MANY, seed=0, bases=5, sd_level=0.03, sd_gain=0.03, sd_dip=0.0, sd_wobble=0.0):
        rng = np.random.default_rng(seed)
        share = truth + rng.normal(0, sd_level, (n, bases, 1)) + rng.normal(0, sd_gain, (n, bases, 1)) * GRID / GRID[-1]
        share = share - rng.normal(0, sd_dip, (n, bases, 1)) * (DIP > 0) + rng.normal(0, sd_wobble, share.shape)
        hits = rng.binomial(N_HALF, share[..., None], (*share.shape, 2)) / N_HALF
        self.halves = hits + rng.uniform(0, 1e-9, hits.shape)  # study, base, step, half; no two alike
        self.gains = (self.halves[:, :, -1] - self.halves[:, :, 0]).mean(-1)

    @cached_property
    def dips(self):
        """As defined: chosen on one half by the other bases, read on the other half."""
        return self._read_where_lowest(self.halves.sum(1, keepdims=True) - self.halves)

    @cached_property
    def own_dips(self):
        """As one would rather not: chosen on the run's own other half."""
        return self._read_where_lowest(self.halves)

    @cached_property
    def plain_dips(self):
        """As one should not: the base minus the lowest of the very same numbers."""
        whole = self.halves.mean(-1)
        return whole[:, :, 0] - whole[:, :, EARLY_STEPS].min(-1)

    def _read_where_lowest(self, chosen):
        step = EARLY_STEPS[chosen[:, :, EARLY_STEPS].argmin(2)][..., ::-1]  # the choice of the other half
        read = np.take_along_axis(self.halves, step[:, :, None], axis=2)[:, :, 0]
        return (self.halves[:, :, 0] - read).mean(-1)

    def held(self, dips=None) -> float:
        """Share of studies in which C3 holds."""
        pairs = zip(judged_over_bases(self.dips if dips is None else dips), judged_over_bases(self.gains), strict=True)
        return np.mean([joint_verdict(list(pair)) == "held" for pair in pairs])

    def summary(self, number: int):
        """The table that `claims` would be given for one of the studies."""
        a, b = np.moveaxis(self.halves[number], -1, 0)
        curves = {"score_common": (a + b) / 2, "score_a": a, "score_b": b}
        names = {"model": range(len(a)), "step": GRID}
        cells = pd.MultiIndex.from_product(names.values(), names=names).to_frame(index=False)
        cells = cells.assign(seed=0, mode="free", decoding="greedy", benchmark="everything")
        return pd.concat([cells.assign(metric=m, mean=v.ravel()) for m, v in curves.items()])


def judged_over_bases(values) -> list[Effect]:
    """One effect per study from an array of studies by bases."""
    bases = values.shape[1]
    test = stats.ttest_1samp(values, 0, axis=1)
    p = stats.t.sf(test.statistic, bases - 1)
    rows = zip(values.mean(1), *test.confidence_interval(0.95), p, strict=True)
    return [Effect(mean, low, high, bases, bases, p) for mean, low, high, p in rows]


def share_above_zero(values) -> float:
    return np.mean([effect.low > 0 for effect in judged_over_bases(values)])


def covered(values, truth: float) -> float:
    return np.mean([effect.low <= truth <= effect.high for effect in judged_over_bases(values)])


@pytest.fixture(scope="module")
def flat():
    return Study(LEVEL)


@pytest.fixture(scope="module")
def dip_and_gain():
    return Study(LEVEL - DIP + RISE, sd_dip=0.03)


@pytest.fixture(scope="module")
def wobbling_gain():
    """No dip, but checkpoints that wobble by two points on their way up."""
    return Study(LEVEL + RISE, sd_wobble=WOBBLE)


@pytest.fixture(scope="module")
def wobbling_dip_and_gain():
    return Study(LEVEL - DIP + RISE, sd_dip=0.03, sd_wobble=WOBBLE)


SCENARIOS = ("flat", "dip_and_gain", "wobbling_gain", "wobbling_dip_and_gain")


def check_against_claims(study: Study, numbers):
    dips, gains = judged_over_bases(study.dips), judged_over_bases(study.gains)
    for number in numbers:
        parts = training.c3_dip_and_recovery(study.summary(number), SIMULATED_ROLES).parts
        assert astuple(parts["dip"]) == pytest.approx(astuple(dips[number]))
        assert astuple(parts["gain"]) == pytest.approx(astuple(gains[number]))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_simulated_studies_are_judged_as_c3_judges_a_study(scenario, request):
    check_against_claims(request.getfixturevalue(scenario), range(6))


def test_noise_alone_is_not_taken_for_dip_and_recovery(flat):
    assert flat.held() <= 0.05
    assert share_above_zero(flat.dips) <= 0.05


def test_the_dip_of_a_flat_curve_is_zero_on_average_where_a_plain_minimum_is_not(flat):
    """Two halves: the noise that makes a step the lowest on one half is not there on the other."""
    assert abs(flat.dips.mean()) < 0.001
    assert flat.plain_dips.mean() > 0.015
    assert share_above_zero(flat.plain_dips) > 0.4  # of studies would report a dip of nothing


@pytest.mark.parametrize(
    ("truth", "what_is_there"),
    [pytest.param(LEVEL + RISE, "gains", id="only a gain"), pytest.param(LEVEL - DIP, "dips", id="only a dip")],
)
@pytest.mark.parametrize("sd_wobble", [0.0, 0.01, WOBBLE])
def test_one_of_the_two_is_not_taken_for_both(truth, what_is_there, sd_wobble):
    study = Study(truth, sd_wobble=sd_wobble)
    assert share_above_zero(getattr(study, what_is_there)) > 0.95
    assert study.held() <= 0.05


@pytest.mark.parametrize("bases", [3, 4, 5])
def test_checkpoints_that_wobble_on_their_way_up_are_not_taken_for_dip_and_recovery(bases):
    """All items of a checkpoint move together, so that halves of the items do not help; other bases do."""
    study = Study(LEVEL + RISE, bases=bases, sd_wobble=WOBBLE)
    assert study.held() <= 0.05
    assert study.held(study.own_dips) > 0.05


def test_the_dip_of_wobbling_checkpoints_is_zero_on_average_where_a_choice_by_the_run_itself_is_not(wobbling_gain):
    assert abs(wobbling_gain.dips.mean()) < 0.001
    assert wobbling_gain.own_dips.mean() > 0.02
    assert wobbling_gain.held(wobbling_gain.own_dips) > 0.1  # of studies would report a dip of nothing


def test_a_real_dip_and_recovery_is_found(dip_and_gain, wobbling_dip_and_gain):
    assert dip_and_gain.held() > 0.95
    assert wobbling_dip_and_gain.held() > 0.95


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_of_a_gain_covers_the_truth(scenario, request):
    truth = 0.0 if scenario == "flat" else RISE[-1]
    assert 0.90 < covered(request.getfixturevalue(scenario).gains, truth) < 0.99


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_interval_of_a_dip_covers_the_truth_when_one_step_is_clearly_the_lowest_or_none_is(scenario, request):
    truth = DIP.max() if "dip" in scenario else 0.0
    assert 0.90 < covered(request.getfixturevalue(scenario).dips, truth) < 0.99


def dipping_at(step: int, depth: float):
    """Deepest at a step and half as deep at its neighbours on the grid."""
    return depth * np.interp(np.arange(len(GRID)) - list(GRID).index(step), [-2, -1, 0, 1, 2], [0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize("sd_wobble", [0.0, WOBBLE])
@pytest.mark.parametrize(("early", "late", "share"), [(2, 2, 0.55), (3, 2, 0.65), (3, 3, 0.57)])
def test_a_dip_that_bases_have_at_different_steps_is_underestimated(early, late, share, sd_wobble):
    """The price of asking the others: of bases split evenly, the majority of the others has the other step."""
    curves = [LEVEL - dipping_at(60, 0.15)] * early + [LEVEL - dipping_at(70, 0.15)] * late
    study = Study(np.array(curves), bases=early + late, sd_wobble=sd_wobble)
    assert study.dips.mean() / 0.15 == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("sd_wobble", [0.0, WOBBLE])
def test_a_dip_that_all_bases_have_at_one_step_is_not_underestimated(sd_wobble):
    study = Study(LEVEL - dipping_at(60, 0.15), sd_wobble=sd_wobble)
    assert study.dips.mean() == pytest.approx(0.15, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_many_simulated_studies_are_judged_as_c3_judges_a_study(scenario, request):
    check_against_claims(request.getfixturevalue(scenario), range(6, 200))


@pytest.mark.slow
def test_intervals_and_false_positives_in_very_many_studies():
    """Runs that choose for each other are not quite independent: without a dip, intervals are a little too narrow."""
    n = 20_000  # two standard errors of a rate of 95 % are 0.003
    flat = Study(LEVEL, n, seed=1)
    real = Study(LEVEL - DIP + RISE, n, seed=2, sd_dip=0.03)
    wobbling = Study(LEVEL + RISE, n, seed=3, sd_wobble=WOBBLE)
    wobbling_real = Study(LEVEL - DIP + RISE, n, seed=4, sd_dip=0.03, sd_wobble=WOBBLE)
    assert flat.held() < 0.01
    assert 0.01 < share_above_zero(flat.dips) < 0.04
    assert 0.01 < wobbling.held() < 0.03
    assert 0.02 < share_above_zero(wobbling.dips) < 0.05
    for study in (flat, wobbling):
        assert abs(study.dips.mean()) < 0.0005
    for values, truth in (
        *((study.gains, RISE[-1]) for study in (real, wobbling, wobbling_real)),
        *((study.dips, DIP.max()) for study in (real, wobbling_real)),
        (flat.gains, 0.0),
    ):
        assert 0.94 < covered(values, truth) < 0.96
    assert 0.93 < covered(flat.dips, 0.0) < 0.95
    assert 0.915 < covered(wobbling.dips, 0.0) < 0.94
