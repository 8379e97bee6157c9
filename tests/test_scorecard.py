import re

from rsft_utils import published_signs, scorecard, verdicts


def test_every_claim_has_a_line_in_the_order_of_the_paper_and_is_judged_or_said_to_be_not_run(keep_arms):
    keep_arms("S", "S-one-epoch")
    card = scorecard.scorecard()
    numbers = [int(re.search(r"\d+", claim)[0]) for claim in card.claim]
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, 19))
    verdict = {claim.id: claim.verdict for claim in verdicts.judged()}
    assert verdict.keys() == {"C1", "C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C17"}
    for row in card.itertuples():
        assert row.micro == verdict.get(row.claim, "not run")
        assert bool(row.effects) == bool(row.bases) == (row.claim in verdict)
        assert row.lora == row.released == "not run"


def test_without_runs_only_the_paper_s_own_numbers_speak(keep_arms):
    keep_arms()
    card = scorecard.scorecard().set_index("claim")
    assert set(card.micro) == {"not run"}
    assert card.published["C6"] == "8 of 9 (Qwen3-14B)"
    for claim, reason in published_signs.NOT_PUBLIC.items():
        assert card.published[claim].endswith(reason)


def test_effects_are_points_with_their_interval(keep_arms):
    keep_arms("S")
    (gain,) = (claim.parts["gain"] for claim in verdicts.judged() if claim.id == "C3 OOD")
    (effects,) = scorecard.scorecard().query("claim == 'C3 OOD'").effects
    assert f"gain {100 * gain.effect:+.0f} ({100 * gain.low:.0f} to {100 * gain.high:.0f})" in effects
