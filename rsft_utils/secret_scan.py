"""Finds secrets in bytes: what tokens of known services look like, and the values of this process's own secrets.

`python -m rsft_utils.secret_scan FILE...` names the files that hold one and what it is, never the secret itself.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

FORMS = {
    "a Hugging Face token": rb"hf_[A-Za-z0-9]{20,}",
    "an API key": rb"sk-[A-Za-z0-9_-]{20,}",
    "a GitHub token": rb"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{20,}",
    "an AWS key id": rb"A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9+/])",
}
# They begin where no word goes on (`task-...`), or behind a line break or a colour as JSON writes them.
BEFORE = re.compile(rb"(?:^|[^A-Za-z0-9]|\\[nrt]|[0-9]m)$")
NAMES = re.compile("TOKEN|KEY|SECRET|PASSWORD", re.IGNORECASE)  # of environment variables that hold a secret
PLACES = re.compile("_(PATH|FILE|DIR)$", re.IGNORECASE)  # that say where one lies
SHORTEST = 8  # characters; shorter values, such as `false`, stand in any text


def found(data: bytes) -> list[str]:
    """What secrets are in there, in words such as `a Hugging Face token` or `the value of HF_TOKEN`."""
    forms = [
        what
        for what, form in FORMS.items()
        if any(BEFORE.search(data[max(0, hit.start() - 2) : hit.start()]) for hit in re.finditer(form, data))
    ]
    values = [
        f"the value of {name}"
        for name, value in os.environ.items()
        if NAMES.search(name) and not PLACES.search(name) and any(text in data for text in _written(value))
    ]
    return forms + sorted(values)


def _written(value: str) -> set[bytes]:
    """How the lines of a value may stand in a file: as they are, and as JSON (a notebook) has them."""
    lines = [line for line in value.strip().splitlines() if len(line) >= SHORTEST]
    as_json = [json.dumps(line, ensure_ascii=ascii)[1:-1] for line in lines for ascii in (True, False)]
    return {text.encode(errors="surrogateescape") for text in (*lines, *as_json)}


def main(files: Sequence[str]) -> int:
    """Name the files with secrets; 1 if there is one."""
    hits = {file: what for file in files if (what := found(Path(file).read_bytes()))}
    for file, what in hits.items():
        print(f"{file} holds a secret: {', '.join(what)}")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
