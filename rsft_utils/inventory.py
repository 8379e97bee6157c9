"""What lies in the run store, of micro and of real models, and what of it nobody needs any more."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rsft_utils import paths
from rsft_utils.durable import sealed

RESULTS = ("result.json", "summary.csv", "training.json", "items/*.parquet", "checkpoints/step-*")
TEMPORARY = re.compile(r"\.(\d+)-")  # how names begin that written_whole gives, with the id of the process


@dataclass(frozen=True)
class Run:
    """A folder of the store; `state` is `complete`, `training at step 40`, `being measured` or `damaged (...)`."""

    name: str
    state: str
    written: float  # when something in it last was, in seconds since 1970
    size: int  # bytes


def runs() -> list[Run]:
    """All runs, by name. Reads every file whose hash was recorded."""
    folders = (folder for folder in sorted(paths.RUNS.glob("*-????????")) if folder.is_dir())
    found = []
    for folder in folders:
        about = [file.stat() for file in folder.rglob("*") if file.is_file()]
        written = max((stat.st_mtime for stat in about), default=folder.stat().st_mtime)
        found.append(Run(folder.name, _state(folder), written, sum(stat.st_size for stat in about)))
    return found


def _state(folder: Path) -> str:
    recorded = {record.with_suffix("") for record in folder.rglob("*.sha256")}
    results = {file for name in RESULTS for at in (name, f"measured-*/{name}") for file in folder.glob(at)}
    for file in sorted(recorded | results):
        if why := sealed.problem(file):
            return f"damaged ({file.relative_to(folder).as_posix()}: {why})"
    if any(file.name == "result.json" for file in results):
        return "complete"
    log = folder / "checkpoints" / "log.jsonl"
    if (folder / "training.json").exists() or not log.parent.exists():
        return "being measured"
    lines = log.read_text().splitlines() if log.exists() else []
    return f"training at step {json.loads(lines[-1])['step'] if lines else 0}"


def garbage() -> Iterator[tuple[Path, str, int]]:
    """What may go: (path, what it is, bytes)."""
    import psutil

    if (damaged := paths.RUNS / "damaged").exists():
        yield damaged, "damaged, and set aside", _size(damaged)
    if (failed := paths.RUNS / "notebooks" / "failed").exists():
        yield failed, "notebooks that failed", _size(failed)
    for state in paths.RUNS.glob("*/checkpoints/trainer"):
        if (state.parents[1] / "training.json").exists():
            yield state, "state of a training that has finished", _size(state)
    for path in paths.RUNS.rglob(".*-*"):
        if (process := TEMPORARY.match(path.name)) and not psutil.pid_exists(int(process[1])):
            yield path, "left by a process that is gone", _size(path)


def remove(path: Path) -> None:
    """Remove a file or a folder; what lay in another one that was removed is gone already."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
