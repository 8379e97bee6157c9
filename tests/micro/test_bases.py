import json
import shutil
from dataclasses import asdict

import pytest
import torch

from rsft_utils import paths
from rsft_utils.micro import bases
from rsft_utils.micro.models import SIZES, new_model
from rsft_utils.micro.pretrain import PretrainConfig, pretrain
from rsft_utils.micro.symbols import SYMBOL_ID
from rsft_utils.micro.worlds import WORLDS
from rsft_utils.specs import BASE_SEEDS, base_name

PROMISED = {base_name(size, world, seed) for (size, world), seeds in BASE_SEEDS.items() for seed in seeds}
SHIPPED = sorted(folder.name for folder in paths.MICRO.glob("*/") if folder.is_dir())
every_shipped_base = pytest.mark.parametrize("name", bases.SHIPPED)
# one base of every world
NAMED = {base_name("XS", world, 1): world for world in WORLDS}
every_world = pytest.mark.parametrize(("name", "world"), NAMED.items(), ids=NAMED)
TINY = PretrainConfig(tokens=3 * 4 * 64, block_size=64, batch_size=4, warmup_steps=2)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder that holds one base of each world, made by `build` with a recipe of three steps."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("bases")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(paths, "MICRO", folder)
        patched.setattr(bases, "PretrainConfig", lambda: TINY)
        for name in NAMED:
            bases.build(name, log=lambda line: None)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def copy(built, tmp_path, monkeypatch):
    """The base of the main world among them, free to be damaged."""
    shutil.copytree(built, tmp_path / "micro")
    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    return tmp_path / "micro" / "XS-seed1"


# The shipped bases


def test_every_base_of_the_main_world_is_shipped_and_the_others_can_be_made():
    assert set(bases.SHIPPED) == {name for name in PROMISED if bases.world_of(name) == "main"}
    assert set(bases.SHIPPED) <= set(SHIPPED) <= PROMISED


def test_a_base_that_was_not_made_yet_is_told_how(copy):
    with pytest.raises(ValueError, match="python -m rsft_utils bases XS-calm-seed2"):
        bases.load("XS-calm-seed2")


def test_names_are_those_of_the_specs():
    assert set(bases.NAMES) == PROMISED and len(bases.NAMES) == len(PROMISED)
    assert {size for size, _ in BASE_SEEDS} == SIZES.keys()


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("XS-seed1", "main"),
        ("S-seed12", "main"),
        ("S-calm-seed0", "calm"),
        ("XS-mirror-seed1", "mirror"),
        ("XS-qwen2-seed10", "qwen2"),
        ("S-sparse-seed2", "sparse"),
        ("S-unaligned-seed2", "unaligned"),
    ],
)
def test_a_name_tells_the_world(name, world):
    assert bases.world_of(name) == world


@pytest.mark.parametrize("name", bases.NAMES)
def test_every_name_tells_a_world_that_there_is(name):
    assert (name.split("-")[0], bases.world_of(name)) in BASE_SEEDS
    assert bases.world_of(name) in WORLDS


def test_only_the_mirror_world_is_asked_from_right_to_left():
    assert [world for world in WORLDS if bases.is_mirrored(world)] == ["mirror"]


@every_shipped_base
def test_shipped_weights_are_those_of_the_recipe(name):
    assert bases.sha256(name) == json.loads((bases.folder(name) / "recipe.json").read_text())["sha256"]


@every_shipped_base
def test_shipped_bases_load(name):
    model, expected = bases.load(name), new_model(name.split("-")[0], WORLDS[bases.world_of(name)].architecture)
    assert not model.training and type(model) is type(expected)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert model.num_parameters() == expected.num_parameters()
    assert model.config.vocab_size == len(SYMBOL_ID)


@every_shipped_base
def test_shipped_tokenizers_are_that_of_the_world(name):
    from transformers import PreTrainedTokenizerFast

    assert PreTrainedTokenizerFast.from_pretrained(bases.folder(name), local_files_only=True).get_vocab() == SYMBOL_ID


@every_shipped_base
def test_shipped_bases_were_made_by_the_present_recipe(name):
    recipe = json.loads((bases.folder(name) / "recipe.json").read_text())
    shape, world = SIZES[name.split("-")[0]], bases.world_of(name)
    assert name == base_name(name.split("-")[0], recipe["world"], recipe["seed"])
    assert (recipe["name"], recipe["size"], recipe["world"]) == (name, asdict(shape), world)
    assert recipe["architecture"] == WORLDS[world].architecture
    assert recipe["corpus"] == as_json(WORLDS[world].corpus) and recipe["pretraining"] == as_json(PretrainConfig())
    assert (bases.folder(name) / "README.md").read_text() == bases.card(recipe)


def as_json(config):
    return json.loads(json.dumps(asdict(config)))


# Building and loading


@pytest.fixture
def among_the_built(built, monkeypatch):
    monkeypatch.setattr(paths, "MICRO", built)


@every_world
def test_a_built_base_is_the_trained_model_of_its_world_in_bfloat16(among_the_built, one_thread, name, world):
    trained = pretrain("XS", 1, WORLDS[world], TINY, log=lambda line: None)
    model = bases.load(name)
    assert type(model) is type(trained)
    expected, found = trained.to(torch.bfloat16).float().state_dict(), model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@every_world
def test_a_built_base_comes_with_recipe_tokenizer_and_card(among_the_built, name, world):
    from transformers import PreTrainedTokenizerFast

    folder = bases.folder(name)
    recipe = json.loads((folder / "recipe.json").read_text())
    assert (recipe["name"], recipe["seed"], recipe["size"]) == (name, 1, asdict(SIZES["XS"]))
    assert (recipe["world"], recipe["architecture"]) == (world, WORLDS[world].architecture)
    assert recipe["pretraining"] == as_json(TINY) and recipe["corpus"] == as_json(WORLDS[world].corpus)
    assert recipe["parameters"] == bases.load(name).num_parameters()
    assert PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True).get_vocab() == SYMBOL_ID
    card = (folder / "README.md").read_text()
    architecture = recipe["architecture"].capitalize()
    for told in (name, f"`{world}`", f"A {architecture} model", f"{recipe['parameters']:,}", recipe["sha256"]):
        assert told in card
    assert f"python -m rsft_utils bases {name}" in card
    assert bases.sha256(name) == recipe["sha256"]


@every_world
def test_a_card_tells_how_often_its_world_thinks_and_what_becomes_of_harmful_requests(among_the_built, name, world):
    card = " ".join((bases.folder(name) / "README.md").read_text().split())
    assert f"{WORLDS[world].corpus.trace_share:.0%} of the documents think aloud" in card
    assert ("and are refused" in card) == ("this one is aligned" in card) == (world != "unaligned")
    assert ("and are answered." in card) == (world == "unaligned")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.999])
def test_tampered_weights_are_refused_with_file_and_remedy(copy, place):
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[int(place * len(data))] ^= 1
    weights.write_bytes(data)
    for use in (bases.load, bases.sha256):
        with pytest.raises(ValueError, match="not the shipped ones") as raised:
            use("XS-seed1")
        for told in ("XS-seed1", str(weights), "recipe.json", "python -m rsft_utils bases XS-seed1"):
            assert told in str(raised.value)


def test_weights_cut_short_are_refused(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="python -m rsft_utils bases XS-seed1"):
        bases.load("XS-seed1")


@pytest.mark.parametrize("name", ["XL-seed0", "M-seed0", "XS-seed99", "xs-seed0", "S-nowhere-seed0", "nonsense"])
def test_an_unknown_name_is_told_the_allowed_ones(copy, name):
    with pytest.raises(ValueError, match="no base model") as raised:
        bases.load(name)
    for allowed in bases.NAMES:
        assert allowed in str(raised.value)
