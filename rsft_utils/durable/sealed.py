"""Files and folders that can be trusted later: moved into place when whole, with a record of their SHA-256 hashes.

    step-00010/SHA256SUMS            of the files in a folder; the folder appears with it
    step-00010.parquet.sha256        of a single file, beside it and written after it

The records are what `sha256sum -c` reads. What lacks its record, or differs from it, was not written to its end or was
damaged afterwards: it is set aside in runs/damaged/, never deleted, and made again.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rsft_utils import paths

RECORD = "SHA256SUMS"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write a file or folder to; moved onto `path` when the block ends well, else removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield aside
        for file in [aside] if aside.is_file() else aside.rglob("*"):
            if file.is_file():
                _flush(file)
        os.replace(aside, path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        aside.unlink(missing_ok=True)


@contextmanager
def written_sealed(path: Path) -> Iterator[Path]:
    """As written_whole, and with a record of its hashes."""
    with written_whole(path) as aside:
        yield aside
        if aside.is_dir():
            seal(aside)
        else:
            record(path).unlink(missing_ok=True)  # of what was there before
    if path.is_file():
        seal(path)


def seal(path: Path) -> None:
    """Write the record of a file or folder that is complete."""
    lines = [f"{_sha256(file)}  {name}\n" for name, file in _files(path).items()]
    with written_whole(record(path)) as aside:
        aside.write_text("".join(lines), newline="\n")


def record(path: Path) -> Path:
    return path / RECORD if path.is_dir() else path.with_name(f"{path.name}.sha256")


def is_sealed(path: Path) -> bool:
    """Whether a file or folder has its record; `problem` says whether it still agrees with it."""
    return path.exists() and record(path).exists()


def problem(path: Path) -> str | None:
    """What is wrong with a file or folder that should be sealed; None when it is whole."""
    if not path.exists():
        return "it is missing"
    if not record(path).exists():
        return "it has no record of its hashes, so it was not written to its end, or by an older version"
    lines = record(path).read_text(errors="replace").splitlines()
    recorded, found = {line[66:]: line[:64] for line in lines}, _files(path)
    if not recorded:
        return "its record is empty"
    for name in sorted(recorded.keys() | found.keys()):
        if name not in found:
            return f"{name!r} is in its record, but not there"
        if name not in recorded:
            return f"{name!r} is not in its record"
        if _sha256(found[name]) != recorded[name]:
            return f"{name!r} is not what was written"
    return None


def set_aside(path: Path, why: str) -> None:
    """Move a file or folder, and its record, to runs/damaged/<time>/ and say so."""
    shown = path.relative_to(paths.RUNS) if path.is_relative_to(paths.RUNS) else Path(path.name)
    there = paths.RUNS / "damaged" / f"{datetime.now():%Y%m%d-%H%M%S.%f}" / shown
    there.parent.mkdir(parents=True)
    for part in (path, record(path)):
        if part.exists():
            shutil.move(part, there.with_name(part.name))
    print(f"{shown} is damaged: {why}. It now lies in {there.parent} and is made again.", flush=True)


def set_damaged_aside(found: Iterable[Path]) -> None:
    """Set aside those files and folders that are there and not whole: after that a record can be trusted."""
    for path in found:
        if path.exists() and (why := problem(path)):
            set_aside(path, why)


def remove(file: Path) -> None:
    """Remove a file that is made again in any case, and its record."""
    record(file).unlink(missing_ok=True)
    file.unlink(missing_ok=True)


def _files(path: Path) -> dict[str, Path]:
    """What a record covers, by the name in it: the file itself, or all files of the folder that are not hidden."""
    if path.is_file():
        return {path.name: path}
    files = (file for file in path.rglob("*") if file.is_file() and file.name != RECORD)
    return {file.relative_to(path).as_posix(): file for file in sorted(files) if not file.name.startswith(".")}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _flush(file: Path) -> None:
    """Wait until a file is on the disk."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())
