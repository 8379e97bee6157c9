"""What a training leaves in its folder: checkpoints to measure, and states of the trainer to go on from.

    step-00010/               model or adapter
    trainer/checkpoint-10/    state: weights, optimiser, schedule, random numbers, the loss of every step so far

Both are sealed (see sealed.py). The trainer itself would go on from a state without its optimiser, with a new one and
without a word.
"""

import shutil
from pathlib import Path

from rsft_utils import processes
from rsft_utils.durable import sealed

KEY = "run-key.txt"  # in a state: whose it is


def checkpoint_folder(folder: Path, step: int) -> Path:
    return folder / f"step-{step:05d}"


def save_checkpoint(model, folder: Path, step: int) -> None:
    """Save model or adapter as `folder/step-00010`. Where several processes train, all of them must call it."""
    weights = processes.whole_weights(model)
    if processes.is_first():
        with sealed.written_sealed(checkpoint_folder(folder, step)) as aside:
            model.save_pretrained(aside, state_dict=weights)


def keep_state(folder: Path, step: int, key: str) -> None:
    """Seal the state that the trainer has just written; only then the older ones are not needed any more."""
    state = folder / "trainer" / f"checkpoint-{step}"
    (state / KEY).write_text(key)
    sealed.seal(state)
    for other in _states(folder):
        if other != state:
            shutil.rmtree(other)


def last_state(folder: Path, key: str, steps: tuple[int, ...]) -> Path | None:
    """The newest whole state of the run with this key from which every checkpoint that is missing is still to come.

    `steps` are those of all checkpoints. States that are damaged, or another run's, are set aside; with another run's
    its checkpoints, too.
    """
    for state in sorted(_states(folder), key=_step, reverse=True):
        why = sealed.problem(state)
        if why is None and (state / KEY).read_text() != key:
            why = "it is another run's"
            for checkpoint in folder.glob("step-*"):
                sealed.set_aside(checkpoint, why)
        missing = [step for step in steps if step and not checkpoint_folder(folder, step).exists()]
        if why:
            sealed.set_aside(state, why)
        elif missing and _step(state) >= missing[0]:
            shutil.rmtree(state)  # made again on the way
        else:
            return state
    return None


def processes_of(state: Path) -> int:
    """How many processes wrote a state: each of them its random numbers."""
    return len(list(state.glob("rng_state*.pth")))


def _states(folder: Path) -> list[Path]:
    return list((folder / "trainer").glob("checkpoint-*"))


def _step(state: Path) -> int:
    return int(state.name.removeprefix("checkpoint-"))
