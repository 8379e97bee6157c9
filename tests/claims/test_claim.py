import pandas as pd
import pytest

from rsft_utils.claims.claim import COLUMNS, Claim, as_table, benchmarks_against, by_benchmark, by_role
from rsft_utils.claims.statements import STATEMENTS
from rsft_utils.effects import Effect

HELD, UNSURE = Effect(0.1, 0.05, 0.15, 5, 6, 0.004), Effect(0.2, -0.1, 0.5, 3, 3, 0.2)
FAILED, TOO_FEW = Effect(-0.1, -0.15, -0.05, 5, 5, 0.99), Effect(0.1, 0.05, 0.15, 2, 2, 0.01)
# Effects on three bases, by benchmark
BY_BENCHMARK = {
    "better": (0.1, 0.11, 0.12),
    "worse": (-0.1, -0.11, -0.12),
    "hardly worse": (-0.02, -0.021, -0.022),
    "perhaps worse": (-0.4, 0.0, 0.1),
    "much worse": (-0.5, -0.51, -0.52),
    "general": (-0.1, -0.11, -0.12),
}
ROLES = {**dict.fromkeys(BY_BENCHMARK, "OOD"), "much worse": "ID", "general": "GEN"}


def measure(roles, role):
    """The mean over a role's benchmarks, per base."""
    rows = pd.DataFrame({name: BY_BENCHMARK[name] for name in roles if roles[name] == role}, index=list("abc"))
    return rows.mean(axis=1).rename_axis("model")


@pytest.mark.parametrize(
    ("parts", "alone", "with_one_against"),
    [
        ((HELD, HELD), "held", "mixed"),
        ((HELD, UNSURE), "inconclusive", "inconclusive"),
        ((HELD, FAILED), "did not hold", "did not hold"),
        ((HELD, TOO_FEW), "too few bases", "too few bases"),
    ],
)
def test_a_claim_is_mixed_if_it_holds_and_a_benchmark_is_against_it(parts, alone, with_one_against):
    effects = dict(zip(("one", "other"), parts, strict=True))
    assert Claim("C3", effects).verdict == alone
    assert Claim("C3", effects, against=("worse",)).verdict == with_one_against


def test_a_part_by_role_is_the_effect_over_the_bases_of_the_mean_over_its_benchmarks():
    found = by_role(measure, {"better": "ID", "worse": "OOD", "much worse": "OOD"}, ("OOD", "ID"))
    assert list(found) == ["OOD", "ID"]
    assert found["ID"].effect == pytest.approx(0.11)
    assert found["OOD"].effect == pytest.approx((-0.11 - 0.51) / 2)
    assert {effect.bases for effect in found.values()} == {3}


def test_a_role_without_a_benchmark_is_no_part():
    assert list(by_role(measure, {"better": "OOD", "general": "GEN"}, ("ID", "OOD"))) == ["OOD"]


def test_every_benchmark_of_these_roles_has_an_effect_of_its_own():
    found = by_benchmark(measure, ROLES, ("ID", "GEN"))
    assert {name: effect.effect for name, effect in found.items()} == pytest.approx(
        {"much worse": -0.51, "general": -0.11}
    )
    assert {effect.bases for effect in found.values()} == {3}


@pytest.mark.parametrize(
    ("which", "against"),
    [
        (("OOD",), ("worse",)),
        (("ID",), ("much worse",)),
        (("ID", "OOD"), ("worse", "much worse")),
        (("ID", "OOD", "GEN"), ("worse", "much worse", "general")),
    ],
)
def test_against_are_the_benchmarks_of_these_roles_that_go_surely_and_clearly_the_other_way(which, against):
    assert benchmarks_against(measure, ROLES, which) == against


def test_a_table_of_claims_repeats_every_number_of_an_effect():
    found = as_table([Claim("C3", {"one": HELD, "other": UNSURE})])
    columns = "claim statement part effect low high bases runs p part_verdict verdict".split()
    assert found.to_dict("split")["columns"] == columns == list(COLUMNS)
    assert found.values.tolist() == [
        ["C3", STATEMENTS["C3"], "one", 0.1, 0.05, 0.15, 5, 6, 0.004, "held", "inconclusive"],
        ["C3", STATEMENTS["C3"], "other", 0.2, -0.1, 0.5, 3, 3, 0.2, "inconclusive", "inconclusive"],
    ]


def test_of_no_claims_there_is_an_empty_table_with_the_same_columns():
    found = as_table([])
    assert found.empty and list(found.columns) == list(COLUMNS)


def test_a_table_of_claims_says_each_part_s_verdict_and_the_claim_s():
    found = as_table(
        [
            Claim("C3", {"dip": HELD, "gain": FAILED}),
            Claim("C1", {"gain": HELD}, against=("worse",)),
        ]
    )
    assert found[["claim", "part", "part_verdict", "verdict"]].values.tolist() == [
        ["C3", "dip", "held", "did not hold"],
        ["C3", "gain", "did not hold", "did not hold"],
        ["C1", "gain", "held", "mixed"],
    ]


def test_a_claim_judged_for_a_role_says_so_in_its_statement():
    assert Claim("C3 OOD", {}).statement == f"OOD: {STATEMENTS['C3']}"
    assert Claim("C8", {}).statement == STATEMENTS["C8"]


def test_a_claim_that_is_not_the_paper_s_is_its_own_statement_and_has_its_rows_in_a_table():
    own = Claim("answers alone keep more general ability", {"GEN": UNSURE})
    assert own.statement == own.id
    found = as_table([own, Claim("C3", {"one": HELD})])
    assert found[["claim", "statement", "part", "verdict"]].values.tolist() == [
        [own.id, own.id, "GEN", "inconclusive"],
        ["C3", STATEMENTS["C3"], "one", "held"],
    ]
