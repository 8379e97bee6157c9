import pandas as pd
import pytest

from rsft_utils import paths
from rsft_utils.bench import card
from rsft_utils.real.plan import hours, probe


def test_without_a_card_it_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(hours, "find_card", lambda: None)
    with pytest.raises(ValueError, match="needs an NVIDIA card"):
        card.main()


def test_both_backends_train_every_model_that_fits_the_card(monkeypatch, tmp_path, capsys):
    measured = []
    monkeypatch.setattr(hours, "find_card", lambda: hours.CARDS["L4"])
    monkeypatch.setattr(
        probe, "probe", lambda spec, backend: measured.append((spec, backend)) or probe.Probe(backend, 1234.56, 7.89)
    )
    monkeypatch.setattr(paths, "BENCH", tmp_path)
    card.main()
    table = pd.read_csv(tmp_path / "card.csv")
    assert {"t4-16gb", "24gb"} <= set(table.preset) and "80gb" not in set(table.preset)
    assert {(spec.base, backend) for spec, backend in measured} == set(zip(table.model, table.backend, strict=True))
    assert table[table.preset == "t4-16gb"].backend.tolist() == ["unsloth", "transformers"]
    assert (table.planned_gb <= hours.CARDS["L4"].memory).all()
    assert set(table.tokens_per_second) == {1234.6} and set(table.peak_gb) == {7.9} and set(table.card) == {"L4"}
    assert "80gb with unsloth needs about" in capsys.readouterr().out
