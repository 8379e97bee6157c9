import pytest

from rsft_utils.claims import data

# scipy's word for exact tables, in which all bases have the same effect
pytestmark = pytest.mark.filterwarnings("ignore:Precision loss occurred")

# The roles that are a claim's parts, and the claim of runs that end `ends(1)` above 0.5 (`ends(-1)`: below it).
CLAIMS = {
    "C9": (("ID", "OOD", "GEN"), lambda ends, roles: data.c9_low_quality_hurts_broadly(ends(-1), roles)),
    "C10": (("ID", "OOD"), lambda ends, roles: data.c10_long_cot_beats_no_cot(ends(1), ends(0), roles)),
    "C11": (("GEN",), lambda ends, roles: data.c11_no_cot_wins_on_general_ability(ends(1), ends(0), roles)),
    "C12": (("ID", "OOD"), lambda ends, roles: data.c12_a_toy_game_transfers(ends(1), roles)),
    "C13": (("ID",), lambda ends, roles: data.c13_a_toy_game_beats_no_cot(ends(1), ends(0), roles)),
}
every_claim = pytest.mark.parametrize("id", CLAIMS)
every_part = pytest.mark.parametrize(
    ("id", "role"), [(id, role) for id, (roles, _) in CLAIMS.items() for role in roles]
)


@pytest.fixture
def judge(table, roles):
    """Function that judges a claim on three bases, from how much of what it says is there, by benchmark and base."""

    def judge(id: str, there: dict):
        def ends(sign: int):
            curves = {
                (base, 0): {name: [0.5] * 4 + [0.5 + sign * there[name][place]] for name in roles}
                for place, base in enumerate("abc")
            }
            return table(curves)

        return CLAIMS[id][1](ends, roles)

    return judge


@pytest.fixture
def two_of(roles):
    """Function from a role to its two benchmarks."""
    return lambda role: [name for name in roles if roles[name] == role]


@every_claim
def test_a_claim_holds_where_it_is_true_on_every_benchmark(id, judge, roles, effects):
    claim = judge(id, dict.fromkeys(roles, (0.1, 0.12, 0.08)))
    assert claim.id == id
    assert effects(claim) == pytest.approx(dict.fromkeys(CLAIMS[id][0], 0.1))
    assert list(claim.parts) == list(CLAIMS[id][0])
    assert (claim.verdict, claim.against) == ("held", ())


@every_claim
def test_a_claim_does_not_hold_when_the_direction_is_turned(id, judge, roles, effects):
    claim = judge(id, dict.fromkeys(roles, (-0.1, -0.12, -0.08)))
    assert effects(claim) == pytest.approx(dict.fromkeys(CLAIMS[id][0], -0.1))
    assert {part.verdict for part in claim.parts.values()} == {claim.verdict} == {"did not hold"}


@every_part
def test_a_claim_needs_every_one_of_its_roles(id, role, judge, roles, two_of):
    there = dict.fromkeys(roles, (0.1, 0.12, 0.08)) | dict.fromkeys(two_of(role), (0.0, 0.01, -0.01))
    claim = judge(id, there)
    assert [part for part, effect in claim.parts.items() if effect.verdict != "held"] == [role]
    assert claim.verdict == "did not hold"


@pytest.mark.parametrize(
    ("id", "role"),
    [(id, role) for id, (parts, _) in CLAIMS.items() for role in ("ID", "OOD", "GEN") if role not in parts],
)
def test_a_claim_does_not_ask_for_the_other_roles(id, role, judge, roles, two_of):
    there = dict.fromkeys(roles, (0.1, 0.12, 0.08)) | dict.fromkeys(two_of(role), (-0.2, -0.21, -0.22))
    claim = judge(id, there)
    assert (claim.verdict, claim.against) == ("held", ())


@every_part
def test_a_claim_that_holds_on_the_average_is_mixed_if_one_benchmark_is_surely_opposite(id, role, judge, roles, two_of):
    worse, better = two_of(role)
    claim = judge(id, dict.fromkeys(roles, (0.1, 0.1, 0.1)) | {worse: (-0.1, -0.11, -0.12), better: (0.5, 0.5, 0.5)})
    assert {part.verdict for part in claim.parts.values()} == {"held"}
    assert (claim.verdict, claim.against) == ("mixed", (worse,))


@pytest.mark.parametrize(
    "opposite",
    [pytest.param((-0.02, -0.021, -0.022), id="slightly"), pytest.param((-0.4, 0.0, 0.1), id="unsurely")],
)
@every_claim
def test_a_claim_is_not_mixed_if_benchmarks_are_only_slightly_or_unsurely_opposite(id, opposite, judge, roles, two_of):
    there = {}
    for odd, even in map(two_of, ("ID", "OOD", "GEN")):  # the mean of the two is the same on every base
        there |= {odd: opposite, even: [0.4 - value for value in opposite]}
    claim = judge(id, there)
    assert (claim.verdict, claim.against) == ("held", ())


@every_claim
def test_a_claim_that_does_not_hold_is_not_mixed_though_benchmarks_are_against_it(id, judge, roles):
    claim = judge(id, dict.fromkeys(roles, (-0.1, -0.12, -0.08)))
    assert set(claim.against) == {name for name in roles if roles[name] in CLAIMS[id][0]}
    assert claim.verdict == "did not hold"


def test_c9_is_how_far_below_its_base_a_run_ends(on_every_base, roles, effects):
    lasts = dict(zip(roles, (0.4, 0.3, 0.2, 0.4, 0.45, 0.35), strict=True))
    poor = on_every_base({name: [0.5, 0.9, 0.0, 0.9, last] for name, last in lasts.items()})
    found = effects(data.c9_low_quality_hurts_broadly(poor, roles))
    assert found == pytest.approx({"ID": 0.15, "OOD": 0.2, "GEN": 0.1})


def test_c12_is_how_far_above_its_base_a_run_on_the_game_ends(on_every_base, roles, effects):
    lasts = dict(zip(roles, (0.6, 0.7, 0.6, 0.8, 0.1, 0.1), strict=True))
    game = on_every_base({name: [0.5, 0.0, 0.9, 0.0, last] for name, last in lasts.items()})
    assert effects(data.c12_a_toy_game_transfers(game, roles)) == pytest.approx({"ID": 0.15, "OOD": 0.2})


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (data.c10_long_cot_beats_no_cot, {"ID": 0.1, "OOD": 0.2}),
        (data.c11_no_cot_wins_on_general_ability, {"GEN": 0.3}),
        (data.c13_a_toy_game_beats_no_cot, {"ID": 0.1}),
    ],
)
def test_c10_c11_and_c13_are_how_much_higher_the_first_data_end_than_the_second(
    check, expected, on_every_base, roles, effects
):
    """Wherever they began: runs on the same bases begin alike."""
    first, second = (
        on_every_base({name: [*begin, lasts[role]] for name, role in roles.items()})
        for begin, lasts in (
            ([0.9, 0.0, 0.9, 0.0], {"ID": 0.6, "OOD": 0.6, "GEN": 0.6}),
            ([0.1, 0.9, 0.0, 0.9], {"ID": 0.5, "OOD": 0.4, "GEN": 0.3}),
        )
    )
    assert effects(check(first, second, roles)) == pytest.approx(expected)
