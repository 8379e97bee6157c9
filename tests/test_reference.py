"""The arms of the reference runs: what each changes, its seeds and bases."""

import re
from dataclasses import asdict

import pytest

from rsft_utils import paths, reference
from rsft_utils.comparisons import COMPARISONS
from rsft_utils.micro import sft_data
from rsft_utils.micro.symbols import END
from rsft_utils.specs import BASE_SEEDS, LEARNING_RATES, default_spec

FULL, LORA = LEARNING_RATES["full"], LEARNING_RATES["lora"]
CONSTANT = {"schedule": "constant", "epochs": 16}
# what an arm's name says that it changes of the default run of its size
CHANGES = {
    "S": {},
    "S-one-epoch": {"epochs": 1},
    "S-slow-one-epoch": {"epochs": 1, "learning_rate": FULL["S"] / 5},
    "S-slow-two-epochs": {"epochs": 2, "learning_rate": FULL["S"] / 5},
    "S-teacher2": {"dataset": "math-cot-teacher2"},
    "XS": {},
    "XS-one-pass": {"n_rows": 8 * 2560, "epochs": 1},
    "XS-diverse": {"n_rows": 8 * 2560, "batch_size": 8 * 32},
    "XS-sixteen-epochs": {"epochs": 16},
    "XS-constant-rate": CONSTANT,
    "XS-aggressive": {**CONSTANT, "learning_rate": 2 * FULL["XS"]},
    "XS-no-warm-up": {"warmup": 0.0},
    "XS-long-warm-up": {"warmup": 0.3},
    "XS-lora8": {"method": "lora", "lora_rank": 8, "learning_rate": 2 * LORA["XS"]},
    "XS-lora64": {"method": "lora", "lora_rank": 64, "learning_rate": LORA["XS"]},
    "XS-calm": {"world": "calm"},
    "XS-own-samples": {"dataset": "own-samples"},
    "XS-answer-only": {"dataset": "math-answer"},
    "XS-mirror": {"world": "mirror"},
    "XS-qwen2": {"world": "qwen2"},
    "S-numina-like": {"dataset": "math-numina-like"},
    "S-nocot": {"dataset": "math-nocot"},
    "S-countdown": {"dataset": "countdown-cot"},
    "S-answer-only": {"dataset": "math-answer"},
    "S-wrong-cot": {"dataset": "math-cot-wrong"},
    "S-wrong-answer": {"dataset": "math-answer-wrong"},
    "S-corrupted": {"dataset": "math-cot-corrupted"},
    "S-empty": {"dataset": "math-cot-empty"},
    "S-two-epochs": {"epochs": 2},
    "S-half-epoch": {"n_rows": 2560 // 2, "epochs": 1},
    "S-sparse": {"world": "sparse"},
    "S-qwen2": {"world": "qwen2"},
    "XS-countdown": {"dataset": "countdown-cot"},
    "XS-replay1": {"dataset": "math-cot-replay1"},
    "XS-replay5": {"dataset": "math-cot-replay5"},
    "XS-constant-replay5": {**CONSTANT, "dataset": "math-cot-replay5"},
}
# Arms of the addendum, which says for them "size S, bases 1 to 3, except where said"
ADDED = list(CHANGES)[list(CHANGES).index("S-numina-like") :]
DEVELOPMENT_SEEDS = {*range(10), 1000}
every_arm = pytest.mark.parametrize("arm", reference.arms())


def preregistered(text: str) -> list[str]:
    """Cells of the table row of PREREG.md that begins with the text."""
    lines = (paths.NOTEBOOKS / "PREREG.md").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {text}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_arm_says_in_its_name_what_it_changes():
    assert set(reference.arms()) == set(CHANGES)


@every_arm
def test_an_arm_differs_from_the_default_in_what_its_name_says_and_in_nothing_else(arm):
    for spec in reference.arms()[arm]:
        default = asdict(default_spec(arm.split("-")[0], seed=spec.seed, base_seed=spec.base_seed))
        changed = {key: value for key, value in asdict(spec).items() if value != default[key]}
        assert changed == pytest.approx(CHANGES[arm])


def test_the_default_is_that_of_the_preregistration():
    for size in ("XS", "S"):
        spec = default_spec(size)
        assert (spec.dataset, spec.n_rows, spec.epochs, spec.batch_size) == ("math-cot", 2560, 8, 32)
        assert (spec.schedule, spec.warmup, spec.method, spec.world) == ("cosine", 0.1, "full", "main")
        assert (spec.n_items, spec.n_items_ends) == (200, 500)


def test_all_that_is_compared_at_equal_steps_has_equal_steps():
    steps = {arm: {spec.total_steps for spec in specs} for arm, specs in reference.arms().items()}
    assert steps["XS"] == steps["XS-one-pass"] == steps["XS-diverse"] == steps["S"] == {640}
    shown = {arm for arms, _ in COMPARISONS["02_data_quality_and_structure"].values() for arm in arms.values()}
    assert all(steps[arm] == {640} for arm in shown - {"S-two-epochs", "S-half-epoch"})


@every_arm
def test_run_seed_100_and_i_starts_from_base_i_and_nothing_was_developed_on_it(arm):
    specs = reference.arms()[arm]
    assert [spec.seed for spec in specs] == [100 + spec.base_seed for spec in specs]
    assert not {spec.seed for spec in specs} & DEVELOPMENT_SEEDS
    assert 0 not in {spec.base_seed for spec in specs}
    assert len({spec.base for spec in specs}) == len(specs) >= 3


@pytest.mark.parametrize("arm", [arm for arm in reference.arms() if arm not in ADDED])
def test_the_seeds_are_those_of_the_preregistration(arm):
    rows = {"S": "size S, default", "S-teacher2": "size S, second teacher", "XS": "size XS, everything else"}
    row = rows.get(arm) or rows[arm.split("-")[0]]
    _, bases, seeds, items = preregistered(row)
    specs = reference.arms()[arm]
    for text, values in ((bases, [s.base_seed for s in specs]), (seeds, [s.seed for s in specs])):
        first, last = map(int, re.findall(r"\d+", text)[:2])
        assert values == list(range(first, last + 1))
    assert {f"{spec.n_items}, {spec.n_items_ends} at both ends" for spec in specs} == {items}


@pytest.mark.parametrize("arm", ADDED)
def test_the_seeds_of_the_arms_that_were_added_are_those_of_the_addendum(arm):
    addendum = (paths.NOTEBOOKS / "PREREG.md").read_text().partition("## Addendum")[2].replace("\n", " ")
    assert "Arms (size S, bases 1 to 3, except where said): Numina-like (five bases: endpoint 2)" in addendum
    last = 5 if arm == "S-numina-like" else 3
    specs = reference.arms()[arm]
    assert [(spec.base_seed, spec.seed) for spec in specs] == [(seed, 100 + seed) for seed in range(1, last + 1)]
    assert {(spec.n_items, spec.n_items_ends) for spec in specs} == {(200, 500)}


def loss_tokens(arm: str) -> list[int]:
    """Symbols that the loss of every run of an arm is over: completions and their ends, in all epochs."""
    return [
        spec.epochs * sum(len(f"{row['completion'][0]['content']} {END}".split()) for row in rows)
        for spec in reference.arms()[arm]
        for rows in [sft_data.rows(spec.dataset, spec.n_rows, spec.seed)]
    ]


@pytest.mark.parametrize(
    ("short", "other", "within"), [("S-two-epochs", "S-nocot", 0.10), ("S-half-epoch", "S-answer-only", 0.25)]
)
def test_a_short_run_with_traces_sees_as_many_loss_tokens_as_a_long_one_without(short, other, within):
    for tokens, wanted in zip(loss_tokens(short), loss_tokens(other), strict=True):
        assert tokens == pytest.approx(wanted, rel=within)
    steps = {arm: {spec.total_steps for spec in reference.arms()[arm]} for arm in (short, other)}
    assert steps == {short: {160 if short == "S-two-epochs" else 40}, other: {640}}


def test_an_arm_of_another_world_runs_on_those_report_seeds_whose_base_the_world_has(monkeypatch):
    monkeypatch.setitem(BASE_SEEDS, ("S", "sparse"), (2, 4, 9))
    assert [spec.base for spec in reference.arms()["S-sparse"]] == ["S-sparse-seed2", "S-sparse-seed4"]
    assert [spec.base_seed for spec in reference.arms()["S-qwen2"]] == [1, 2, 3]


def test_development_seeds_are_those_of_the_preregistration():
    text = (paths.NOTEBOOKS / "PREREG.md").read_text()
    assert "Seeds 0 to 9 and 1000 are development seeds" in text


def test_no_two_arms_are_the_same_run():
    names = [spec.name for specs in reference.arms().values() for spec in specs]
    assert len(names) == len(set(names))


def test_one_base_of_each_size_is_measured_untrained_and_those_that_refuse_nothing():
    assert reference.UNTRAINED == {
        "bases": ["XS-seed0", "S-seed0"],
        "S-unaligned": ["S-unaligned-seed1", "S-unaligned-seed2"],
    }
