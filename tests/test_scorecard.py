import math
import re

import pytest

from rsft_utils import figures, published_signs, scorecard, verdicts
from rsft_utils.claims.statements import STATEMENTS

COLUMNS = "claim statement micro effects bases runs notebook lora released published agree".split()
NOTEBOOKS = {
    **dict.fromkeys(range(1, 9), "01_dip_and_recovery"),
    **dict.fromkeys(range(9, 14), "02_data_quality_and_structure"),
    **dict.fromkeys(range(14, 17), "03_model_capability"),
    **dict.fromkeys(range(17, 19), "04_safety_asymmetry"),
}


@pytest.fixture(scope="module")
def signs():
    return published_signs.signs()


@pytest.fixture(autouse=True)
def signs_found_once(signs, monkeypatch):
    """Which way the paper's numbers point is the same in all tests."""
    monkeypatch.setattr(published_signs, "signs", lambda: signs)


def number(claim):
    return int(re.search(r"\d+", claim)[0])


def test_there_are_eighteen_claims_and_each_is_stated_in_words_of_its_own():
    assert list(STATEMENTS) == [f"C{place}" for place in range(1, 19)]
    assert len(set(STATEMENTS.values())) == 18
    assert all(len(statement.split()) > 4 for statement in STATEMENTS.values())


def test_every_claim_has_a_line_in_the_order_of_the_paper_and_is_judged_or_said_to_be_not_run(keep_arms):
    keep_arms("S", "S-one-epoch")
    card = scorecard.scorecard()
    assert card.columns.tolist() == COLUMNS
    numbers = card.claim.map(number).tolist()
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, 19))
    assert card.claim.tolist()[:6] == ["C1", "C2", "C3 ID", "C3 OOD", "C4 ID", "C4 OOD"]
    assert len(card) == 20 and card.claim.is_unique
    verdict = {claim.id: claim.verdict for claim in verdicts.judged()}
    assert verdict.keys() == {"C1", "C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C17"}
    for row in card.itertuples():
        assert row.micro == verdict.get(row.claim, "not run")
        assert bool(row.effects) == bool(row.bases) == bool(row.runs) == (row.claim in verdict)
        assert row.lora == row.released == "not run"


def test_without_runs_only_the_paper_s_own_numbers_speak(keep_arms):
    keep_arms()
    card = scorecard.scorecard().set_index("claim")
    assert card.index.tolist() == list(STATEMENTS)
    assert set(card.micro) == set(card.lora) == {"not run"}
    assert card.published["C6"] == "8 of 9 (Qwen3-14B)"
    for claim, reason in published_signs.NOT_PUBLIC.items():
        assert card.published[claim].endswith(reason)


def test_a_claim_is_stated_whether_it_was_run_or_not_and_for_a_role_where_it_is_judged_for_one(keep_arms):
    keep_arms()
    assert scorecard.scorecard().statement.tolist() == list(STATEMENTS.values())
    keep_arms("S")
    for row in scorecard.scorecard().itertuples():
        claim, _, role = row.claim.partition(" ")
        assert row.statement == (f"{role}: {STATEMENTS[claim]}" if role else STATEMENTS[claim])


def test_effects_are_points_with_their_interval(keep_arms):
    keep_arms("S")
    (gain,) = (claim.parts["gain"] for claim in verdicts.judged() if claim.id == "C3 OOD")
    (effects,) = scorecard.scorecard().query("claim == 'C3 OOD'").effects
    assert f"gain {100 * gain.effect:+.0f} ({100 * gain.low:.0f} to {100 * gain.high:.0f})" in effects


def test_a_line_says_how_many_bases_and_runs_stand_behind_it(keep_arms):
    keep_arms("S", "XS")
    card = scorecard.scorecard().set_index("claim")
    assert (card.bases["C3 OOD"], card.runs["C3 OOD"]) == (5, 5)
    assert (card.bases["C14"], card.runs["C14"]) == (3, 8)  # five runs of one size, three of the other
    assert (card.bases["C9"], card.runs["C9"]) == (0, 0)


def test_a_claim_belongs_to_the_notebook_of_its_finding(keep_arms):
    keep_arms("S", "S-nocot", "XS")
    card = scorecard.scorecard()
    assert card.notebook.tolist() == card.claim.map(lambda claim: NOTEBOOKS[number(claim)]).tolist()
    for notebook, finding in figures.FINDINGS.items():
        judged = [claim.id for claim in verdicts.judged([finding])]
        assert judged and set(card.set_index("claim").notebook[judged]) == {notebook}


# What other evidence says


def test_a_claim_that_is_judged_for_a_role_has_the_published_signs_of_that_role(keep_arms):
    keep_arms("S")
    card = scorecard.scorecard().set_index("claim")
    for claim, published, agree in (
        ("C3 ID", "0 of 2 (Qwen3-1.7B); 2 of 2 (Qwen3-4B)", 2 / 4),
        ("C3 OOD", "1 of 3 (Qwen3-1.7B); 2 of 3 (Qwen3-4B)", 3 / 6),
        ("C6", "8 of 9 (Qwen3-14B)", 8 / 9),  # judged for all its roles at once
    ):
        assert card.published[claim] == published
        assert card.agree[claim] == pytest.approx(agree)
    assert all(card.published[f"C4 {role}"].startswith("not public: ") for role in ("ID", "OOD"))


def test_the_share_that_agrees_is_of_the_benchmarks_of_all_models(keep_arms):
    keep_arms()
    agree = scorecard.scorecard().set_index("claim").agree
    wanted = {"C3": 9 / 15, "C6": 8 / 9, "C9": 21 / 27, "C12": 22 / 25, "C13": 6 / 10}
    assert agree[list(wanted)].to_dict() == pytest.approx(wanted)


def test_of_what_is_not_public_there_is_no_share(keep_arms):
    keep_arms()
    for row in scorecard.scorecard().itertuples():
        assert math.isnan(row.agree) == (row.claim in published_signs.NOT_PUBLIC)
        assert row.published.startswith("not public: ") == math.isnan(row.agree)


def test_lora_runs_have_their_verdict_in_the_line_of_the_claim_and_role(keep_arms):
    keep_arms("S", "XS-lora8")
    verdict = {claim.id: claim.verdict for claim in verdicts.judged_with_lora()}
    assert set(verdict) == {"C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C17"}
    for row in scorecard.scorecard().itertuples():
        assert row.lora == verdict.get(row.claim, "not run")
