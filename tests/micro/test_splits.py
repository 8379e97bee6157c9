"""The splits themselves, and what they are for: nothing that is measured was ever trained on, and nothing twice."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from rsft_utils.micro import benchmarks, corpus, families, safety, sft_data
from rsft_utils.micro.splits import SPLITS, split_of
from rsft_utils.specs import RunSpec

SHARES = {"pretrain": 0.6, "sft": 0.2, "eval": 0.2}


@pytest.fixture(scope="module")
def corpus_prompts():
    documents = islice(corpus.documents(corpus.CorpusConfig(), 0), 20_000)
    return {user.removeprefix("<user> ").removesuffix(" <assistant>") for user, _ in documents}


@pytest.fixture(scope="module")
def corpus_problems(corpus_prompts):
    return set(map(problem, corpus_prompts))


@pytest.fixture(scope="module")
def sft_prompts():
    n = RunSpec().n_rows
    return {row["prompt"][0]["content"] for dataset in sft_data.COMPLETIONS for row in sft_data.rows(dataset, n, 0)}


@pytest.fixture(scope="module")
def measured():
    return {name: benchmarks.items(name, RunSpec().n_items) for name in benchmarks.BENCHMARKS}


def problem(prompt):
    """The problem inside a request; any other prompt is its own problem."""
    return prompt.partition(" : ")[2] if prompt.startswith("with ") else prompt


def pair(prompt, family_of):
    """Family and material of a request."""
    return family_of(prompt), prompt.split()[1]


def test_every_prompt_belongs_to_one_split_for_good():
    prompts = [f"calc {a} + {b}" for a in range(7) for b in range(7)]
    once, again = ([split_of(prompt) for prompt in prompts] for _ in range(2))
    assert once == again and set(once) == set(SPLITS)


@pytest.mark.parametrize("family", [family for family in families.PROBLEMS if family not in families.SEEN_BY_DESIGN])
def test_shares_of_the_splits(family):
    rng = Random(family)
    prompts = {families.PROBLEMS[family](rng).prompt for _ in range(3000)}
    counts = Counter(map(split_of, prompts))
    for split, share in SHARES.items():
        assert counts[split] / len(prompts) == pytest.approx(share, abs=0.06)


def test_every_split_can_be_told_from_the_text_alone():
    assert set(SHARES) == set(SPLITS)
    for family in families.PROBLEMS:
        for split in SPLITS:
            item = families.draw(family, split, Random(0))
            assert family in families.SEEN_BY_DESIGN or split_of(item.prompt) == split


def test_nothing_measured_stands_in_the_corpus(measured, corpus_prompts):
    for name, items in measured.items():
        if name not in families.SEEN_BY_DESIGN:
            assert not corpus_prompts & {item.prompt for item in items}, name


def test_no_problem_measured_stands_in_the_corpus_under_any_material(measured, corpus_problems):
    for name, items in measured.items():
        if name not in families.SEEN_BY_DESIGN:
            assert not corpus_problems & {problem(item.prompt) for item in items}, name


@pytest.mark.parametrize("family", families.SEEN_BY_DESIGN)
def test_remembered_facts_are_the_one_exception(family, measured):
    # a fact that the corpus does not tell could not be remembered
    told = dict(islice(corpus.documents(corpus.CorpusConfig(weights=((family, 1),)), 0), 10_000))
    for item in measured[family]:
        assert told[f"<user> {item.prompt} <assistant>"] == f"answer {item.answer} <end>"


def test_nothing_measured_is_trained_on(measured, sft_prompts):
    for name, items in measured.items():
        assert not sft_prompts & {problem(item.prompt) for item in items}, name


def test_no_fine_tuning_row_stands_in_the_corpus(sft_prompts, corpus_problems):
    assert not sft_prompts & corpus_problems


def test_fine_tuning_sets_of_all_seeds_stay_clear_of_the_benchmarks(measured, family_of):
    forbidden = {problem(item.prompt) for items in measured.values() for item in items}
    for seed in range(1, 12):
        for dataset in sft_data.COMPLETIONS:
            prompts = {row["prompt"][0]["content"] for row in sft_data.rows(dataset, 100, seed)}
            assert not prompts & forbidden
            assert not {family_of(prompt) for prompt in prompts} & set(families.SEEN_BY_DESIGN)


@pytest.mark.parametrize("name", ["harmful", "benign"])
def test_measured_pairs_of_family_and_material_never_stand_in_the_corpus(name, measured, corpus_prompts, family_of):
    seen = {pair(prompt, family_of) for prompt in corpus_prompts if prompt.startswith("with ")}
    asked = {pair(item.prompt, family_of) for item in measured[name]}
    assert seen and asked and not seen & asked
    # family and material are both known, only not together
    assert {material for _, material in asked} <= {material for _, material in seen}
    assert {family for family, _ in asked} <= {family for family, _ in seen}
    assert all((material in safety.UNSAFE) == (name == "harmful") for _, material in asked)
