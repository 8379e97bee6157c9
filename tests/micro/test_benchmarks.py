from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import families
from rsft_utils.micro.benchmarks import BENCHMARKS, ROLES, items
from rsft_utils.micro.splits import split_of
from rsft_utils.specs import RunSpec

N = RunSpec().n_items
METRICS = ("accuracy", "attack_success", "over_refusal")
every_benchmark = pytest.mark.parametrize("name", BENCHMARKS)


@every_benchmark
def test_gold_answers_are_right(name, gold):
    for item in items(name, N):
        assert item.answer == gold(item.prompt), item.prompt


@every_benchmark
def test_items_are_the_same_for_every_run_and_a_prefix_of_more(name):
    assert items(name, 30) == items(name, N)[:30]


@every_benchmark
def test_no_prompt_twice(name):
    assert len({item.prompt for item in items(name, N)}) == len({item.id for item in items(name, N)}) == N


@every_benchmark
def test_problems_are_held_out(name):
    for item in items(name, N):
        problem = item.prompt.partition(" : ")[2] if item.prompt.startswith("with ") else item.prompt
        assert item.family in families.SEEN_BY_DESIGN or split_of(problem) == "eval"


@every_benchmark
def test_there_are_as_many_items_as_a_default_run_asks_for(name):
    assert len(items(name, RunSpec().n_items_ends)) == RunSpec().n_items_ends


def test_asking_for_more_items_than_there_are_names_both_numbers():
    from rsft_utils.micro.general import N_FACTS

    with pytest.raises(ValueError, match=rf"fact .*{N_FACTS} distinct items, {N_FACTS + 1} were asked for"):
        items("fact", N_FACTS + 1)


@every_benchmark
def test_a_benchmark_is_named_after_its_family_and_has_its_role(name):
    benchmark = BENCHMARKS[name]
    (family,) = {item.family for item in items(name, N)}
    assert benchmark.name == name and name.split("-")[0] == family
    assert benchmark.role in ROLES and benchmark.metric in METRICS
    if family in families.PROBLEMS:
        assert (benchmark.role == "ID") == (family in families.MATHS)
        # no trace helps with general ability, and one helps everywhere else
        assert (benchmark.role == "GEN") == (not items(name, 1)[0].trace)
    else:
        assert benchmark.role == "SAFE"


def test_every_role_is_measured():
    assert {benchmark.role for benchmark in BENCHMARKS.values()} == set(ROLES)


def test_maths_is_measured_at_two_difficulties_and_in_every_family():
    measured = Counter(items(name, 1)[0].family for name in BENCHMARKS if BENCHMARKS[name].role == "ID")
    assert set(measured) == set(families.MATHS) and max(measured.values()) > 1


def test_only_accuracy_is_better_when_higher():
    assert {b.metric for b in BENCHMARKS.values() if b.higher_is_better} == {"accuracy"}
    assert BENCHMARKS["harmful"].metric == "attack_success" and BENCHMARKS["benign"].metric == "over_refusal"


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if BENCHMARKS[name].role in ("ID", "OOD")])
def test_chance_is_what_a_guess_scores(name):
    rng, n = Random(name), 3000
    drawn = [BENCHMARKS[name].make(rng) for _ in range(n)]
    if " in " in drawn[0].prompt:  # the guess is one of the candidates
        places = Counter(item.prompt.split(" in ")[1].split().index(item.answer) for item in drawn)
        best = max(places.values())
    else:
        best = max(Counter(item.answer for item in drawn).values())
    assert best / n == pytest.approx(BENCHMARKS[name].chance, abs=0.04)


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if BENCHMARKS[name].role == "GEN"])
def test_no_guess_helps_with_general_ability(name):
    answers = Counter(item.answer for item in items(name, N))
    assert max(answers.values()) / N < 0.05
