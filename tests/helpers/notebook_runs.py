"""What a run of a made-up notebook leaves: processes, files, and what is told when it fails."""

import json
import re
from contextlib import contextmanager

import psutil
import pytest

from rsft_utils import paths, runner

slow = pytest.mark.slow  # whatever starts more than one kernel, or kills one
TOKEN = "hf_" + "aB3" * 10
LAST_GOOD = b"what the last run left that went well"

END = 'notebook.end(NAME, {"C1": "held"})'


def left_behind():
    """Processes that were started with this test's folder for runs in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RSFT_RUNS") == str(paths.RUNS):
                found.append(process)
        except psutil.Error:
            pass
    return found


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name[0] != "." or not path.name.endswith(".lock"))


@contextmanager
def the_last_good_output_stays():
    output = paths.RUNS / "notebooks" / "made_up.ipynb"
    output.parent.mkdir(parents=True)
    output.write_bytes(LAST_GOOD)
    yield
    assert output.read_bytes() == LAST_GOOD
    assert files(output.parent) == ["failed", "made_up.ipynb"]
    assert left_behind() == []


def record():
    """What is told about the only run that failed."""
    (file,) = (paths.RUNS / "notebooks" / "failed").glob("*.json")
    return json.loads(file.read_text())


def fails(file, reason, said, **options):
    """Run a notebook that fails for a reason; returns the cells that were kept."""
    with the_last_good_output_stays(), pytest.raises(runner.NotebookFailed) as failed:
        runner.run(file, {"seeds": 2}, **options)
    assert f"made_up failed ({reason}): " in str(failed.value)
    assert re.search(said, str(failed.value))
    about = record()
    assert about["reason"] == reason and re.search(said, about["said"]) and about["parameters"] == {"seeds": 2}
    (kept,) = (paths.RUNS / "notebooks" / "failed").glob("*.ipynb")
    assert str(kept) in str(failed.value)
    return kept.read_text()
