import pytest

from rsft_utils.claims import training

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")

FLAT = [0.5] * 5


def test_c1_is_a_gain_in_domain_and_a_loss_out_of_domain(on_every_base, effects, roles):
    short = on_every_base(
        {
            "sums": [0.3, 0.9, 0.9, 0.9, 0.5],
            "chains": [0.2, 0.0, 0.0, 0.0, 0.6],
            "stacks": [0.5, 0.9, 0.9, 0.9, 0.4],
            "locks": [0.4, 0.0, 0.0, 0.0, 0.3],
        }
    )
    claim = training.c1_short_runs_look_like_memorising(short, roles)
    assert claim.id == "C1"
    assert effects(claim) == pytest.approx({"ID gain": 0.3, "OOD loss": 0.1})
    assert claim.verdict == "held"
    turned = training.c1_short_runs_look_like_memorising(short, {"stacks": "ID", "sums": "OOD"})
    assert effects(turned) == pytest.approx({"ID gain": -0.1, "OOD loss": -0.2})
    assert turned.verdict == "did not hold"


def test_c2_is_how_much_less_is_gained_out_of_domain_at_a_smaller_rate(on_every_base, effects, roles):
    def ends(last):
        return on_every_base({"stacks": [0.4, 0.4, 0.4, 0.4, last], "sums": [0.1, 0.1, 0.1, 0.1, 0.7]})

    claim = training.c2_smaller_rate_is_weaker(ends(0.6), {"once": ends(0.45), "twice": ends(0.7)}, roles)
    assert claim.id == "C2"
    assert effects(claim) == pytest.approx({"once": 0.15, "twice": -0.1})
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize("role", ["ID", "OOD"])
def test_c3_is_an_early_fall_below_the_base_and_an_end_above_it(on_every_base, effects, roles, role):
    long_run = on_every_base({name: [0.4, 0.3, 0.35, 0.45, 0.7] for name in roles if roles[name] == role})
    claim = training.c3_dip_and_recovery(long_run, roles, role)
    assert claim.id == f"C3 {role}"
    assert effects(claim) == pytest.approx({"dip": 0.1, "gain": 0.3})
    assert claim.verdict == "held"


@pytest.mark.parametrize(
    ("curve", "dip", "gain"),
    [
        ([0.4, 0.3, 0.3, 0.3, 0.35], 0.1, -0.05),  # falls and stays below
        ([0.4, 0.45, 0.5, 0.6, 0.7], -0.05, 0.3),  # never falls
        ([0.4, 0.3, 0.3, 0.5, 0.4], 0.1, 0.0),  # comes back to where it was
    ],
)
def test_c3_needs_both_the_dip_and_the_gain(on_every_base, effects, roles, curve, dip, gain):
    claim = training.c3_dip_and_recovery(on_every_base({"stacks": curve}), roles)
    assert effects(claim) == pytest.approx({"dip": dip, "gain": gain})
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize("role", ["ID", "OOD"])
def test_c4_is_an_early_surge_of_length_that_shrinks_while_the_score_rises(on_every_base, effects, roles, role):
    names = [name for name in roles if roles[name] == role]
    long_run = on_every_base(
        {name: [0.4, 0.3, 0.2, 0.5, 0.7] for name in names}, {name: [10, 20, 30, 25, 12] for name in names}
    )
    claim = training.c4_length_surges_then_shrinks(long_run, roles, role)
    assert claim.id == f"C4 {role}"
    assert effects(claim) == pytest.approx({"surge": 2.0, "shrink": 0.6, "score after the peak": 0.5})
    assert claim.verdict == "held"


def test_c4_does_not_hold_for_answers_that_shrink_early_and_grow_late(on_every_base, effects, roles):
    claim = training.c4_length_surges_then_shrinks(
        on_every_base({"stacks": [0.4, 0.6, 0.5, 0.5, 0.3]}, {"stacks": [10, 8, 6, 30, 12]}), roles
    )
    assert effects(claim) == pytest.approx({"surge": -0.2, "shrink": -0.5, "score after the peak": -0.3})
    assert {part.verdict for part in claim.parts.values()} == {"did not hold"}


def test_c5_is_c3_and_c4_on_the_runs_of_a_second_teacher(on_every_base, roles):
    long_run = on_every_base({"stacks": [0.4, 0.3, 0.35, 0.5, 0.7]}, {"stacks": [10, 20, 30, 25, 12]})
    claim = training.c5_holds_for_another_teacher(long_run, roles)
    assert claim.id == "C5"
    assert claim.parts == {
        **training.c3_dip_and_recovery(long_run, roles).parts,
        **training.c4_length_surges_then_shrinks(long_run, roles).parts,
    }
    assert list(claim.parts) == ["dip", "gain", "surge", "shrink", "score after the peak"]
    assert claim.verdict == "held"


@pytest.mark.parametrize("check", [training.c6_repetition_beats_one_pass, training.c7_diversity_still_helps])
def test_c6_and_c7_are_how_much_higher_the_first_arm_ends_than_the_second(on_every_base, effects, roles, check):
    first = on_every_base({"sums": [0.9] * 4 + [0.6], "stacks": FLAT, "facts": [0] * 4 + [0.1]})
    second = on_every_base({"sums": [0.1] * 4 + [0.4], "stacks": FLAT, "facts": [0] * 4 + [0.3]})
    assert effects(check(first, second, roles)) == pytest.approx({"ID": 0.2, "OOD": 0.0, "GEN": -0.2})
    assert effects(check(second, first, roles)) == pytest.approx({"ID": -0.2, "OOD": 0.0, "GEN": 0.2})
    assert check(first, second, roles).id == ("C6" if check is training.c6_repetition_beats_one_pass else "C7")


AGGRESSIVE = {"sums": [0.9, 0.6, 0.8, 0.7, 0.5], "stacks": [0.1, 0.3, 0.4, 0.6, 0.4]}
DEFAULT = {"sums": [0.3, 0.4, 0.5, 0.6, 0.7], "stacks": [0.1, 0.2, 0.3, 0.55, 0.5]}
GROWING = {"stacks": [5, 40, 20, 10, 15]}  # half as long again as at their shortest after the peak


def test_c8_is_an_end_below_the_best_trained_score_and_answers_that_grow_again_both_unlike_the_default(
    on_every_base, effects, roles
):
    default = on_every_base(DEFAULT, {"stacks": [5, 40, 20, 10, 12]})
    claim = training.c8_overfitting_needs_an_aggressive_schedule(default, on_every_base(AGGRESSIVE, GROWING), roles)
    assert claim.id == "C8"
    assert effects(claim) == pytest.approx(
        {
            "ID below its best": 0.3,  # the base's own 0.9 was not trained
            "ID more so than by default": 0.3,
            "OOD below its best": 0.2,
            "OOD more so than by default": 0.15,
            "answers grow again": 0.5,
            "answers grow more so than by default": 0.3,
        }
    )
    assert claim.verdict == "held"


def test_c8_does_not_hold_if_answers_grow_again_by_default_too(on_every_base, roles):
    default, aggressive = on_every_base(DEFAULT, GROWING), on_every_base(AGGRESSIVE, GROWING)
    claim = training.c8_overfitting_needs_an_aggressive_schedule(default, aggressive, roles)
    failing = [part for part, effect in claim.parts.items() if effect.verdict != "held"]
    assert failing == ["answers grow more so than by default"]
    assert claim.verdict == "did not hold"
