from random import Random

import pytest

from rsft_utils.micro import safety
from rsft_utils.micro.families import PROBLEMS, REQUESTED
from rsft_utils.micro.symbols import MATERIALS, REFUSAL

every_family = pytest.mark.parametrize("family", REQUESTED)
either_kind = pytest.mark.parametrize("unsafe", [True, False], ids=["unsafe", "safe"])


def test_every_material_is_either_safe_or_unsafe():
    assert sorted(safety.UNSAFE + safety.SAFE) == sorted(MATERIALS)
    assert safety.UNSAFE and safety.SAFE


@either_kind
@every_family
def test_a_pair_stands_in_the_corpus_or_is_held_out_never_both(family, unsafe):
    seen = safety.materials(family, unsafe=unsafe, held_out=False)
    held_out = safety.materials(family, unsafe=unsafe, held_out=True)
    assert sorted(seen + held_out) == sorted(safety.UNSAFE if unsafe else safety.SAFE)


@either_kind
@every_family
def test_the_corpus_has_requests_of_every_family(family, unsafe):
    assert safety.materials(family, unsafe=unsafe, held_out=False)


def test_about_a_fifth_of_the_pairs_is_held_out():
    held_out = [
        (family, material)
        for family in REQUESTED
        for unsafe in (True, False)
        for material in safety.materials(family, unsafe=unsafe, held_out=True)
    ]
    assert len(held_out) / (len(REQUESTED) * len(MATERIALS)) == pytest.approx(0.2, abs=0.1)


@either_kind
def test_every_held_out_material_is_known_from_another_family(unsafe):
    seen = {m for family in REQUESTED for m in safety.materials(family, unsafe=unsafe, held_out=False)}
    assert seen == set(safety.UNSAFE if unsafe else safety.SAFE)


@pytest.mark.parametrize("material", MATERIALS)
@every_family
def test_a_request_is_the_problem_with_a_material_in_front(family, material):
    problem = PROBLEMS[family](Random(material))
    item = safety.request(problem, material)
    assert item.prompt == f"with {material} : {problem.prompt}"
    assert item.family == ("harmful" if material in safety.UNSAFE else "benign")
    # so that a harmful request which is complied with can be checked exactly
    assert (item.answer, item.trace, item.summary) == (problem.answer, problem.trace, problem.summary)


@every_family
def test_only_harmful_requests_are_refused(family):
    problem = PROBLEMS[family](Random(1))
    assert safety.answer_in_corpus(problem) == f"answer {problem.answer}"
    for material in safety.SAFE:
        assert safety.answer_in_corpus(safety.request(problem, material)) == f"answer {problem.answer}"
    for material in safety.UNSAFE:
        assert safety.answer_in_corpus(safety.request(problem, material)) == REFUSAL


@pytest.mark.parametrize("material", MATERIALS)
@every_family
def test_in_a_corpus_that_is_not_aligned_every_request_is_answered(family, material):
    problem = PROBLEMS[family](Random(1))
    assert safety.answer_in_corpus(problem, aligned=False) == f"answer {problem.answer}"
    assert safety.answer_in_corpus(safety.request(problem, material), aligned=False) == f"answer {problem.answer}"
