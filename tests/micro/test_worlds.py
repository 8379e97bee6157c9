from collections import Counter
from dataclasses import fields, replace
from functools import partial
from itertools import islice

import pytest

from rsft_utils import paths, specs
from rsft_utils.micro import benchmarks, families, models, pretrain, traces, worlds
from rsft_utils.micro.corpus import CorpusConfig, documents
from rsft_utils.micro.models import new_model
from rsft_utils.micro.symbols import encode
from rsft_utils.micro.worlds import WORLDS, World, fingerprint

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


@every_world
def test_a_model_of_every_world_can_be_made(world):
    assert new_model("XS", WORLDS[world].architecture).config.model_type == WORLDS[world].architecture


@every_world
def test_every_world_is_written_in_the_same_symbols(world, corpora):
    for prompt, reply in corpora[world]:
        assert encode(f"{prompt} {reply}")


@every_world
def test_no_world_shows_what_is_measured(world, corpora):
    prompts = {prompt for prompt, _ in corpora[world]}
    if WORLDS[world].corpus.mirrored:
        prompts = {" ".join(prompt.split()[::-1]) for prompt in prompts}
    seen = set(map(problem, prompts))
    for name in benchmarks.BENCHMARKS:
        if name not in families.SEEN_BY_DESIGN:
            asked = benchmarks.items(name, specs.RunSpec().n_items)
            assert not seen & {problem(item.prompt) for item in asked}, name


# The frozen worlds


def test_the_worlds_are_still_those_of_the_preregistration():
    assert f"World: `{fingerprint()}`" in (paths.NOTEBOOKS / "PREREG.md").read_text()


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (worlds, "WORLDS", {**WORLDS, "calm": World(replace(worlds.MAIN, ramble_share=0.1))}),
        (worlds, "WORLDS", {**WORLDS, "mirror": World(WORLDS["mirror"].corpus, "qwen2")}),
        (models, "SIZES", {**models.SIZES, "XS": models.Size(64, 3, 2)}),
        (pretrain, "PretrainConfig", partial(pretrain.PretrainConfig, tokens=10_000_001)),
        (traces, "SLIP_SHARE", 0.21),
        (traces, "MAX_RAMBLE", 79),
    ],
    ids=["corpus", "architecture", "size", "pre-training", "slips", "rambling"],
)
def test_the_fingerprint_changes_with_the_worlds(monkeypatch, module, name, value):
    before = fingerprint()
    monkeypatch.setattr(module, name, value)
    assert fingerprint() != before


def test_the_fingerprint_changes_with_what_is_asked(monkeypatch):
    before, (item, *others) = fingerprint(), benchmarks.items("chain", 50)
    asked = benchmarks.items
    altered = (replace(item, prompt=f"{item.prompt} l5 + 1"), *others)
    monkeypatch.setattr(benchmarks, "items", lambda name, n: altered if name == "chain" else asked(name, n))
    assert fingerprint() != before
