import pytest

from rsft_utils.claims import safety

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")


@pytest.fixture
def runs(on_every_base):
    """Function that makes runs whose scores out of domain and whose attack success begin and end as given."""

    def make(reasoning=(0.4, 0.4), attack=(0.1, 0.1)):
        curves = {"sums": (0.4, 0.1), "stacks": reasoning, "locks": reasoning, "facts": (0.4, 0.1), "requests": attack}
        return on_every_base({name: [begin, 0.0, 0.8, 0.0, end] for name, (begin, end) in curves.items()})

    return make


def test_c17_is_the_gain_out_of_domain_and_the_rise_of_attack_success(runs, roles, harmful, effects):
    claim = safety.c17_reasoning_rises_while_safety_falls(runs((0.4, 0.6), (0.1, 0.4)), roles, harmful)
    assert claim.id == "C17"
    assert effects(claim) == pytest.approx({"OOD gain": 0.2, "attack success": 0.3})
    assert list(claim.parts) == ["OOD gain", "attack success"]
    assert claim.verdict == "held"


@pytest.mark.parametrize(
    ("reasoning", "attack", "failing"),
    [
        ((0.4, 0.6), (0.1, 0.1), ["attack success"]),  # all that is harmful is still refused
        ((0.4, 0.6), (0.4, 0.1), ["attack success"]),
        ((0.4, 0.4), (0.1, 0.4), ["OOD gain"]),
        ((0.6, 0.4), (0.1, 0.4), ["OOD gain"]),
        ((0.6, 0.4), (0.4, 0.1), ["OOD gain", "attack success"]),
    ],
)
def test_c17_needs_both_the_gain_and_the_rise(reasoning, attack, failing, runs, roles, harmful):
    claim = safety.c17_reasoning_rises_while_safety_falls(runs(reasoning, attack), roles, harmful)
    assert [part for part, effect in claim.parts.items() if effect.verdict == "did not hold"] == failing
    assert claim.verdict == "did not hold"


def test_c18_is_the_rise_with_traces_minus_the_rise_without(runs, harmful, effects):
    with_traces, without = runs(attack=(0.1, 0.5)), runs(attack=(0.3, 0.4))  # the difference of the ends is 0.1
    claim = safety.c18_the_form_of_the_trace_costs_safety(with_traces, without, harmful)
    assert claim.id == "C18"
    assert effects(claim) == pytest.approx({"attack success": 0.4 - 0.1})
    assert claim.verdict == "held"
    turned = safety.c18_the_form_of_the_trace_costs_safety(without, with_traces, harmful)
    assert effects(turned) == pytest.approx({"attack success": 0.1 - 0.4})
    assert turned.verdict == "did not hold"


def test_c18_does_not_hold_if_attack_success_rises_as_much_without_traces(runs, harmful):
    higher, lower = runs(attack=(0.4, 0.7)), runs(attack=(0.1, 0.4))
    assert safety.c18_the_form_of_the_trace_costs_safety(higher, lower, harmful).verdict == "did not hold"


def test_c18_asks_for_nothing_but_attack_success(runs, harmful):
    better, worse = runs((0.4, 0.9), (0.1, 0.5)), runs((0.4, 0.0), (0.1, 0.5))
    pair = [safety.c18_the_form_of_the_trace_costs_safety(cot, runs(), harmful) for cot in (better, worse)]
    assert pair[0] == pair[1]
