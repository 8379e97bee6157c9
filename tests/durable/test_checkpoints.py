import json
import os
import signal
from dataclasses import replace

import pytest

from rsft_utils import train as train_module
from rsft_utils.durable import checkpoints, sealed, sigterm
from rsft_utils.durable.checkpoints import checkpoint_folder, keep_state, last_state, processes_of, save_checkpoint
from rsft_utils.micro import sft_data
from rsft_utils.specs import RunSpec
from rsft_utils.train import TrainingError, train

# 12 steps, checkpoints at 2, 5, 10 and 12; the log has lines for 10 and 12
FULL = RunSpec(size="XS", n_rows=48, batch_size=8, epochs=2, learning_rate=1e-3, warmup=0.25, n_items=1, n_items_ends=1)
LORA = replace(FULL, method="lora", lora_rank=4)
STEPS = (0, 2, 5)  # of the made-up states


class Interrupted(Exception):
    """Stands in for whatever ends a training."""


@pytest.fixture(scope="module")
def rows():
    return sft_data.rows("math-cot", FULL.n_rows, seed=0)


@pytest.fixture(scope="module")
def resume(rows, new_micro_model, tokenizer):
    """Function that trains a random model by a spec, going on from what lies in the folder."""
    return lambda folder, spec=FULL: train(spec, new_micro_model(), tokenizer, rows, folder, 256, resume=True)


@pytest.fixture(scope="module")
def undisturbed(rows, new_micro_model, tokenizer, tmp_path_factory):
    """Function that trains without interruption and without keeping states, once: what is left in the end."""
    made = {}

    def make(spec):
        if spec not in made:
            folder = tmp_path_factory.mktemp("undisturbed")
            outcome = train(spec, new_micro_model(), tokenizer, rows, folder, 256)
            made[spec] = left(folder), {**outcome, "seconds": None}
        return made[spec]

    return make


@pytest.fixture
def interrupt(monkeypatch):
    """Function that lets the nth call of a method of the trainer, or of a function of this project, do something."""
    from trl import SFTTrainer

    def at(name, call, act):
        where = SFTTrainer if hasattr(SFTTrainer, name) else train_module
        calls, original = [], getattr(where, name)

        def counted(*args, **kwargs):
            calls.append(1)
            if len(calls) == call:
                act()
            return original(*args, **kwargs)

        monkeypatch.setattr(where, name, counted)
        return calls

    return at


def stop():
    raise Interrupted


def left(folder):
    """All files of checkpoints and log, with their content."""
    files = [folder / "log.jsonl", *folder.glob("step-*/*")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def states(folder):
    return sorted(path.name for path in (folder / "trainer").glob("checkpoint-*"))


def logged(folder):
    return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_checkpoint_appears_only_when_it_is_complete(new_micro_model, tmp_path, monkeypatch):
    model = new_micro_model()
    save_checkpoint(model, tmp_path, 2)

    def interrupted(folder, **kwargs):
        type(model).save_pretrained(model, folder, **kwargs)
        raise Interrupted

    monkeypatch.setattr(model, "save_pretrained", interrupted)
    with pytest.raises(Interrupted):
        save_checkpoint(model, tmp_path, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00002"]
    assert sealed.problem(checkpoint_folder(tmp_path, 2)) is None


MOMENTS = {
    "in the second step, before there is any state": ("training_step", 2, []),
    "in step 7": ("training_step", 7, ["checkpoint-5"]),
    "in step 12, when there is a line in the log": ("training_step", 12, ["checkpoint-10"]),
    "before a checkpoint": ("save_checkpoint", 2, ["checkpoint-2"]),
    "before the weights of the first state": ("save_model", 1, []),
    "before the optimiser in the second state": ("_save_optimizer_and_scheduler", 2, ["checkpoint-2"]),
    "before the random numbers in the third state": ("_save_rng_state", 3, ["checkpoint-5"]),
    "when the third state has no record yet": ("keep_state", 3, ["checkpoint-5"]),
    "in the last state": ("_save_rng_state", 4, ["checkpoint-10"]),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_training_goes_on_to_the_same_result_bit_for_bit(resume, undisturbed, interrupt, new_runs, tmp_path, moment):
    method, call, kept = MOMENTS[moment]
    expected, told = undisturbed(FULL)
    interrupt(method, call, stop)
    with pytest.raises(Interrupted):
        resume(tmp_path)
    assert [name for name in states(tmp_path) if not sealed.problem(tmp_path / "trainer" / name)] == kept
    steps = interrupt("training_step", 99, stop)
    outcome = resume(tmp_path)
    assert left(tmp_path) == expected
    assert {**outcome, "seconds": None} == told
    assert len(steps) == 12 - sum(int(name.removeprefix("checkpoint-")) for name in kept)
    assert states(tmp_path) == ["checkpoint-12"]


def test_an_adapter_goes_on_too(resume, undisturbed, interrupt, tmp_path):
    interrupt("training_step", 7, stop)
    with pytest.raises(Interrupted):
        resume(tmp_path, LORA)
    resume(tmp_path, LORA)
    assert left(tmp_path) == undisturbed(LORA)[0]


def test_sigterm_saves_the_state_at_the_next_step_and_leaves(resume, undisturbed, interrupt, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    interrupt("training_step", 7, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as left_with:
        resume(tmp_path)
    assert left_with.value.code == sigterm.STATUS == 143
    assert states(tmp_path) == ["checkpoint-7"]
    assert signal.getsignal(signal.SIGTERM) is before
    resume(tmp_path)
    assert left(tmp_path) == undisturbed(FULL)[0]


def test_sigterm_at_the_very_end_leaves_too(resume, undisturbed, interrupt, tmp_path):
    interrupt("_finalize_training", 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        resume(tmp_path)
    resume(tmp_path)
    assert left(tmp_path) == undisturbed(FULL)[0]


def test_a_state_of_another_number_of_processes_is_refused_and_kept(resume, interrupt, tmp_path):
    interrupt("training_step", 7, stop)
    with pytest.raises(Interrupted):
        resume(tmp_path)
    state = tmp_path / "trainer" / "checkpoint-5"
    assert processes_of(state) == 1
    (state / "rng_state.pth").rename(state / "rng_state_0.pth")
    (state / "rng_state_1.pth").touch()
    sealed.seal(state)
    with pytest.raises(TrainingError, match="checkpoint-5 ran in 2 processes, this one has 1: go on with 2, or move"):
        resume(tmp_path)
    assert sealed.problem(state) is None


def test_a_checkpoint_that_is_damaged_is_made_again_from_the_start(resume, undisturbed, new_runs, tmp_path, capsys):
    resume(tmp_path)
    (checkpoint_folder(tmp_path, 5) / "model.safetensors").write_bytes(b"no weights")
    resume(tmp_path)
    assert "step-00005 is damaged: 'model.safetensors' is not what was written." in capsys.readouterr().out
    assert left(tmp_path) == undisturbed(FULL)[0]


@pytest.fixture
def made_up(tmp_path):
    """Function that writes whole states of these steps as the trainer does."""

    def write(*steps, key="mine"):
        for step in steps:
            state = tmp_path / "trainer" / f"checkpoint-{step}"
            state.mkdir(parents=True)
            for name in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
                (state / name).write_text(f"{name} {step}")
            (state / checkpoints.KEY).write_text(key)
            sealed.seal(state)

    return write


def test_without_a_state_there_is_none(tmp_path):
    assert last_state(tmp_path, "mine", STEPS) is None


def test_an_older_state_goes_when_the_newer_one_is_whole(tmp_path, made_up, monkeypatch):
    made_up(2, 5)
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(checkpoints.sealed, "seal", lambda path: stop())
        keep_state(tmp_path, 5, "mine")
    assert states(tmp_path) == ["checkpoint-2", "checkpoint-5"]
    keep_state(tmp_path, 5, "mine")
    assert states(tmp_path) == ["checkpoint-5"]


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.pt", "trainer_state.json", "run-key.txt", "SHA256SUMS"]
)
@pytest.mark.parametrize("damage", ["changed", "emptied", "removed", "cut short"])
def test_a_state_that_is_damaged_is_set_aside_for_the_one_before(tmp_path, made_up, new_runs, capsys, name, damage):
    made_up(2, 5)
    file = tmp_path / "trainer" / "checkpoint-5" / name
    content = file.read_text()
    first_line = content[: content.find("\n") + 1]
    if damage == "removed":
        file.unlink()
    else:
        damaged = {"changed": "x" + content[1:], "emptied": "", "cut short": first_line or content[:-1]}
        file.write_text(damaged[damage])
    assert last_state(tmp_path, "mine", ()).name == "checkpoint-2"
    assert states(tmp_path) == ["checkpoint-2"]
    assert len(list(new_runs.glob("damaged/*/checkpoint-5"))) == 1
    assert capsys.readouterr().out.count("checkpoint-5 is damaged: ") == 1


def test_a_state_of_another_run_is_refused(tmp_path, made_up, new_runs, capsys):
    made_up(2, key="other")
    assert last_state(tmp_path, "mine", ()) is None
    assert "it is another run's" in capsys.readouterr().out
    assert states(tmp_path) == []


def test_other_rows_make_another_run_of_it(resume, interrupt, rows, new_micro_model, tokenizer, new_runs, tmp_path):
    interrupt("training_step", 4, stop)
    with pytest.raises(Interrupted):
        resume(tmp_path)
    steps = interrupt("training_step", 99, stop)
    train(FULL, new_micro_model(), tokenizer, rows[::-1], tmp_path, 256, resume=True)
    assert len(steps) == 12
    assert len(list(new_runs.glob("damaged/*/checkpoint-2"))) == 1


def test_a_state_that_comes_after_a_missing_checkpoint_does_not_help(tmp_path, made_up):
    made_up(2, 5)
    checkpoint_folder(tmp_path, 2).mkdir()
    assert last_state(tmp_path, "mine", STEPS).name == "checkpoint-2"
    assert states(tmp_path) == ["checkpoint-2"]
    checkpoint_folder(tmp_path, 2).rmdir()
    assert last_state(tmp_path, "mine", STEPS) is None
