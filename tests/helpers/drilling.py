"""What is done to a run in a drill, and how one looks at what it left."""

import json
import os
from concurrent.futures import Future
from contextlib import contextmanager

from filelock import FileLock, Timeout

from rsft_utils.durable import sealed
from rsft_utils.durable.checkpoints import checkpoint_folder
from rsft_utils.specs import RunSpec
from rsft_utils.store import TRAINING

# 12 steps, measured at 0, 2, 5, 10 and 12
SPEC = RunSpec(size="XS", learning_rate=3e-4, n_rows=96, batch_size=16, epochs=2, n_items=1, n_items_ends=1)


class Here:
    """A pool without processes: the tests can spoil what is done."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def here(workers):
    yield Here()


def contents(folder, pattern):
    return {file.relative_to(folder): file.read_bytes() for file in folder.glob(pattern)}


def whole(spec, store):
    """What is there of a run and undamaged: the steps that were measured, and its training."""
    steps = {step for step in spec.steps if sealed.problem(store.items_file(spec, step)) is None}
    needed = [store.run_folder(spec) / name for name in TRAINING]
    unmeasured = [step for step in spec.steps if step and step not in steps]
    needed += [checkpoint_folder(store.checkpoints_folder(spec), step) for step in unmeasured]
    return steps if any(map(sealed.problem, needed)) else {"training", *steps}


def half_written(folder):
    return [path for path in folder.rglob(".*") if not path.name.endswith(".lock")]


def cut_short(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def changed(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {"cut short": cut_short, "removed": os.unlink, "changed": changed}


def is_free(lock):
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


def write_rows(file, modulus):
    lines = [
        {"prompt": f"What is {a} + {b}?", "completion": f"<think>\nI add.\n</think>\n\nIt is {(a + b) % modulus}."}
        for a in range(6)
        for b in range(6)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
