"""What training on several cards is started with: the paper's spec, the configuration, the commands on the page."""

import json
import re
from dataclasses import fields

from rsft_utils import paths
from rsft_utils.real import train_distributed
from rsft_utils.real.spec import RealSpec
from rsft_utils.real.train_distributed import check, read_spec

MODULE = "rsft_utils.real.train_distributed"
PAPER = paths.ROOT / "workflow" / "qwen3-14b_math-cot-20k.json"
CONFIG = paths.ROOT / "workflow" / "fsdp2.yaml"


def test_the_spec_of_the_paper_is_the_papers_recipe():
    spec = read_spec(PAPER)
    check(spec, 8)
    assert set(json.loads(PAPER.read_text())) <= {field.name for field in fields(RealSpec)}
    assert (spec.method, spec.learning_rate, spec.schedule, spec.warmup) == ("full", 5e-5, "cosine", 0.1)
    assert (spec.batch_size, spec.epochs, spec.max_length, spec.total_steps) == (256, 8, 20_000, 640)
    assert spec.steps == (0, 10, 20, 40, 80, 160, 320, 480, 640)


def test_the_configuration_asks_for_what_training_relies_on():
    import yaml

    config = yaml.safe_load(CONFIG.read_text())
    assert config["distributed_type"] == "FSDP"
    assert config["fsdp_config"]["fsdp_version"] == 2
    # the trainer refuses both kinds at once, and Device has one
    assert config["fsdp_config"]["fsdp_activation_checkpointing"] is False
    assert train_distributed.__doc__.split("\n")[2].strip().split()[3] == str(CONFIG.relative_to(paths.ROOT))


def test_the_commands_on_the_page_name_what_is_there():
    page = (paths.ROOT / "docs" / "multi_gpu.md").read_text()
    commands = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    named = re.findall(r"workflow/[\w.-]+", " ".join(commands))
    assert set(named) == {str(file.relative_to(paths.ROOT)) for file in (CONFIG, PAPER)}
    assert f"accelerate launch --config_file {named[0]} -m {MODULE} {named[1]}" in commands[0]
