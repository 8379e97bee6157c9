"""One line while runs are made: the share that is done, the time left, and what every unfinished run is doing."""

import json
import sys
import time

from rsft_utils import store
from rsft_utils.durable import sealed
from rsft_utils.specs import RunSpec

# what measuring one checkpoint costs on the progress bar, in training steps
UNITS_MIDDLE, UNITS_END = 40, 200


class Progress:
    """One line: share done, time left, and what every unfinished run is doing."""

    def __init__(self, specs: list[RunSpec], shown: bool):
        from tqdm import tqdm

        self.specs, self.shown = specs, 0.0
        total = sum(spec.total_steps + self._units(spec, spec.steps) for spec in specs)
        self.bar = tqdm(
            total=total,
            disable=not shown,
            file=sys.stdout,
            mininterval=1,
            bar_format="{percentage:3.0f} % |{bar:20}| {elapsed} gone, about {remaining} left  {desc}",
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()

    @staticmethod
    def _units(spec: RunSpec, steps) -> int:
        return sum(UNITS_END if step in (0, spec.total_steps) else UNITS_MIDDLE for step in steps)

    def update(self) -> None:
        done, words = 0, []
        for spec in self.specs:
            measured = [step for step in spec.steps if sealed.is_sealed(store.items_file(spec, step))]
            trained = spec.total_steps if store.is_trained(spec) else _last_logged_step(spec)
            done += trained + self._units(spec, measured)
            words.append(
                f"seed {spec.seed}: step {trained}/{spec.total_steps}, {len(measured)}/{len(spec.steps)} measured"
            )
        self.bar.n = done
        self.bar.set_description_str("; ".join(words), refresh=False)
        if time.monotonic() - self.shown > 2:
            self.shown = time.monotonic()
            self.bar.refresh()


def _last_logged_step(spec: RunSpec) -> int:
    log = store.checkpoints_folder(spec) / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0
