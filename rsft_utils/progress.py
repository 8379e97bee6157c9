"""One line while runs are made: the share that is done, the time gone and left, and what is being made.

On a terminal and in a notebook a state is written over the one before; a log, which keeps all, has one a minute.
"""

import json
import shutil
import sys
import time
from dataclasses import asdict
from itertools import combinations

from rsft_utils import store
from rsft_utils.durable import sealed
from rsft_utils.specs import RunSpec

EVERY, EVERY_IN_A_LOG = 2, 60  # seconds from one state of the line to the next
# what measuring one checkpoint costs on the progress bar, in training steps
UNITS_MIDDLE, UNITS_END = 40, 200


class Screen:
    """A stream for states of a progress line, each begun by a carriage return; whatever else is written is left out."""

    def __init__(self, stream):
        self.stream, self.encoding = stream, stream.encoding
        self.is_terminal = stream.isatty()
        self.is_overwritten = self.is_terminal or type(stream).__module__.startswith("ipykernel.")
        self.state, self.written = "", float("-inf")

    def write(self, text: str) -> None:
        is_state = text.startswith("\r")
        if is_state:
            self._show(text.rstrip("\n").rpartition("\r")[2])  # several may come at once
        if self.state and (text.endswith("\n") or not is_state) and text:
            self.stream.write("\n" if self.is_overwritten else f"{self.state}\n")
            self.state = ""

    def _show(self, state: str) -> None:
        self.state = state if self.is_overwritten else state.rstrip()
        if self.is_overwritten:
            width = shutil.get_terminal_size().columns - 1 if self.is_terminal else None
            self.stream.write(f"\r{state[:width]}")  # a state of two lines could not be written over
        elif time.monotonic() - self.written > EVERY_IN_A_LOG:
            self.stream.write(f"{self.state}\n")
            self.state, self.written = "", time.monotonic()

    def flush(self) -> None:
        self.stream.flush()


class Line:
    """The line of some work of which `done` in `total` is done already; time is reckoned from what is done from now on.

    Used in a `with` statement, whose end leaves the last state.
    """

    def __init__(self, total: float, done: float = 0, shown: bool = True):
        from tqdm import tqdm

        self.shown = float("-inf")
        self.bar = tqdm(
            total=total,
            initial=done,
            disable=not shown,
            file=Screen(sys.stdout),
            bar_format="{percentage:3.0f} % |{bar:10}| {elapsed} gone, about {remaining} left  {desc}",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()

    def update(self, done: float, doing: str) -> None:
        """Say how much is done and what is being done, at most every two seconds."""
        self.bar.n = done
        self.bar.set_description_str(doing, refresh=False)
        if time.monotonic() - self.shown > EVERY:
            self.shown = time.monotonic()
            self.bar.refresh()


class RunsLine(Line):
    """The line of runs of micro models, read off what lies in the store."""

    def __init__(self, specs: list[RunSpec], shown: bool):
        self.specs, self.labels = specs, labels(specs)
        total = sum(spec.total_steps + _units(spec, spec.steps) for spec in specs)
        super().__init__(total, self._state()[0], shown)

    def look(self) -> None:
        """Look how far the runs are, and say it."""
        self.update(*self._state())

    def _state(self) -> tuple[int, str]:
        done, n_measured, training = 0, 0, []
        for spec, label in zip(self.specs, self.labels, strict=True):
            measured = [step for step in spec.steps if sealed.is_sealed(store.items_file(spec, step))]
            step = spec.total_steps if store.is_trained(spec) else last_logged_step(store.checkpoints_folder(spec))
            done += step + _units(spec, measured)
            n_measured += len(measured)
            if 0 < step < spec.total_steps:
                training.append(f"{label} {step}/{spec.total_steps}".strip())
        said = f"{n_measured}/{sum(len(spec.steps) for spec in self.specs)} measured"
        return done, f"{said}, training {', '.join(training)}" if training else said


def _units(spec: RunSpec, steps) -> int:
    return sum(UNITS_END if step in (0, spec.total_steps) else UNITS_MIDDLE for step in steps)


def last_logged_step(folder) -> int:
    """How far the training is that writes its checkpoints into a folder."""
    log = folder / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def labels(specs: list[RunSpec]) -> list[str]:
    """What tells runs apart in as few words as possible: `S math-cot`, `seed 1`; nothing for a single run."""
    fields = [asdict(spec) for spec in specs]
    names = dict.fromkeys(("size", "dataset", "seed", *fields[0]))
    differing = [name for name in names if len({one[name] for one in fields}) > 1]
    for n in range(len(differing) + 1):
        for some in combinations(differing, n):
            found = [" ".join(_words(name, one[name]) for name in some) for one in fields]
            if len(set(found)) == len(specs):
                return found
    return found  # the same run twice


def _words(name: str, value) -> str:
    return value if isinstance(value, str) else f"{name.replace('_', ' ')} {value}"
