import os
import re
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsft_utils import paths, specs
from rsft_utils.recipe import SCHEDULES
from rsft_utils.specs import DATASETS, SIZES, WORLDS, RunSpec, base_name, default_spec, seed_specs

SHIPPED = dict(specs.BASE_SEEDS)
FIRST = RunSpec(size="XS", base_seed=2)
# one other value for every field (lora_rank and method go together)
OTHERS = {
    "size": {"size": "S"},
    "world": {"world": "calm"},
    "base_seed": {"base_seed": 1},
    "dataset": {"dataset": "countdown-cot"},
    "n_rows": {"n_rows": 1280},
    "method": {"method": "lora", "lora_rank": 16},
    "learning_rate": {"learning_rate": 1.0004e-4},
    "schedule": {"schedule": "constant"},
    "epochs": {"epochs": 2},
    "batch_size": {"batch_size": 16},
    "warmup": {"warmup": 0.0},
    "lora_rank": {"method": "lora", "lora_rank": 8},
    "seed": {"seed": 1},
    "n_items": {"n_items": 100},
    "n_items_ends": {"n_items_ends": 400},
}


@pytest.fixture(scope="module", autouse=True)
def a_few_bases():
    """The rules are those for any shipped bases, whatever is shipped today."""
    with pytest.MonkeyPatch.context() as patch:
        bases = {("XS", "main"): (0, 1, 2), ("S", "main"): (0, 2, 5), ("XS", "calm"): (1, 2), ("XS", "mirror"): (1,)}
        patch.setattr(specs, "BASE_SEEDS", bases)
        yield


@st.composite
def run_specs(draw):
    size, world = draw(st.sampled_from(list(specs.BASE_SEEDS)))
    method = draw(st.sampled_from(("full", "lora")))
    batch_size = draw(st.sampled_from((1, 8, 32)))
    n_items = draw(st.integers(1, 300))
    return RunSpec(
        size=size,
        world=world,
        base_seed=draw(st.sampled_from(specs.BASE_SEEDS[size, world])),
        dataset=draw(st.sampled_from(DATASETS)),
        n_rows=batch_size * draw(st.integers(1, 100)),
        method=method,
        learning_rate=draw(st.floats(1e-6, 0.1)),
        schedule=draw(st.sampled_from(SCHEDULES)),
        epochs=draw(st.integers(1, 20)),
        batch_size=batch_size,
        warmup=draw(st.floats(0, 0.9)),
        lora_rank=draw(st.integers(1, 64)) if method == "lora" else 0,
        seed=draw(st.integers(0, 99)),
        n_items=n_items,
        n_items_ends=n_items + draw(st.integers(0, 300)),
    )


def test_the_default_run_has_the_name_of_the_papers_style():
    assert RunSpec().name == "micro-s0_math-cot-2560_lr1e-4_ep8_bs32_seed0"


def test_a_name_shows_what_is_not_the_default():
    spec = RunSpec(
        size="XS", base_seed=2, method="lora", lora_rank=16, learning_rate=2.5e-3, warmup=0.2, n_items=4, n_items_ends=9
    )
    assert spec.name == "micro-xs2_math-cot-2560_lora16_lr2.5e-3_ep8_bs32_wu0.2_seed0_n4-9"


def test_a_name_shows_another_world_and_another_schedule():
    spec = RunSpec(size="XS", world="calm", base_seed=2, dataset="own-samples", schedule="constant", warmup=0.0)
    assert spec.name == "micro-xs2-calm_own-samples-2560_lr1e-4_ep8_bs32_constant_wu0_seed0"


@given(run_specs())
def test_a_name_is_a_plain_file_name(spec):
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{,120}", spec.name)


@given(run_specs(), run_specs())
def test_two_specs_share_name_and_key_only_if_they_are_equal(one, other):
    same = (one.name, one.key("data")) == (other.name, other.key("data"))
    assert same == (one == other)


def test_every_field_changes_the_key():
    assert set(OTHERS) == {field.name for field in fields(RunSpec)}
    keys = {name: replace(FIRST, **changes).key("data") for name, changes in OTHERS.items()}
    assert len({FIRST.key("data"), *keys.values()}) == len(OTHERS) + 1


def test_a_visible_change_shows_in_the_name():
    names = [replace(FIRST, **changes).name for field, changes in OTHERS.items() if field != "learning_rate"]
    assert len({FIRST.name, *names}) == len(OTHERS)
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


def test_a_file_of_the_reader_s_own_is_a_data_set_and_where_it_lies_is_no_part_of_the_run():
    here, there = RunSpec(dataset="mine.jsonl"), RunSpec(dataset="some/where/mine.jsonl")
    assert here.name == there.name == RunSpec().name.replace("math-cot", "mine")
    assert here.key("data") == there.key("data")
    assert len({spec.key("data") for spec in (here, RunSpec(dataset="yours.jsonl"), RunSpec())}) == 3
    assert here.key("data") != here.key("other rows")


def test_the_keys_of_finished_runs_stay(monkeypatch):
    """A key that changes makes hours of runs unfindable; it may change with the versions of the procedure only."""
    monkeypatch.setattr(specs, "TRAINING_VERSION", 1)
    monkeypatch.setattr(specs, "EVALUATION_VERSION", 2)
    assert RunSpec().key("data") == "e68fa740"
    assert default_spec("XS", "lora", dataset="math-nocot", warmup=0).key("data") == "51bb18ad"


def test_the_default_schedule_is_evaluated_at_the_papers_steps_and_early_ones():
    assert RunSpec().total_steps == 640
    assert RunSpec().steps == (0, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 120, 160, 320, 480, 640)


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
        ({"size": "XL"}, "size is 'XL'; allowed: XS, S$"),
        ({"size": "M"}, "size is 'M'; allowed: XS, S$"),
        ({"size": ["S"]}, "size is .*; allowed: XS, S$"),
        ({"size": "XS", "world": "moon"}, "world is 'moon'; allowed: main, calm, mirror$"),
        ({"size": "XS", "world": ["calm"]}, "world is .*; allowed: main, calm, mirror$"),
        ({"size": "S", "world": "calm"}, "world is 'calm'; allowed: main$"),
        ({"dataset": "math"}, f"dataset is 'math'; allowed: {', '.join(DATASETS)}, or a .jsonl file of your own$"),
        ({"dataset": ["mine.jsonl"]}, "dataset is .*; allowed: math-cot, "),
        ({"method": "qlora"}, "method is 'qlora'; allowed: full, lora"),
        ({"schedule": "linear"}, "schedule is 'linear'; allowed: cosine, constant$"),
        ({"base_seed": 3}, "base_seed is 3; allowed: 0, 2, 5$"),
        ({"base_seed": False}, "base_seed is False; allowed: 0, 2, 5$"),
        ({"base_seed": 2.0}, "base_seed is 2.0; allowed: a whole number"),
        ({"size": "XS", "world": "calm", "base_seed": 0}, "base_seed is 0; allowed: 1, 2$"),
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
    with pytest.raises(ValueError, match=r"allowed: XS, S$"):
        default_spec("XL")
    with pytest.raises(ValueError, match="allowed: full, lora"):
        default_spec("S", "qlora")


def test_a_base_is_named_by_size_world_and_seed():
    assert RunSpec(base_seed=5).base == base_name("S", "main", 5) == "S-seed5"
    assert RunSpec(size="XS", world="calm", base_seed=2).base == base_name("XS", "calm", 2) == "XS-calm-seed2"


def test_every_world_has_bases_and_readers_have_seed_0_of_every_size():
    assert {world for _, world in SHIPPED} == set(WORLDS)
    assert all(0 in SHIPPED[size, "main"] for size in SIZES)
    assert all(list(seeds) == sorted(set(seeds)) for seeds in SHIPPED.values())


def test_other_worlds_have_bases_for_reports_only():
    others = {key: seeds for key, seeds in SHIPPED.items() if key[1] != "main"}
    assert all(0 not in seeds for seeds in others.values())
    # a verdict needs three bases; none hangs on those that are measured and never trained
    assert all(len(seeds) >= 3 for (_, world), seeds in others.items() if world != "unaligned")


def test_seeds_go_through_the_bases_of_a_size():
    assert [(spec.seed, spec.base_seed) for spec in seed_specs("XS", 4)] == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert [(spec.seed, spec.base_seed) for spec in seed_specs("S", 3)] == [(0, 0), (1, 2), (2, 5)]
    assert {spec.world for spec in seed_specs("XS", 4)} == {"main"}
    assert {spec.epochs for spec in seed_specs("S", 2, epochs=1)} == {1}


@pytest.mark.parametrize("seeds", [0, -1, 1.5, "2", True])
def test_seeds_are_a_whole_number(seeds):
    with pytest.raises(ValueError, match=r"seeds is .*; allowed: a whole number, 1 or more"):
        seed_specs("S", seeds)


def test_groups_are_named_by_what_differs_between_them():
    assert specs.groups("S", "math-cot", 2) == {"S": seed_specs("S", 2)}
    assert list(specs.groups("S XS", "math-cot", 1)) == ["S", "XS"]
    assert list(specs.groups("S", "math-cot  math-nocot", 1)) == ["math-cot", "math-nocot"]
    both = specs.groups("S XS", "math-cot math-nocot", 1, epochs=1)
    assert list(both) == ["S, math-cot", "S, math-nocot", "XS, math-cot", "XS, math-nocot"]
    assert both["XS, math-nocot"] == seed_specs("XS", 1, dataset="math-nocot", epochs=1)


def test_both_ends_are_measured_on_more_items_unless_it_is_said_otherwise():
    assert default_spec("XS").n_items_ends == default_spec("XS", n_items=200).n_items_ends == 500
    assert default_spec("XS", n_items=7).n_items_ends == 17
    assert default_spec("XS", n_items=7, n_items_ends=8).n_items_ends == 8
