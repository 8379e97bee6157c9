"""How long the project's commands take on this machine and how much memory they need, each run as a reader runs it.

`figures` runs three times: from the paper's numbers, from nothing, and with its runs found; the notebooks one after the
other, in their order, from nothing too. Both use a run store and a folder of figures of their own, so that what is
already there neither helps nor is overwritten.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from rsft_utils import paths
from rsft_utils.bench.machine import keep

COMMANDS = {
    "claims": ["claims"],
    "redraw": ["redraw"],
    "figures from the paper's numbers": ["figures", "--profile", "published"],
    "figures from nothing": ["figures"],
    "figures again": ["figures"],
}
NOTEBOOKS = {file.stem: ["run", str(file)] for file in sorted(paths.NOTEBOOKS.glob("*.ipynb"))}
EVERY = 0.5  # seconds between two looks at the memory


def main() -> None:
    """Run every command, print a table, and write data/bench/commands.csv."""
    import pandas as pd

    rows = []
    for some in (COMMANDS, NOTEBOOKS):
        with tempfile.TemporaryDirectory() as folder:
            own = {"RSFT_RUNS": f"{folder}/runs", "RSFT_FIGURES": f"{folder}/figures"}
            rows += [
                (name, *measured([sys.executable, "-m", "rsft_utils", *arguments], own))
                for name, arguments in some.items()
            ]
    table = pd.DataFrame(rows, columns=["command", "seconds", "peak_gb"]).round({"seconds": 0, "peak_gb": 1})
    keep(table, "commands")


def measured(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds that a command runs and the peak memory of it and its children in GB.

    The resident memory of all processes is added up, so what they share counts once for each: an upper bound. Raises
    RuntimeError with the command's last words if it fails.
    """
    import psutil

    with tempfile.TemporaryFile("w+") as said:
        started, peak = time.monotonic(), 0
        process = psutil.Popen(
            command, env=os.environ | environment, cwd=paths.ROOT, stdout=said, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            peak = max(peak, _resident(process))
            time.sleep(EVERY)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{Path(command[0]).name} {' '.join(command[1:])} failed:\n{said.read()[-2000:]}")
    return seconds, peak / 1e9


def _resident(process) -> int:
    """Bytes of resident memory of a process and all its children."""
    import psutil

    total = 0
    with suppress(psutil.NoSuchProcess):  # it ended while it was looked at; the next look is soon
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    return total
