"""Shared by the tests of the figures: made-up reference tables, and figures that are not drawn."""

import pytest

from rsft_utils import ends, plots, reference, scorecard, verdicts


@pytest.fixture
def keep(keep_arms, new_reference, made_up_summary, made_up_designs):
    """Function that keeps made-up reference tables: bases, the map of designs, and the arms that are named."""

    def keep(*arms):
        keep_arms(*arms)
        reference._save(reference.BASES, made_up_summary(steps=(0,)))
        made_up_designs.to_csv(new_reference / "designs.csv", index=False)

    return keep


@pytest.fixture
def not_drawn(monkeypatch):
    """Nothing is drawn, measured or judged: a figure is what it would have been drawn or measured from."""
    monkeypatch.setattr(plots, "compare", lambda tables, panels, label: (tables, panels, label))
    monkeypatch.setattr(plots, "warm_up", lambda tables, rates, label: (tables, rates, label))
    monkeypatch.setattr(plots, "design_map", lambda designs, label: designs)
    monkeypatch.setattr(plots, "forest", lambda verdicts, label: verdicts)
    for name in ("changes", "base_and_final", "trade_off", "refusals", "answers", "scorecard"):
        monkeypatch.setattr(plots, name, lambda of, label, **more: (of, label, *more.values()))
    for name in ("changes", "levels", "trade_off", "reasoning_gains"):
        monkeypatch.setattr(ends, name, lambda tables, *roles: (tables, *roles))
    monkeypatch.setattr(plots, "four_findings", lambda *panels, label: (panels, label))
    monkeypatch.setattr(verdicts, "table", lambda *findings: f"verdicts on {findings}")
    monkeypatch.setattr(scorecard, "scorecard", lambda: "all claims")
