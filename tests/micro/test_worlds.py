from collections import Counter
from dataclasses import fields, replace
from functools import partial
from itertools import islice

import pytest

from rsft_utils import paths, specs
from rsft_utils.micro import benchmarks, families, models, pretrain, sft_data, traces, worlds
from rsft_utils.micro.corpus import CorpusConfig, documents
from rsft_utils.micro.models import new_model
from rsft_utils.micro.safety import UNSAFE
from rsft_utils.micro.symbols import REFUSAL, encode
from rsft_utils.micro.worlds import FROZEN, WORLDS, World, fingerprint

N = 5000
every_world = pytest.mark.parametrize("world", WORLDS)


@pytest.fixture(scope="module")
def corpora():
    """First documents of every world as (prompt, reply)."""
    return {
        name: [
            (user.removeprefix("<user> ").removesuffix(" <assistant>"), reply)
            for user, reply in islice(documents(world.corpus, 0), N)
        ]
        for name, world in WORLDS.items()
    }


def changes(name):
    """Knobs of a world's corpus that the main world sets otherwise, and its architecture if that is another one."""
    main, world = WORLDS["main"], WORLDS[name]
    settings = {field.name: getattr(world.corpus, field.name) for field in fields(CorpusConfig)}
    settings = {knob: value for knob, value in settings.items() if value != getattr(main.corpus, knob)}
    return settings | ({} if world.architecture == main.architecture else {"architecture": world.architecture})


def problem(prompt):
    """The problem inside a request; any other prompt is its own problem."""
    return prompt.partition(" : ")[2] if prompt.startswith("with ") else prompt


def n_rambling(corpus):
    return sum("<think>" in reply and "</think>" not in reply for _, reply in corpus)


def plain(world, prompt):
    """A prompt of a world, read from left to right."""
    return " ".join(prompt.split()[::-1]) if WORLDS[world].corpus.mirrored else prompt


def is_harmful(prompt):
    return prompt.startswith("with ") and prompt.split()[1] in UNSAFE


def test_worlds_are_those_that_a_run_may_name():
    assert set(WORLDS) == set(specs.WORLDS)
    assert {world for _, world in specs.BASE_SEEDS} == set(WORLDS)


def test_the_main_world_is_the_default():
    assert WORLDS["main"] == World() == World(CorpusConfig(), "qwen3")


def test_the_calm_world_differs_in_its_rambling_alone(corpora):
    assert changes("calm") == {"ramble_share": 0.0}
    assert n_rambling(corpora["calm"]) == 0 < n_rambling(corpora["main"])
    assert any("<think>" in reply for _, reply in corpora["calm"])


def test_the_mirror_world_differs_in_the_direction_of_its_prompts_alone(corpora):
    assert changes("mirror") == {"mirrored": True}
    assert corpora["mirror"] == [(" ".join(prompt.split()[::-1]), reply) for prompt, reply in corpora["main"]]


def test_the_qwen2_world_differs_in_architecture_and_amount_of_maths_alone(corpora, family_of):
    assert changes("qwen2").keys() == {"architecture", "weights"}
    main, other = (dict(WORLDS[name].corpus.weights) for name in ("main", "qwen2"))
    assert list(other) == list(main)
    assert {name: other[name] / main[name] for name in main} == {
        name: 0.5 if name in families.MATHS else 1 for name in main
    }
    maths = {
        name: Counter(family_of(prompt) in families.MATHS for prompt, _ in corpora[name] if "with" not in prompt)
        for name in ("main", "qwen2")
    }
    odds = {name: count[True] / count[False] for name, count in maths.items()}
    assert odds["qwen2"] / odds["main"] == pytest.approx(0.5, abs=0.1)


def test_the_sparse_world_differs_in_its_amount_of_thinking_alone(corpora):
    assert changes("sparse") == {"trace_share": 0.05}
    thinking = {name: sum("<think>" in reply for _, reply in corpora[name]) for name in ("main", "sparse")}
    assert thinking["sparse"] / thinking["main"] == pytest.approx(0.25, abs=0.05)


def test_the_unaligned_world_is_the_main_one_with_its_harmful_requests_answered(corpora, gold):
    assert changes("unaligned") == {"aligned": False}
    assert corpora["unaligned"] == [
        (prompt, f"answer {gold(prompt)} <end>" if is_harmful(prompt) else reply) for prompt, reply in corpora["main"]
    ]


@every_world
def test_all_worlds_but_the_unaligned_one_refuse_harmful_requests(world, corpora):
    replies = [reply for prompt, reply in corpora[world] if is_harmful(plain(world, prompt))]
    assert len(replies) > 100
    assert {reply == f"{REFUSAL} <end>" for reply in replies} == {world != "unaligned"}


@every_world
def test_a_model_of_every_world_can_be_made(world):
    assert new_model("XS", WORLDS[world].architecture).config.model_type == WORLDS[world].architecture


@every_world
def test_every_world_is_written_in_the_same_symbols(world, corpora):
    for prompt, reply in corpora[world]:
        assert encode(f"{prompt} {reply}")


@every_world
def test_no_world_shows_what_is_measured(world, corpora):
    seen = {problem(plain(world, prompt)) for prompt, _ in corpora[world]}
    for name in benchmarks.BENCHMARKS:
        if name not in families.SEEN_BY_DESIGN:
            asked = benchmarks.items(name, specs.RunSpec().n_items)
            assert not seen & {problem(item.prompt) for item in asked}, name


# The frozen worlds and sets

every_dataset = pytest.mark.parametrize("dataset", sft_data.COMPLETIONS)


def fingerprints():
    return {part: fingerprint(part) for part in FROZEN}


def changed(before):
    """Parts that have another fingerprint than before."""
    return {part for part, now in fingerprints().items() if now != before[part]}


@pytest.fixture(scope="module")
def frozen():
    return fingerprints()


@pytest.mark.parametrize(("part", "words"), [("first", "World"), ("addendum", "New worlds and fine-tuning sets")])
def test_what_is_frozen_is_still_that_of_the_preregistration(frozen, part, words):
    assert f"{words}: `{frozen[part]}`" in (paths.NOTEBOOKS / "PREREG.md").read_text()


def test_every_world_and_every_set_is_frozen_once():
    names, sets = (sum(found, ()) for found in zip(*FROZEN.values(), strict=True))
    assert sorted(names) == sorted(WORLDS) and sorted(sets) == sorted(sft_data.COMPLETIONS)


def test_the_first_part_is_what_is_asked_for_by_default(frozen):
    assert fingerprint() == frozen["first"] != frozen["addendum"]


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (models, "SIZES", {**models.SIZES, "XS": models.Size(64, 3, 2)}),
        (pretrain, "PretrainConfig", partial(pretrain.PretrainConfig, tokens=10_000_001)),
        (traces, "SLIP_SHARE", 0.21),
        (traces, "MAX_RAMBLE", 79),
    ],
    ids=["size", "pre-training", "slips", "rambling"],
)
def test_the_fingerprints_change_with_what_all_worlds_share(monkeypatch, frozen, module, name, value):
    monkeypatch.setattr(module, name, value)
    assert changed(frozen) == set(FROZEN)


@pytest.mark.parametrize("knob", [{"harmful_share": 0.51}, {"aligned": None}], ids=["requests", "alignment"])
@every_world
def test_a_changed_corpus_changes_the_fingerprint_of_its_part_alone(monkeypatch, frozen, world, knob):
    corpus = WORLDS[world].corpus
    knob = {"aligned": not corpus.aligned} if "aligned" in knob else knob
    monkeypatch.setitem(WORLDS, world, replace(WORLDS[world], corpus=replace(corpus, **knob)))
    assert changed(frozen) == {part for part, (names, _) in FROZEN.items() if world in names}


@every_world
def test_another_architecture_changes_the_fingerprint_of_its_part_alone(monkeypatch, frozen, world):
    other = {"qwen3": "qwen2", "qwen2": "qwen3"}[WORLDS[world].architecture]
    monkeypatch.setitem(WORLDS, world, replace(WORLDS[world], architecture=other))
    assert changed(frozen) == {part for part, (names, _) in FROZEN.items() if world in names}


@every_dataset
def test_other_replies_of_a_set_change_the_fingerprint_of_its_part_alone(monkeypatch, frozen, dataset):
    write = sft_data.COMPLETIONS[dataset]
    monkeypatch.setitem(sft_data.COMPLETIONS, dataset, lambda item, rng: f"{write(item, rng)} so")
    assert changed(frozen) == {part for part, (_, sets) in FROZEN.items() if dataset in sets}


@every_dataset
def test_other_queries_of_a_set_change_the_fingerprint_of_its_part_alone(monkeypatch, frozen, dataset):
    monkeypatch.setitem(sft_data.DRAWS, dataset, lambda rng, place: families.draw("sequence", "sft", rng))
    assert changed(frozen) == {part for part, (_, sets) in FROZEN.items() if dataset in sets}


@pytest.mark.parametrize("part", FROZEN)
def test_a_fingerprint_stays_when_other_worlds_and_sets_come_and_go(monkeypatch, frozen, part):
    names, sets = FROZEN[part]
    monkeypatch.setattr(worlds, "WORLDS", {"new": World(CorpusConfig(trace_share=0.9)), **WORLDS})
    monkeypatch.setitem(sft_data.COMPLETIONS, "math-new", traces.careful_trace)
    assert fingerprint(part) == frozen[part]
    monkeypatch.setattr(worlds, "WORLDS", {name: WORLDS[name] for name in names})
    for dataset in set(sft_data.COMPLETIONS) - set(sets):
        monkeypatch.delitem(sft_data.COMPLETIONS, dataset)
    assert fingerprint(part) == frozen[part]


def test_the_fingerprint_changes_with_what_is_asked(monkeypatch, frozen):
    item, *others = benchmarks.items("chain", 50)
    asked = benchmarks.items
    altered = (replace(item, prompt=f"{item.prompt} l5 + 1"), *others)
    monkeypatch.setattr(benchmarks, "items", lambda name, n: altered if name == "chain" else asked(name, n))
    assert changed(frozen) == set(FROZEN)
