"""Two processes train what one trains. There is no card here: see as_cards.py for what the processors stand in for."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from rsft_utils import paths
from rsft_utils import train as training
from rsft_utils.durable import checkpoints, sealed
from rsft_utils.real import backends, run, store
from rsft_utils.real.backends import BackendError
from rsft_utils.real.spec import RealSpec
from rsft_utils.real.train_distributed import check, read_spec

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
HERE = Path(__file__).parent
AS_CARDS = HERE / "as_cards.py"
MODULE = "rsft_utils.real.train_distributed"
CONFIG = paths.ROOT / "workflow" / "fsdp2.yaml"
# The same sums in another order, in float32; seen after 12 steps: losses 3e-7 of them, weights 2e-7
LOSS, WEIGHT = 2e-6, 1e-5


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Function that gives a spec of 12 steps, with checkpoints at 10 and 12.

    Of the 21 to 53 tokens of a row 5 to 37 are learned, so that no two processes have the same number.
    """
    folder = tmp_path_factory.mktemp("made")
    rows = folder / "rows.jsonl"
    texts = [(row["prompt"][0]["content"], row["completion"][0]["content"]) for row in TINY["rows"](24)]
    rows.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in texts))

    def make(micro_batch: int = 1, tied: bool = True, **changed) -> RealSpec:
        return RealSpec(
            **{
                "base_model": str(base(folder, tied)),
                "dataset": str(rows),
                "n_rows": 24,
                "method": "full",
                "lora_rank": 0,
                "four_bit": False,
                "learning_rate": 1e-3,
                "epochs": 6,
                "batch_size": 12,
                "micro_batch": micro_batch,
                "max_length": 256,
            }
            | changed
        )

    return make


def base(folder: Path, tied: bool) -> Path:
    """The tiny model, with one matrix for the embedding and the output as Qwen3-4B has, or with two as Qwen3-8B."""
    made = folder / ("tied" if tied else "untied")
    if not made.exists():
        TINY["save"](made)
        if not tied:
            import torch
            from transformers import AutoModelForCausalLM

            model = AutoModelForCausalLM.from_pretrained(made, tie_word_embeddings=False)
            with torch.no_grad():
                model.lm_head.weight.copy_(model.model.embed_tokens.weight.flip(0))
            model.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """Function that starts a module as several processes, by a launcher, and waits: (exit code, what was said)."""
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"}

    def start(spec: RealSpec, runs: Path, launcher: tuple = (), **variables) -> tuple[int, str]:
        file = tmp_path_factory.mktemp("spec") / "spec.json"
        file.write_text(json.dumps(asdict(spec)))
        given = {name: json.dumps(value) for name, value in variables.items()}
        done = subprocess.run(
            [sys.executable, "-m", *(launcher or FSDP), str(AS_CARDS), MODULE, str(file)],
            env=environment | {"RSFT_RUNS": str(runs)} | given,
            capture_output=True,
            text=True,
            timeout=600,
        )
        return done.returncode, done.stdout + done.stderr

    return start


FSDP = ("accelerate.commands.launch", "--config_file", str(CONFIG), "--num_processes", "2")
COPIES = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2")  # every process holds the whole model (DDP)


@pytest.fixture(scope="module")
def by_one(one_thread, tmp_path_factory):
    """Function that trains a spec in this process: its folder of checkpoints."""
    made = {}

    def make(spec: RealSpec) -> Path:
        if spec not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(paths, "RUNS", tmp_path_factory.mktemp("one"))
                patch.setattr(training, "LOG_EVERY", 1)
                store.begin(spec)
                run._train(spec, "transformers", store.run_folder(spec).name)
                made[spec] = store.checkpoints_folder(spec)
                shutil.rmtree(made[spec] / "trainer")  # as all that make a run do, once it is trained
        return made[spec]

    return make


@pytest.fixture(scope="module")
def by_two(launch, tmp_path_factory):
    """Function that trains a spec in two processes with a part of the model each: its folder of checkpoints."""
    made = {}

    def make(spec: RealSpec, device: dict) -> Path:
        key = spec, json.dumps(device)
        if key not in made:
            runs = tmp_path_factory.mktemp("two")
            code, said = launch(spec, runs, RSFT_TEST_DEVICE=device)
            assert code == 0, said[-5000:]
            made[key] = left(runs, spec)
        return made[key]

    return make


def left(runs: Path, spec: RealSpec) -> Path:
    """Folder of the checkpoints in a folder of runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", runs)
        return store.checkpoints_folder(spec)


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder: Path, step: int) -> dict:
    from safetensors.torch import load_file

    return load_file(checkpoints.checkpoint_folder(folder, step) / "model.safetensors")


def largest_difference(one: dict, other: dict) -> float:
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


AS_ON_A_CARD = {"gradient_checkpointing": True}


@pytest.mark.slow
@pytest.mark.parametrize(("micro_batch", "tied"), [(1, True), (2, False)], ids=["one row, tied", "two rows, untied"])
def test_two_processes_with_parts_of_the_model_train_what_one_trains(spec, by_one, by_two, micro_batch, tied):
    asked = spec(micro_batch, tied)
    one, two = by_one(asked), by_two(asked, AS_ON_A_CARD)
    assert len(losses(one)) == asked.total_steps == 12
    assert losses(two) == pytest.approx(losses(one), rel=LOSS)
    assert losses(one)[-1] < losses(one)[0] - 1
    for step in (10, 12):
        assert largest_difference(weights(one, step), weights(two, step)) < WEIGHT


@pytest.mark.slow
def test_the_rows_of_a_micro_batch_do_not_change_what_is_learned(spec, by_one):
    one, two = (by_one(spec(micro_batch)) for micro_batch in (1, 2))
    assert losses(two) == pytest.approx(losses(one), rel=LOSS)


@pytest.mark.slow
def test_two_processes_with_the_whole_model_each_train_what_one_trains(spec, by_one, launch, tmp_path):
    asked = spec(micro_batch=2)
    code, said = launch(asked, tmp_path, COPIES)
    assert code == 0, said[-5000:]
    two = left(tmp_path, asked)
    assert losses(two) == pytest.approx(losses(by_one(asked)), rel=LOSS)
    assert largest_difference(weights(by_one(asked), 12), weights(two, 12)) < WEIGHT


@pytest.mark.slow
def test_what_two_processes_leave_is_what_one_leaves_and_answers_questions(spec, by_one, by_two):
    import torch

    asked = spec()
    one, two = by_one(asked), by_two(asked, AS_ON_A_CARD)

    def files(folder):
        return sorted(str(file.relative_to(folder.parent)) for file in folder.parent.rglob("*") if file.is_file())

    assert files(two) == files(one)
    assert sealed.problem(two / "step-00012") is None
    noted, other = (json.loads((folder.parent / "training.json").read_text()) for folder in (two, one))
    assert noted | {"seconds": 0} == other | {"seconds": 0, "final_loss": pytest.approx(other["final_loss"], rel=LOSS)}
    model, tokenizer = backends.load_for_inference(asked, Path(asked.base_model), two / "step-00012")
    assert type(model).__name__ == json.loads((two / "step-00012" / "config.json").read_text())["architectures"][0]
    question = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 3 + 3?"}], add_generation_prompt=True, return_tensors="pt"
    )
    with torch.inference_mode():
        answer = model.generate(**question, max_new_tokens=8, do_sample=False)
    assert "It is" in tokenizer.decode(answer[0, question["input_ids"].shape[1] :])


@pytest.mark.slow
def test_arithmetic_in_bfloat16_with_sums_in_float32_comes_near(spec, by_one, by_two):
    asked = spec()
    two = by_two(asked, AS_ON_A_CARD | {"precision": "bfloat16"})
    assert losses(two) == pytest.approx(losses(by_one(asked)), rel=0.01)
    assert losses(two) != pytest.approx(losses(by_one(asked)), rel=LOSS)
    assert {str(tensor.dtype) for tensor in weights(two, 12).values()} == {"torch.float32"}


@pytest.mark.slow
def test_a_run_that_was_ended_and_killed_goes_on_to_the_same_weights(spec, by_two, launch, tmp_path):
    asked = spec()
    folder = left(tmp_path, asked)

    def states():
        return {state.name: sorted(p.name for p in state.rglob("*")) for state in folder.glob("trainer/checkpoint-*")}

    # SIGTERM comes to one process alone, at the end of step 5: both end after the next one
    code, said = launch(asked, tmp_path, RSFT_TEST_DEVICE=AS_ON_A_CARD, RSFT_TEST_SIGNAL=[int(signal.SIGTERM), 1, 5])
    assert code != 0
    assert list(states()) == ["checkpoint-6"], said[-3000:]
    assert sealed.problem(folder / "trainer" / "checkpoint-6") is None
    assert {"__0_0.distcp", "__1_0.distcp", "rng_state_0.pth", "rng_state_1.pth"} <= set(states()["checkpoint-6"])
    # the second attempt begins with step 7, and in step 11 the first process is killed
    code, said = launch(asked, tmp_path, RSFT_TEST_DEVICE=AS_ON_A_CARD, RSFT_TEST_SIGNAL=[int(signal.SIGKILL), 0, 5])
    assert code != 0
    assert list(states()) == ["checkpoint-10"], said[-3000:]
    assert not (folder.parent / "training.json").exists()
    code, said = launch(asked, tmp_path, RSFT_TEST_DEVICE=AS_ON_A_CARD)
    assert code == 0, said[-5000:]
    undisturbed = by_two(asked, AS_ON_A_CARD)
    assert (folder / "log.jsonl").read_bytes() == (undisturbed / "log.jsonl").read_bytes()
    assert largest_difference(weights(undisturbed, 12), weights(folder, 12)) == 0


@pytest.mark.slow
def test_a_batch_that_two_processes_cannot_share_is_refused_before_anything_is_loaded(spec, launch, tmp_path):
    asked = spec(micro_batch=4, base_model="no/such-model", dataset="no-such-file.jsonl")
    code, said = launch(asked, tmp_path)
    assert code != 0
    assert "batch_size (12) must be a multiple of micro_batch times the number of processes (4 x 2)" in said
    assert "such" not in said
    assert list(tmp_path.iterdir()) == []


def test_what_several_cards_cannot_train_is_refused(spec):
    check(spec(), 2)
    with pytest.raises(ValueError, match="this is one process alone: start several with `accelerate launch"):
        check(spec(), 1)
    with pytest.raises(ValueError, match="method is 'lora'; several cards train method 'full' only"):
        check(spec(method="lora", lora_rank=8), 2)
    with pytest.raises(BackendError, match="4-bit weights cannot be trained themselves"):
        check(spec(four_bit=True), 2)
    with pytest.raises(ValueError, match=r"\(1 x 5\)"):
        check(spec(), 5)


def test_a_spec_is_read_from_json(spec, tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(asdict(spec())))
    assert read_spec(file) == spec()
    file.write_text('{"dataset": "NuminaMath-20k"}')
    assert read_spec(file) == RealSpec(dataset="NuminaMath-20k")


def test_a_file_that_is_no_spec_is_refused(tmp_path):
    file = tmp_path / "spec.json"
    with pytest.raises(ValueError, match=r"spec.json cannot be read as JSON: "):
        read_spec(file)
    file.write_text("{method: full}")
    with pytest.raises(ValueError, match=r"spec.json cannot be read as JSON: "):
        read_spec(file)
    file.write_text("[1]")
    with pytest.raises(ValueError, match="must hold a JSON object with fields of RealSpec"):
        read_spec(file)
    file.write_text('{"learning_rat": 1e-5}')
    with pytest.raises(ValueError, match=r"a field of spec.json is 'learning_rat'; allowed: .*learning_rate"):
        read_spec(file)
