"""The committed tables of the reference runs."""

from rsft_utils import paths, reference, tables
from rsft_utils.evaluate import KEPT_COMPLETIONS
from rsft_utils.micro.benchmarks import BENCHMARKS


def test_what_the_committed_figures_are_drawn_from_is_there():
    assert "S" in reference.finished()
    assert set(reference.load(reference.BASES).model) == set(reference.UNTRAINED[reference.BASES])
    designs = reference.load_designs()  # the map is drawn once its pilots were run
    assert designs is None or set(designs.role) == {"ID", "OOD"}


def test_nothing_else_lies_among_the_committed_tables():
    names = [*reference.UNTRAINED, *reference.arms()]
    allowed = {f"{folder}{name}.parquet" for name in names for folder in ("", "loss/", "completions/")}
    found = {path.relative_to(paths.REFERENCE).as_posix() for path in paths.REFERENCE.rglob("*") if path.is_file()}
    assert found <= allowed | {"designs.csv", "README.md"}


def test_a_committed_table_holds_exactly_the_runs_of_its_arm():
    for arm in reference.finished():
        table, specs = reference.load(arm), {spec.name: spec for spec in reference.arms()[arm]}
        assert list(table) == list(tables.SUMMARY_COLUMNS)
        assert set(table.run) == set(specs), arm
        for name, rows in table.groupby("run"):
            spec = specs[name]
            assert (set(rows.model), set(rows.seed)) == ({spec.base}, {spec.seed}), name
            assert set(rows[rows.step > 0].dataset) == {spec.dataset}, name
            assert set(rows.step) == set(spec.steps), name
            assert set(rows.benchmark) == set(BENCHMARKS), name
            # the first tables were made before refusal_mass was measured
            assert set(rows.metric) | {"refusal_mass"} == set(tables.METRICS), name


def test_a_committed_run_was_asked_all_items():
    for arm in reference.finished():
        greedy = reference.load(arm).query("mode == 'free' and decoding == 'greedy'")
        last = greedy.step.max()
        of_a_curve = greedy[greedy.metric == "score_common"]
        at_the_ends = greedy[(greedy.metric == "score") & greedy.step.isin([0, last]) & (greedy.benchmark != "fact")]
        assert set(of_a_curve.n_items) == {200}, arm
        assert set(at_the_ends.n_items) == {500}, arm  # there are only 200 facts


def test_the_loss_of_every_committed_run_is_kept_up_to_its_last_step_at_its_rate():
    for arm in reference.finished():
        loss = reference.load_loss(arm)
        assert set(loss.run) == {spec.name for spec in reference.arms()[arm]}, arm
        for spec in reference.arms()[arm]:
            rows = loss[loss.run == spec.name]
            assert rows.step.tolist() == list(range(10, spec.total_steps + 1, 10)), spec.name
            assert rows.loss.gt(0).all(), spec.name
            assert 0.9 * spec.learning_rate < rows.rate.max() <= spec.learning_rate * (1 + 1e-9), spec.name


def test_the_texts_of_every_committed_run_are_kept():
    for arm in reference.finished():
        texts = reference.load_completions(arm)
        for spec in reference.arms()[arm]:
            greedy = texts[(texts.run == spec.name) & (texts.decoding == "greedy")]
            counts = greedy.groupby(["step", "benchmark"]).size()
            expected = {(step, name) for step in spec.steps for name in BENCHMARKS}
            assert set(counts.index) == expected and set(counts) == {KEPT_COMPLETIONS}, spec.name
