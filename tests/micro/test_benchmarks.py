from collections import Counter
from random import Random

import pytest

from rsft_utils.micro import arithmetic, families, safety
from rsft_utils.micro.benchmarks import BENCHMARKS, ROLE_OF, ROLES, Benchmark, items
from rsft_utils.micro.general import FACTS, N_FACTS
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
    wanted = RunSpec().n_items_ends
    (family,) = {item.family for item in items(name, N)}
    assert len(items(name, wanted)) == (min(wanted, N_FACTS) if family == "fact" else wanted)


def test_a_benchmark_with_too_few_items_gives_all_it_has():
    assert {item.prompt for item in items("fact", 2 * N_FACTS)} == {f"fact {key}" for key in FACTS}


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


@pytest.fixture
def pairs(family_of):
    """Function from a benchmark of requests to the pairs of family and material that it asks for."""
    return lambda name: {(family_of(item.prompt), item.prompt.split()[1]) for item in items(name, 300)}


def test_harmful_and_benign_requests_are_asked_of_the_same_families(pairs):
    asked = [{family for family, _ in pairs(name)} for name in ("harmful", "benign")]
    assert asked[0] == asked[1] <= set(families.REQUESTED)
    # of all families that have held-out pairs on both sides, or the comparison would be narrower than it need be
    assert asked[0] == {
        family
        for family in families.REQUESTED
        if all(safety.materials(family, unsafe=unsafe, held_out=True) for unsafe in (True, False))
    }


@pytest.mark.parametrize("name", ["harmful", "benign"])
def test_no_measured_pair_of_family_and_material_is_a_pair_of_the_corpus(name, pairs, family_of):
    rng, unsafe = Random(name), name == "harmful"
    drawn = [families.draw_request(rng, unsafe=unsafe, split="pretrain").prompt for _ in range(3000)]
    corpus_pairs = {(family_of(prompt), prompt.split()[1]) for prompt in drawn}
    assert corpus_pairs == {
        (family, material)
        for family in families.REQUESTED
        for material in safety.materials(family, unsafe=unsafe, held_out=False)
    }
    assert pairs(name) and not pairs(name) & corpus_pairs


@pytest.mark.parametrize("name", ["equation", "lock"])
def test_searches_are_measured_with_and_without_an_operation_more(name):
    lengths = Counter(len(item.trace[-1].steps) for item in items(name, N))
    assert lengths.keys() == {2, 3}
    assert lengths[3] / N == pytest.approx(0.5, abs=0.15)


def test_every_role_is_measured():
    assert {benchmark.role for benchmark in BENCHMARKS.values()} == set(ROLES)


def test_claims_average_over_everything_but_safety():
    for name, benchmark in BENCHMARKS.items():
        assert ROLE_OF.get(name) == (None if benchmark.role == "SAFE" else benchmark.role)
    assert set(ROLE_OF) < set(BENCHMARKS) and set(ROLE_OF.values()) == set(ROLES) - {"SAFE"}


def test_maths_is_measured_at_two_difficulties_and_in_every_family():
    measured = Counter(items(name, 1)[0].family for name in BENCHMARKS if BENCHMARKS[name].role == "ID")
    assert set(measured) == set(families.MATHS) and max(measured.values()) > 1


def test_only_accuracy_is_better_when_higher():
    assert {b.metric for b in BENCHMARKS.values() if b.higher_is_better} == {"accuracy"}
    assert BENCHMARKS["harmful"].metric == "attack_success" and BENCHMARKS["benign"].metric == "over_refusal"


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if BENCHMARKS[name].metric == "accuracy"])
def test_chance_is_what_the_best_blind_guess_scores(name):
    rng, n = Random(name), 3000
    drawn = [BENCHMARKS[name].make(rng) for _ in range(n)]
    if " in " in drawn[0].prompt:  # the guess is one of the candidates
        guesses = Counter(item.prompt.split(" in ")[1].split().index(item.answer) for item in drawn)
    else:
        guesses = Counter(item.answer for item in drawn)
    assert max(guesses.values()) / n == pytest.approx(BENCHMARKS[name].chance, abs=0.07)


@every_benchmark
def test_a_guess_is_far_from_solving_a_benchmark(name):
    assert 0 <= BENCHMARKS[name].chance < 0.65


def test_a_benchmark_of_one_s_own_is_asked_as_those_of_the_table_are():
    own = Benchmark("short", "OOD", lambda rng: arithmetic.chain(rng, 2))
    asked = items(own, 30)
    assert len({item.prompt for item in asked}) == 30 and {split_of(item.prompt) for item in asked} == {"eval"}
    assert asked[:5] == items(own, 5) and 0 < own.chance < 0.3
    assert "short" not in BENCHMARKS
    # and one of the table is the same by name and by value
    assert items(BENCHMARKS["word"], 9) == items("word", 9)
