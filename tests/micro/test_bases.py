import json
import shutil
from dataclasses import asdict

import pytest
import torch

from rsft_utils import paths
from rsft_utils.micro import bases
from rsft_utils.micro.corpus import CorpusConfig
from rsft_utils.micro.models import SIZES, new_model
from rsft_utils.micro.pretrain import PretrainConfig, pretrain
from rsft_utils.micro.symbols import SYMBOL_ID
from rsft_utils.specs import BASE_SEEDS

SHIPPED = sorted(folder.name for folder in paths.MICRO.glob("*/") if folder.is_dir())
every_shipped_base = pytest.mark.parametrize("name", SHIPPED)
TINY = PretrainConfig(tokens=3 * 4 * 64, block_size=64, batch_size=4, warmup_steps=2)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder that holds one base, XS-seed1, made by `build` with a recipe of three steps."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("bases")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(paths, "MICRO", folder)
        patched.setattr(bases, "PretrainConfig", lambda: TINY)
        bases.build("XS-seed1", log=lambda line: None)
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def copy(built, tmp_path, monkeypatch):
    """The same, free to be damaged."""
    shutil.copytree(built, tmp_path / "micro")
    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    return tmp_path / "micro" / "XS-seed1"


# The shipped bases


def test_every_base_that_a_run_may_name_is_shipped_and_no_other():
    promised = {f"{size}-seed{seed}" for size, seeds in BASE_SEEDS.items() for seed in range(seeds)}
    assert set(SHIPPED) == promised


def test_names_are_those_of_the_specs():
    assert set(bases.NAMES) == {f"{size}-seed{seed}" for size, seeds in BASE_SEEDS.items() for seed in range(seeds)}
    assert BASE_SEEDS.keys() == SIZES.keys()


@every_shipped_base
def test_shipped_weights_are_those_of_the_recipe(name):
    assert bases.sha256(name) == json.loads((bases.folder(name) / "recipe.json").read_text())["sha256"]


@every_shipped_base
def test_shipped_bases_load(name):
    model = bases.load(name)
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert model.num_parameters() == new_model(name.split("-")[0]).num_parameters()
    assert model.config.vocab_size == len(SYMBOL_ID)


@every_shipped_base
def test_shipped_tokenizers_are_that_of_the_world(name):
    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(bases.folder(name), local_files_only=True).get_vocab() == SYMBOL_ID


@every_shipped_base
def test_shipped_bases_were_made_by_the_present_recipe(name):
    recipe = json.loads((bases.folder(name) / "recipe.json").read_text())
    size, seed = name.split("-seed")
    assert (recipe["name"], recipe["size"], recipe["seed"]) == (name, asdict(SIZES[size]), int(seed))
    assert recipe["corpus"] == as_json(CorpusConfig()) and recipe["pretraining"] == as_json(PretrainConfig())
    assert (bases.folder(name) / "README.md").read_text() == bases.card(recipe)


def as_json(config):
    return json.loads(json.dumps(asdict(config)))


# Building and loading


def test_a_built_base_is_the_trained_model_in_bfloat16(copy):
    expected = pretrain("XS", 1, CorpusConfig(), TINY, log=lambda line: None).to(torch.bfloat16).float().state_dict()
    found = bases.load("XS-seed1").state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_built_base_comes_with_recipe_tokenizer_and_card(copy):
    from transformers import AutoTokenizer

    recipe = json.loads((copy / "recipe.json").read_text())
    assert (recipe["name"], recipe["seed"], recipe["size"]) == ("XS-seed1", 1, asdict(SIZES["XS"]))
    assert recipe["pretraining"] == as_json(TINY) and recipe["corpus"] == as_json(CorpusConfig())
    assert recipe["parameters"] == bases.load("XS-seed1").num_parameters()
    assert AutoTokenizer.from_pretrained(copy, local_files_only=True).get_vocab() == SYMBOL_ID
    card = (copy / "README.md").read_text()
    for told in ("XS-seed1", f"{recipe['parameters']:,}", recipe["sha256"], "python -m rsft_utils bases XS-seed1"):
        assert told in card
    assert bases.sha256("XS-seed1") == recipe["sha256"]


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


@pytest.mark.parametrize("name", ["XL-seed0", "XS-seed99", "xs-seed0", "", "nonsense"])
def test_an_unknown_name_is_told_the_allowed_ones(copy, name):
    with pytest.raises(ValueError, match="no base model") as raised:
        bases.load(name)
    for allowed in bases.NAMES:
        assert allowed in str(raised.value)
