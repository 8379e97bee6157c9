import os
from dataclasses import replace

import pandas as pd
import pytest

from rsft_utils import paths
from rsft_utils.bench import scaling
from rsft_utils.bench.machine import machine


@pytest.fixture(autouse=True)
def nothing_is_left_behind(one_thread, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    monkeypatch.setattr(paths, "BENCH", tmp_path / "bench")


def test_growth_is_relative_to_one_and_workers_to_a_single_one(monkeypatch, capsys):
    asked = []

    def runs(n, workers):
        asked.append((n, workers))
        return (5 + 2 * n) / workers

    monkeypatch.setattr(scaling, "_runs", runs)
    monkeypatch.setattr(scaling, "_checkpoints", lambda counts: {1: 3.0, 2: 6.0})
    monkeypatch.setattr(scaling, "_matrix_flops", lambda: 80e9)
    monkeypatch.setattr(scaling, "_training_flops", lambda size: {"XS": 20e9, "S": 40e9}[size])
    scaling.main()
    assert asked == [(1, 1)] + [(n, 1) for n in scaling.COUNTS] + [(4, 1), (4, 2)]  # first, to warm up
    table = pd.read_csv(paths.BENCH / "scaling.csv")
    one = table.set_index(["what", "n"]).ratio
    assert one["runs one after the other", 1] == 1 and one["runs one after the other", 4] == pytest.approx(
        13 / 28, abs=1e-3
    )
    assert one["checkpoints measured", 2] == 1
    assert one["4 runs by so many workers", 2] == 2
    assert one["training S, useful products of matrices", 1] == 0.5
    assert set(table.machine) == {machine()} and "GFLOP/s" in capsys.readouterr().out


@pytest.mark.slow
def test_every_number_is_measured_in_a_store_of_its_own(monkeypatch):
    monkeypatch.setattr(scaling, "RUN", replace(scaling.RUN, n_rows=32, epochs=1, n_items=1, n_items_ends=1))
    monkeypatch.setattr(scaling, "COUNTS", (1, 2))
    monkeypatch.setattr(scaling, "WORKERS_RUNS", 2)
    monkeypatch.setattr(scaling, "TRAINED_ROWS", 32)
    before = paths.RUNS, os.environ["RSFT_RUNS"], sorted(paths.RUNS.rglob("*"))
    scaling.main()
    assert before == (paths.RUNS, os.environ["RSFT_RUNS"], sorted(paths.RUNS.rglob("*")))
    table = pd.read_csv(paths.BENCH / "scaling.csv")
    assert len(table) == 9 and (table.value > 0).all() and (table.ratio > 0).all()
