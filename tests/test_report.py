from rsft_utils import paths, report
from rsft_utils.runner import Executed


def executed(name, figures, verdicts, seconds=90.0):
    result = {"notebook": name, "figures": figures, "verdicts": verdicts}
    return Executed(paths.RUNS / "notebooks" / f"{name}.ipynb", result, seconds)


def test_every_figure_has_a_row_and_every_verdict_its_place(monkeypatch):
    monkeypatch.setattr(paths, "FIGURES_LOCAL", paths.FIGURES / "local")
    table = report.summary(
        [
            executed("00_world", ["bases"], {}),
            executed("01_dip", ["loss", "dip"], {"C1": "inconclusive", "C2": "held", "C3 ID": "held"}, 600.0),
        ]
    )
    assert table.splitlines() == [
        "figure                            minutes  verdicts on the claims (reference runs)",
        "figures/local/00_world/bases.png      1.5",
        "figures/local/01_dip/loss.png        10.0  held: C2, C3 ID",
        "                     dip.png               inconclusive: C1",
    ]


def test_a_notebook_without_figures_has_a_row_too():
    assert "(no figure)" in report.summary([executed("00_world", [], {})])


def test_many_verdicts_are_broken_into_lines_that_fit(monkeypatch):
    monkeypatch.setattr(paths, "FIGURES_LOCAL", paths.FIGURES / "local")
    verdicts = {f"C{i}": "inconclusive" for i in range(18)}
    lines = report.summary([executed("02_data_quality_and_structure", ["completion_lengths"], verdicts)]).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 120
    assert all(f"C{i}" in " ".join(lines) for i in range(18))
