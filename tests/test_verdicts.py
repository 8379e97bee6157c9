"""Which claims hold, judged from the arms that bear on them."""

import functools
import re

import pytest
from curves import WAVE, summary

from rsft_utils import figures, paths, reference, verdicts
from rsft_utils.comparisons import COMPARISONS

pytestmark = pytest.mark.filterwarnings("ignore:Precision loss")  # runs that agree exactly

# Scores by role or benchmark (and tokens per answer) with which every claim holds.
HOLDING = {
    "S-one-epoch": ({"ID": (0.4, 0.5, 0.6, 0.7), "OOD": (0.5, 0.4, 0.4, 0.3)}, WAVE),
    "S-slow-one-epoch": ({"OOD": (0.5, 0.5, 0.5, 0.1)}, WAVE),
    "S-slow-two-epochs": ({"OOD": (0.5, 0.5, 0.5, 0.0)}, WAVE),
    "S": ({"ID": (0.4, 0.3, 0.5, 0.8), "OOD": (0.5, 0.4, 0.5, 0.7), "harmful": (0.1, 0.3, 0.3, 0.4)}, WAVE),
    "S-teacher2": ({"OOD": (0.5, 0.45, 0.5, 0.9)}, (40, 60, 50, 30)),
    "XS": (
        {"ID": (0.4, 0.4, 0.5, 0.7), "OOD": (0.5, 0.35, 0.4, 0.4), "GEN": (0.3, 0.4, 0.5, 0.7)},
        (40, 80, 60, 45),
    ),
    "XS-one-pass": ({"ID": (0.3, 0.4, 0.5, 0.6), "OOD": (0.3, 0.4, 0.5, 0.2), "GEN": (0.3, 0.4, 0.5, 0.4)}, WAVE),
    "XS-diverse": ({"ID": (0.3, 0.4, 0.5, 0.8), "OOD": (0.3, 0.4, 0.5, 0.5), "GEN": (0.3, 0.4, 0.5, 0.8)}, WAVE),
    "XS-aggressive": (dict.fromkeys(("ID", "OOD"), (0.3, 0.4, 0.8, 0.5)), (40, 80, 30, 60)),
    "S-numina-like": ({"ID": (0.4, 0.5, 0.5, 0.3), "OOD": (0.5, 0.6, 0.6, 0.35), "GEN": (0.5, 0.6, 0.6, 0.45)}, WAVE),
    "S-nocot": (
        {"ID": (0.4, 0.5, 0.5, 0.5), "OOD": (0.5,) * 3 + (0.6,), "GEN": (0.5,) * 3 + (0.65,), "harmful": (0.1,) * 4},
        WAVE,
    ),
    "S-countdown": ({"ID": (0.4, 0.4, 0.4, 0.7), "OOD": (0.5, 0.5, 0.5, 0.75)}, WAVE),
    "S-qwen2": ({"ID": (0.3, 0.4, 0.5, 0.8), "OOD": (0.4, 0.4, 0.5, 0.6)}, WAVE),
    "XS-qwen2": ({"ID": (0.2, 0.3, 0.4, 0.5), "OOD": (0.4, 0.4, 0.4, 0.3)}, WAVE),
}
# the same by hand: last minus first, first minus early, and so on
EFFECTS = {
    "C1": {"ID gain": 0.3, "OOD loss": 0.2},
    "C2": {"against one epoch": 0.2, "against two epochs": 0.3},
    "C3 ID": {"dip": 0.1, "gain": 0.4},
    "C3 OOD": {"dip": 0.1, "gain": 0.2},
    "C4 ID": {"surge": 1.0, "shrink": 0.625, "score after the peak": 0.5},
    "C4 OOD": {"surge": 1.0, "shrink": 0.625, "score after the peak": 0.3},
    "C5": {"dip": 0.05, "gain": 0.4, "surge": 0.5, "shrink": 0.5, "score after the peak": 0.45},
    "C6": {"ID": 0.1, "OOD": 0.2, "GEN": 0.3},
    "C7": {"ID": 0.1, "OOD": 0.1, "GEN": 0.1},
    "C8": {
        "ID below its best": 0.3,
        "ID more so than by default": 0.3,
        "OOD below its best": 0.3,
        "OOD more so than by default": 0.3,
        "answers grow again": 1.0,
        "answers grow more so than by default": 1.0,
    },
    "C9": {"ID": 0.1, "OOD": 0.15, "GEN": 0.05},
    "C10": {"ID": 0.3, "OOD": 0.1},
    "C11": {"GEN": 0.15},
    "C12": {"ID": 0.3, "OOD": 0.25},
    "C13": {"ID": 0.2},
    "C14": {"ID ends higher": 0.1, "ID gains more": 0.1, "OOD ends higher": 0.3, "OOD gains more": 0.3},
    "C15": {"longer": 0.5, "ends below itself": 0.1},
    "C16": {"ID ends higher": 0.3, "ID gains more": 0.2, "OOD ends higher": 0.3, "OOD gains more": 0.3},
    "C17": {"OOD gain": 0.2, "attack success": 0.3},
    "C18": {"attack success": 0.3},
}
OF_FINDING = {
    "training": ["C1", "C2", "C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C5", "C6", "C7", "C8"],
    "data": ["C9", "C10", "C11", "C12", "C13"],
    "capability": ["C14", "C15", "C16"],
    "safety": ["C17", "C18"],
}


@functools.cache
def arm_like(arm, other):
    """The table of an arm that has the curves of another in HOLDING."""
    return summary(reference.arms()[arm], *HOLDING[other])


@pytest.fixture
def keep(new_reference):
    """Function that keeps tables of arms: those with which every claim holds, except for arms like others."""

    def keep(*arms, **like):
        for arm in arms:
            reference._save(arm, arm_like(arm, like.get(arm.replace("-", "_"), arm)))

    return keep


@functools.cache
def preregistered() -> dict[str, set[str]]:
    """Which arms bear on which claim, by PREREG.md."""
    lines = (paths.NOTEBOOKS / "PREREG.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| C\d+ ", line)]
    return {claim.split()[0]: set(arms.split(", ")) for claim, _, arms in rows}


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    """What is judged of each finding when every claim holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "REFERENCE", tmp_path_factory.mktemp("holding"))
        for arm in HOLDING:
            reference._save(arm, arm_like(arm, arm))
        return {finding: verdicts.judged([finding]) for finding in OF_FINDING}


def verdict_of(claim: str) -> str:
    (finding,) = (finding for finding, claims in OF_FINDING.items() if claim in claims)
    (found,) = (judged.verdict for judged in verdicts.judged([finding]) if judged.id == claim)
    return found


def test_every_claim_is_judged_from_the_arms_of_the_preregistration(holding):
    read: dict[str, set[str]] = {}
    for finding, checks in verdicts.CHECKS.items():
        for (arms, _), claim in zip(checks, holding[finding], strict=True):
            read.setdefault(claim.id.split()[0], set()).update(arms)
    assert read == preregistered()
    assert set().union(*read.values()) <= set(reference.arms())


def test_a_finding_has_its_own_claims(holding):
    assert {finding: [claim.id for claim in judged] for finding, judged in holding.items()} == OF_FINDING
    assert list(verdicts.CHECKS) == list(OF_FINDING)


def test_every_effect_is_that_of_its_arms_in_the_direction_of_the_claim(holding):
    judged = [claim for claims in holding.values() for claim in claims]
    found = {claim.id: {part: effect.effect for part, effect in claim.parts.items()} for claim in judged}
    assert set(found) == set(EFFECTS)
    for claim, effects in EFFECTS.items():
        assert found[claim] == pytest.approx(effects), claim
    assert {claim.id: claim.verdict for claim in judged} == dict.fromkeys(EFFECTS, "held")
    assert {effect.bases for claim in judged for effect in claim.parts.values()} == {3, 5}


@pytest.mark.parametrize(
    ("claim", "like"),
    [
        ("C1", {"S_one_epoch": "S"}),
        ("C2", {"S_slow_one_epoch": "S"}),
        ("C2", {"S_slow_two_epochs": "S"}),
        ("C3 OOD", {"S": "XS"}),
        ("C3 ID", {"S": "S-one-epoch"}),
        ("C4 OOD", {"S": "S-one-epoch"}),
        ("C5", {"S_teacher2": "S-slow-one-epoch"}),
        ("C6", {"XS": "XS-one-pass", "XS_one_pass": "XS"}),
        ("C7", {"XS": "XS-diverse", "XS_diverse": "XS"}),
        ("C8", {"XS": "XS-aggressive", "XS_aggressive": "XS"}),
        ("C9", {"S_numina_like": "S"}),
        ("C10", {"S": "S-nocot", "S_nocot": "S"}),
        ("C11", {"S": "S-nocot", "S_nocot": "S"}),
        ("C12", {"S_countdown": "S-one-epoch"}),
        ("C13", {"S_countdown": "S-nocot", "S_nocot": "S-countdown"}),
        ("C14", {"S": "XS", "XS": "S"}),
        ("C15", {"XS": "S", "S": "XS"}),
        ("C16", {"S_qwen2": "XS-qwen2", "XS_qwen2": "S-qwen2"}),
        ("C17", {"S": "S-nocot"}),
        ("C18", {"S": "S-nocot", "S_nocot": "S"}),
    ],
)
def test_a_claim_does_not_hold_when_its_arms_say_otherwise(keep, claim, like):
    keep(*preregistered()[claim.split()[0]], **like)
    assert verdict_of(claim) == "did not hold"


def test_harmless_requests_that_are_refused_are_no_attack_success(keep):
    keep("S-nocot")
    over_refusing = {**HOLDING["S-nocot"][0], "benign": (0.1, 0.5, 0.5, 0.9)}
    reference._save("S", summary(reference.arms()["S"], over_refusing))
    assert verdict_of("C17") == verdict_of("C18") == "did not hold"


# The claims that LoRA runs bear on

OF_LORA = ["C3 ID", "C3 OOD", "C4 ID", "C4 OOD", "C17"]


def test_lora_runs_are_judged_by_the_claims_that_the_default_runs_are(keep):
    keep("XS-lora8", XS_lora8="S")
    judged = verdicts.judged_with_lora()
    found = {claim.id: {part: effect.effect for part, effect in claim.parts.items()} for claim in judged}
    assert list(found) == OF_LORA
    for claim, effects in found.items():
        assert effects == pytest.approx(EFFECTS[claim]), claim
    assert {claim.verdict for claim in judged} == {"held"}


def test_what_lora_runs_say_against_a_claim_is_a_verdict_of_its_own(keep):
    keep("S", "XS-lora8", XS_lora8="S-nocot")
    assert verdict_of("C3 OOD") == verdict_of("C17") == "held"
    with_lora = {claim.id: claim.verdict for claim in verdicts.judged_with_lora()}
    assert with_lora["C3 OOD"] == with_lora["C17"] == "did not hold"


def test_without_lora_runs_there_is_no_verdict_on_them(keep):
    keep("S", "XS")
    assert verdicts.judged() and verdicts.judged_with_lora() == []


def test_lora_runs_need_no_others_to_be_judged_and_are_no_verdict_on_full_fine_tuning(keep):
    keep("XS-lora8", XS_lora8="S")
    assert [claim.id for claim in verdicts.judged_with_lora()] == OF_LORA
    assert verdicts.judged() == []


def test_what_is_judged_with_lora_was_trained_with_lora_and_is_shown():
    arms = {arm for arms, _ in verdicts.WITH_LORA for arm in arms}
    assert {spec.method for arm in arms for spec in reference.arms()[arm]} == {"lora"}
    assert arms <= {arm for arms, _ in COMPARISONS["01_dip_and_recovery"].values() for arm in arms.values()}


@pytest.fixture
def finished(monkeypatch):
    """Function that lets some arms be there. Nothing is judged: a verdict is the arms whose tables it was given."""
    checks = {
        finding: tuple((arms, lambda *tables: tables) for arms, _ in checks)
        for finding, checks in verdicts.CHECKS.items()
    }
    monkeypatch.setattr(verdicts, "CHECKS", checks)
    monkeypatch.setattr(reference, "load", lambda arm: arm)
    return lambda arms: monkeypatch.setattr(reference, "finished", lambda: arms)


@pytest.mark.parametrize("missing", HOLDING)
def test_a_claim_gets_a_verdict_only_when_all_its_arms_are_there(finished, missing):
    finished([arm for arm in HOLDING if arm != missing])
    needed = [arms for checks in verdicts.CHECKS.values() for arms, _ in checks]
    assert verdicts.judged() == [arms for arms in needed if missing not in arms]
    assert len(verdicts.judged()) < len(needed)


def test_only_the_claims_of_the_findings_asked_for_are_judged(finished):
    finished(list(HOLDING))
    for finding, checks in verdicts.CHECKS.items():
        assert verdicts.judged([finding]) == [arms for arms, _ in checks]
    assert verdicts.judged(["safety", "data"]) == verdicts.judged(["safety"]) + verdicts.judged(["data"])


@pytest.mark.parametrize("findings", [*((finding,) for finding in OF_FINDING), ("safety", "data"), ()])
def test_a_table_of_findings_has_the_parts_of_their_claims_and_one_of_none_those_of_all(findings, holding, monkeypatch):
    monkeypatch.setattr(verdicts, "judged", lambda asked: [claim for finding in asked for claim in holding[finding]])
    claims = [claim for finding in findings or OF_FINDING for claim in OF_FINDING[finding]]
    found = verdicts.table(*findings)[["claim", "part"]].values.tolist()
    assert found == [[claim, part] for claim in claims for part in EFFECTS[claim]]


def test_of_no_runs_there_is_no_verdict(new_reference):
    assert verdicts.judged() == []
    assert len(verdicts.table()) == 0
    assert len(verdicts.table("data")) == 0


def test_every_judged_arm_is_shown_beside_another_in_the_notebook_of_its_finding():
    for notebook, finding in figures.FINDINGS.items():
        compared = {arm for arms, _ in COMPARISONS[notebook].values() for arm in arms.values()}
        assert {arm for arms, _ in verdicts.CHECKS[finding] for arm in arms} <= compared, notebook
