import sys

import pandas as pd
import pytest

from rsft_utils import cli, paths
from rsft_utils.bench import commands

HOLD = "import time; held = bytearray({} * 2**20); time.sleep(1)"


def test_a_commands_seconds_and_memory_are_measured(monkeypatch):
    monkeypatch.setattr(commands, "EVERY", 0.05)
    seconds, small = commands.measured([sys.executable, "-c", HOLD.format(1)], {})
    _, large = commands.measured([sys.executable, "-c", HOLD.format(200)], {})
    assert 1 <= seconds < 10
    assert large - small == pytest.approx(0.2, abs=0.05)


def test_the_memory_of_children_counts(monkeypatch):
    monkeypatch.setattr(commands, "EVERY", 0.05)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{HOLD.format(200)}'])"
    _, peak = commands.measured([sys.executable, "-c", parent], {})
    assert peak > 0.2


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="no such thing"):
        commands.measured([sys.executable, "-c", "raise SystemExit('no such thing')"], {})


def test_commands_and_notebooks_run_in_a_store_of_their_own_each_and_are_rows(monkeypatch, tmp_path, capsys):
    ran = []
    monkeypatch.setattr(paths, "BENCH", tmp_path)
    monkeypatch.setattr(commands, "measured", lambda command, own: ran.append((command[3:], own)) or (61.4, 2.23))
    commands.main()
    every = commands.COMMANDS | commands.NOTEBOOKS
    assert [arguments for arguments, _ in ran] == list(every.values())
    stores = [own["RSFT_RUNS"] for _, own in ran]
    n = len(commands.COMMANDS)  # one for all of them, so that `figures again` finds its runs
    assert len(set(stores[:n])) == len(set(stores[n:])) == 1 and len(set(stores)) == 2
    assert not any(store.startswith(str(paths.RUNS)) for store in stores)
    table = pd.read_csv(tmp_path / "commands.csv")
    assert table.command.tolist() == list(every)
    assert list(commands.NOTEBOOKS) == list(cli.NOTEBOOKS)
    assert set(table.seconds) == {61} and set(table.peak_gb) == {2.2}
    assert "figures again" in capsys.readouterr().out
