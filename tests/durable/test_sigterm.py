"""Processes that are asked to end, once or twice."""

import signal
import subprocess
import sys
import time

import pytest

from rsft_utils import paths
from rsft_utils.durable import sigterm

SLEEPS = """
import sys, time
from pathlib import Path
from rsft_utils.durable import sigterm

folder = Path(sys.argv[1])
with sigterm.raises_exit():
    try:
        (folder / "begun").touch()
        time.sleep(60)
    finally:
        (folder / "asked").touch()
        time.sleep(1)
        (folder / "put in order").touch()
"""


def wait_for(file):
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_who_is_asked_twice_still_puts_things_in_order(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SLEEPS, tmp_path], cwd=paths.ROOT) as process:
        for name in ("begun", "asked"):
            wait_for(tmp_path / name)
            process.terminate()
        assert process.wait(60) == sigterm.STATUS
    assert (tmp_path / "put in order").exists()


def test_after_the_block_a_request_does_what_it_did_before():
    asked = []
    before = signal.signal(signal.SIGTERM, lambda *_: asked.append("before"))
    try:
        with pytest.raises(SystemExit), sigterm.raises_exit():
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert asked == ["before"]


def test_a_request_that_is_noted_raises_at_the_end_of_the_block():
    done = []
    with pytest.raises(SystemExit), sigterm.noted(wanted=True) as stop:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        done.append(stop.is_set())
    assert done == [True]
