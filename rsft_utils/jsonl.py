"""A reader's own rows to train on: a .jsonl file with a prompt and a completion in each line."""

import json
from pathlib import Path

EXAMPLE = '{"prompt": "What is 1 + 1?", "completion": "<think>\\n1 + 1 is 2.\\n</think>\\n\\nThe answer is 2."}'


def read(dataset: str) -> list[tuple[str, str, str]]:
    """(where, prompt, completion) of every line that is not blank; `where` names the line, for messages about it.

    Raises ValueError when there is no such file, no row in it, or a line that is not of the expected form.
    """
    file = _file(dataset)
    if not file.is_file():
        raise ValueError(f"dataset is {str(file)!r}, and there is no such file")
    # not splitlines: JSON may hold other line ends inside its texts
    lines = [(number, line) for number, line in enumerate(file.read_bytes().split(b"\n"), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{file} has no rows. A row is a line such as {EXAMPLE}")
    places = [(f"line {number} of {file.name}", line) for number, line in lines]
    return [(where, *_row(where, line)) for where, line in places]


def written(dataset: str) -> int:
    """When the file was last written (nanoseconds); 0 if there is none."""
    file = _file(dataset)
    return file.stat().st_mtime_ns if file.is_file() else 0


def shortened(value) -> str:
    """What a message shows of a value."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _file(dataset: str) -> Path:
    return Path(dataset).expanduser()


def _row(where: str, line: bytes) -> tuple[str, str]:
    try:
        row = json.loads(line.decode("utf-8-sig"))  # the mark that some editors put at the start does no harm
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValueError(f"{where} is not UTF-8 text: save the file as UTF-8") from None
    except (ValueError, RecursionError):  # no JSON, or with a number too long or brackets too deep to be read
        row = line.decode()
    for keys in (("prompt", "completion"), ("question", "response")):
        texts = [row.get(key) for key in keys] if isinstance(row, dict) else []
        if texts and all(isinstance(text, str) and text.strip() for text in texts):
            return texts[0], texts[1]
    raise ValueError(
        f"{where} must be a JSON object with prompt and completion (or question and response), both text and not "
        f"empty; found {shortened(row)}. A row is a line such as {EXAMPLE}"
    )
