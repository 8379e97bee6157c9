import os

import pandas as pd
import pytest

from rsft_utils import paths
from rsft_utils.bench import speed


@pytest.fixture(autouse=True)
def nothing_is_left_behind(one_thread, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    monkeypatch.setattr(paths, "BENCH", tmp_path / "bench")


def test_the_table_compares_medians_of_rounds_within_one_kind_of_work(monkeypatch, capsys):
    speeds = {"ours": [100.0, 300.0, 200.0], "theirs": [50.0, 40.0, 900.0], "generated": [10.0, 10.0, 10.0]}
    order = []

    def measured(name):
        def measure():
            order.append(name)
            return speeds[name].pop(0)

        return measure

    kinds = {"ours": "training", "theirs": "training", "generated": "generation"}
    variants = {(work, name if work == "training" else "ours"): measured(name) for name, work in kinds.items()}
    monkeypatch.setattr(speed, "_MEASURED", variants)
    speed.main()
    assert order == ["ours", "theirs", "generated"] * 3  # in turn, so that a drifting machine hits all alike
    table = pd.read_csv(paths.BENCH / "speed.csv")
    assert table[["work", "variant", "tokens_per_second", "ours_is_faster"]].values.tolist() == [
        ["training", "ours", 200, 1.0],
        ["training", "theirs", 50, 4.0],
        ["generation", "ours", 10, 1.0],
    ]
    assert set(table.threads) == {1}
    assert "theirs" in capsys.readouterr().out


@pytest.mark.slow
def test_every_variant_measures_a_speed_and_ours_comes_first(monkeypatch):
    monkeypatch.setattr(speed, "SIZE", "XS")
    monkeypatch.setattr(speed, "STEPS", 2)
    monkeypatch.setattr(speed, "PROMPTS_PER_BENCHMARK", 1)
    firsts = {}
    for work, name in speed._MEASURED:
        firsts.setdefault(work, name)
    assert all(name.startswith("ours") for name in firsts.values())
    assert all(measure() > 0 for measure in speed._MEASURED.values())
