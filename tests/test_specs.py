import os
import re
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft_utils import paths, specs
from rsft_utils.specs import BASE_SEEDS, DATASETS, SIZES, RunSpec, default_spec, seed_specs

# one other value for every field (lora_rank and method go together)
OTHERS = {
    "size": {"size": "M"},
    "base_seed": {"base_seed": 1},
    "dataset": {"dataset": "countdown-cot"},
    "n_rows": {"n_rows": 1280},
    "method": {"method": "lora", "lora_rank": 16},
    "learning_rate": {"learning_rate": 1.0004e-4},
    "epochs": {"epochs": 2},
    "batch_size": {"batch_size": 16},
    "warmup": {"warmup": 0.0},
    "lora_rank": {"method": "lora", "lora_rank": 8},
    "seed": {"seed": 1},
    "n_items": {"n_items": 100},
    "n_items_ends": {"n_items_ends": 400},
}


@pytest.fixture(scope="module", autouse=True)
def several_bases_of_a_size():
    """The rules are those for any number of shipped bases, whatever is shipped today."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BASE_SEEDS, "XS", 3)
        patch.setitem(BASE_SEEDS, "S", 3)
        yield


@st.composite
def run_specs(draw):
    size = draw(st.sampled_from(SIZES))
    method = draw(st.sampled_from(("full", "lora")))
    batch_size = draw(st.sampled_from((1, 8, 32)))
    n_items = draw(st.integers(1, 300))
    return RunSpec(
        size=size,
        base_seed=draw(st.integers(0, BASE_SEEDS[size] - 1)),
        dataset=draw(st.sampled_from(DATASETS)),
        n_rows=batch_size * draw(st.integers(1, 100)),
        method=method,
        learning_rate=draw(st.floats(1e-6, 0.1)),
        epochs=draw(st.integers(1, 20)),
        batch_size=batch_size,
        warmup=draw(st.floats(0, 0.9)),
        lora_rank=draw(st.integers(1, 64)) if method == "lora" else 0,
        seed=draw(st.integers(0, 99)),
        n_items=n_items,
        n_items_ends=n_items + draw(st.integers(0, 300)),
    )


def test_the_default_run_has_the_name_of_the_papers_style():
    assert RunSpec().name == "micro-s0_math-cot-2560_lr1e-3_ep8_bs32_seed0"


def test_a_name_shows_what_is_not_the_default():
    spec = RunSpec(
        size="XS", base_seed=2, method="lora", lora_rank=16, learning_rate=2.5e-3, warmup=0.2, n_items=4, n_items_ends=9
    )
    assert spec.name == "micro-xs2_math-cot-2560_lora16_lr2.5e-3_ep8_bs32_wu0.2_seed0_n4-9"


@given(run_specs())
def test_a_name_is_a_plain_file_name(spec):
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{,120}", spec.name)


@given(run_specs(), run_specs())
def test_two_specs_share_name_and_key_only_if_they_are_equal(one, other):
    same = (one.name, one.key("data")) == (other.name, other.key("data"))
    assert same == (one == other)


def test_every_field_changes_the_key():
    assert set(OTHERS) == {field.name for field in fields(RunSpec)}
    first = RunSpec()
    keys = {name: replace(first, **changes).key("data") for name, changes in OTHERS.items()}
    assert len({first.key("data"), *keys.values()}) == len(OTHERS) + 1


def test_a_visible_change_shows_in_the_name():
    names = [replace(RunSpec(), **changes).name for field, changes in OTHERS.items() if field != "learning_rate"]
    assert len({RunSpec().name, *names}) == len(OTHERS)
    assert replace(RunSpec(), learning_rate=2e-4).name != RunSpec().name


def test_data_and_versions_of_the_procedure_change_the_key(monkeypatch):
    first = RunSpec().key("data")
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert RunSpec().key("other data") != first
    for version in ("TRAINING_VERSION", "EVALUATION_VERSION"):
        with monkeypatch.context() as patch:
            patch.setattr(specs, version, getattr(specs, version) + 1)
            assert RunSpec().key("data") != first


def test_equal_specs_have_equal_keys():
    assert RunSpec(warmup=0) == RunSpec(warmup=0.0)
    assert RunSpec(warmup=0).key("data") == RunSpec(warmup=0.0).key("data")


def test_the_key_is_the_same_in_another_process():
    code = "from rsft_utils.specs import RunSpec; print(RunSpec(size='XS', seed=3).key('data'))"
    found = {
        subprocess.check_output(
            [sys.executable, "-c", code], text=True, cwd=paths.ROOT, env={**os.environ, "PYTHONHASHSEED": seed}
        ).strip()
        for seed in ("1", "2")
    }
    assert found == {RunSpec(size="XS", seed=3).key("data")}


def test_the_default_schedule_is_evaluated_at_the_papers_steps_and_early_ones():
    assert RunSpec().total_steps == 640
    assert RunSpec().steps == (0, 2, 5, 10, 20, 30, 40, 60, 80, 160, 320, 480, 640)


def test_a_schedule_twice_as_long_has_the_papers_later_steps():
    assert RunSpec(epochs=16).steps == (*RunSpec().steps, 800, 960, 1120, 1280)


@given(run_specs())
def test_base_and_last_step_are_always_evaluated_and_steps_rise(spec):
    assert spec.steps[0] == 0
    assert spec.steps[-1] == spec.total_steps == spec.n_rows * spec.epochs / spec.batch_size
    assert list(spec.steps) == sorted(set(spec.steps))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": "XL"}, "size is 'XL'; allowed: XS, S, M"),
        ({"size": ["S"]}, "size is .*; allowed: XS, S, M"),
        ({"dataset": "math"}, "dataset is 'math'; allowed: math-cot, math-nocot, countdown-cot"),
        ({"method": "qlora"}, "method is 'qlora'; allowed: full, lora"),
        ({"base_seed": 3}, "base_seed is 3; allowed: 0, 1, 2"),
        ({"base_seed": True}, "base_seed is True; allowed: 0, 1, 2"),
        ({"base_seed": 1.0}, "base_seed is 1.0; allowed: a whole number"),
        ({"size": "M", "base_seed": 1}, "base_seed is 1; allowed: 0"),
        ({"n_rows": 0}, "n_rows is 0; allowed: a whole number, 1 or more"),
        ({"n_rows": 2560.0}, "n_rows is 2560.0; allowed: a whole number"),
        ({"n_rows": 100}, r"n_rows \(100\) must be a multiple of batch_size \(32\)"),
        ({"epochs": 0}, "epochs is 0; allowed: a whole number, 1 or more"),
        ({"epochs": True}, "epochs is True; allowed: a whole number"),
        ({"batch_size": -32}, "batch_size is -32; allowed: a whole number, 1 or more"),
        ({"n_items": "200"}, "n_items is '200'; allowed: a whole number"),
        ({"n_items": 0}, "n_items is 0; allowed: a whole number, 1 or more"),
        ({"n_items_ends": 199}, r"n_items_ends \(199\) must not be smaller than n_items \(200\)"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; allowed: a number between 0 and 1"),
        ({"learning_rate": 1}, "learning_rate is 1; allowed: a number between 0 and 1"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; allowed: a number between 0 and 1"),
        ({"learning_rate": "1e-4"}, "learning_rate is '1e-4'; allowed: a number between 0 and 1"),
        ({"warmup": 1.0}, "warmup is 1.0; allowed: a share of the steps"),
        ({"warmup": -0.1}, "warmup is -0.1; allowed: a share of the steps"),
        ({"warmup": "0.1"}, "warmup is '0.1'; allowed: a share of the steps"),
        ({"seed": -1}, "seed is -1; allowed: a whole number, 0 or more"),
        ({"seed": 0.5}, "seed is 0.5; allowed: a whole number, 0 or more"),
        ({"method": "lora"}, "lora needs 1 or more"),
        ({"lora_rank": 8}, "full 0"),
        ({"method": "lora", "lora_rank": 8.0}, "lora_rank is 8.0; allowed: a whole number"),
    ],
)
def test_a_bad_value_is_refused_and_the_allowed_named(changes, said):
    with pytest.raises(ValueError, match=said):
        RunSpec(**changes)


@pytest.mark.parametrize("size", SIZES)
def test_the_default_spec_of_a_size_and_method_has_its_own_rate(size):
    full, lora = default_spec(size), default_spec(size, "lora")
    assert (full.learning_rate, full.lora_rank) == (specs.LEARNING_RATES["full"][size], 0)
    assert (lora.learning_rate, lora.lora_rank) == (specs.LEARNING_RATES["lora"][size], 16)
    assert full.total_steps == lora.total_steps == 640
    assert default_spec(size, learning_rate=0.5).learning_rate == 0.5


def test_the_default_spec_refuses_unknown_sizes_and_methods():
    with pytest.raises(ValueError, match="allowed: XS, S, M"):
        default_spec("XL")
    with pytest.raises(ValueError, match="allowed: full, lora"):
        default_spec("S", "qlora")


def test_seeds_go_through_the_bases_of_a_size():
    assert [(spec.seed, spec.base_seed) for spec in seed_specs("XS", 4)] == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert [(spec.seed, spec.base_seed) for spec in seed_specs("M", 2)] == [(0, 0), (1, 0)]
    assert {spec.epochs for spec in seed_specs("S", 2, epochs=1)} == {1}


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "2", True])
def test_seeds_are_a_whole_number(seeds):
    with pytest.raises(ValueError, match=r"seeds is .*; allowed: a whole number, 1 or more"):
        seed_specs("S", seeds)
