import pandas as pd
import pytest

from rsft_utils import published
from rsft_utils.tables import SUMMARY_COLUMNS, validate


@pytest.fixture(scope="module")
def table():
    return published.load()


def test_the_table_fits_its_schema(table):
    assert len(table) == 422
    assert set(table["study"]) == set(published.STUDIES)


def test_a_damaged_table_is_refused(table):
    from pandera.errors import SchemaErrors

    schema = published._schema()
    for damaged in (
        table.assign(value=table["value"] * 100),
        table.assign(benchmark="MATH"),
        table.drop(columns="note"),
        table.assign(note=""),
        table.assign(step=0),
    ):
        with pytest.raises(SchemaErrors):
            schema.validate(damaged, lazy=True)


def test_conflicting_readings_are_few_and_noted(table):
    twice = table[table.duplicated(published.KEY, keep=False)]
    assert len(twice) == 8
    assert twice["note"].str.startswith("conflict").all()
    # one reading of each conflicting cell is the one to use
    assert (twice[twice["confidence"] == "exact"].groupby(published.KEY).size() == 1).all()
    assert (twice["confidence"] == "exact").sum() == 4


def test_a_base_has_one_row_per_measure(table):
    base = table[(table["step"] == 0) & (table["confidence"] == "exact")]
    assert not base.duplicated(["study", "model", "benchmark", "metric"]).any()


def test_the_4b_curve():
    rows = published.curves(["Qwen3-4B"], ["MATH500"])
    assert rows["step"].tolist() == [0, 10, 20, 40, 80, 160, 320, 480, 640]
    assert rows["value"].tolist() == [70.8, 64.9, 62.9, 71.5, 77.1, 78.8, 86.3, 87.1, 86.2]
    assert set(rows["role"]) == {"ID"}


@pytest.mark.parametrize(
    ("model", "dataset", "setting", "step", "benchmark", "value"),
    [
        ("Qwen3-1.7B", "Math-CoT-20k", "ep8_bs256", 40, "MATH500", 42.9),
        ("Qwen3-1.7B", "Math-NoCoT-20k", "ep8_bs256", 480, "MATH500", 61.3),
        ("Qwen3-4B", "Math-CoT-20k", "ep8_bs256", 20, "IFEval", 33.0),
        ("Qwen3-4B", "Countdown-CoT-20k", "ep8_bs256", 640, "GPQA-D", 38.6),
        ("Qwen3-8B", "NuminaMath-20k", "ep8_bs256", 640, "LCBv2", 7.9),
        ("Qwen3-8B", "none", "base", 0, "GPQA-D", 39.7),
        ("Qwen3-14B", "Math-CoT-20k", "ep1_bs32", 640, "MMLU-Pro", 70.5),
        ("Qwen3-14B", "Math-CoT-2.5k", "ep8_bs32", 640, "AIME24", 61.7),
        ("InternLM2.5-20B", "Math-CoT-20k", "ep8_bs256", 640, "TruthfulQA-help", 99.8),
        ("Gemma3-27B", "Math-CoT-20k", "ep8_bs256", 640, "MATH500", 89.1),
        ("Qwen2.5-14B", "none", "base", 0, "HaluEval", 56.1),
    ],
)
def test_cells(table, model, dataset, setting, step, benchmark, value):
    cell = table.query(
        "study == 'paper' and model == @model and dataset == @dataset and setting == @setting"
        " and step == @step and benchmark == @benchmark and confidence == 'exact'"
    )
    assert cell["value"].tolist() == [value]


def test_the_lora_replication_dips_where_the_paper_does(table):
    lora = table.query("study == 'lora-replication' and metric == 'accuracy_1sample_cap4096'")
    assert lora.loc[lora["value"].idxmin(), "step"] == 20


def test_every_curve_starts_at_the_base(table):
    runs = table.query("study == 'paper' and step > 0")[["dataset", "setting"]].drop_duplicates()
    for dataset, setting in runs.itertuples(index=False):
        models = table.query("dataset == @dataset and setting == @setting and study == 'paper'")["model"].unique()
        rows = published.curves(models, dataset=dataset, setting=setting)
        steps = rows.groupby(["model", "benchmark"])["step"].agg(["min", "max"])
        assert (steps["min"] == 0).all() and (steps["max"] == 640).all()
        assert not rows.duplicated(["model", "benchmark", "step"]).any()
        assert set(rows["model"]) == set(models)


def test_a_curve_uses_the_trusted_base():
    rows = published.curves("Qwen3-14B", ["GPQA-D"])
    assert rows["value"].tolist() == [44.1, 63.3]


def test_curves_come_in_the_order_asked_for():
    rows = published.curves(["Qwen3-4B", "Qwen3-1.7B"], ["IFEval", "MATH500"])
    assert rows["model"].unique().tolist() == ["Qwen3-4B", "Qwen3-1.7B"]
    assert rows["benchmark"].unique().tolist() == ["MATH500", "IFEval"]
    assert rows.columns.tolist() == ["model", "benchmark", "role", "step", "value"]


def test_unknown_names_are_told_the_allowed_ones():
    with pytest.raises(ValueError, match=r"Qwen3-5B.*allowed.*Qwen3-1\.7B.*Gemma3-27B"):
        published.curves(["Qwen3-5B"])
    with pytest.raises(ValueError, match=r"Qwen2\.5-7B.*allowed"):  # known, but only as a base
        published.curves("Qwen2.5-7B")
    with pytest.raises(ValueError, match=r"GSM8K.*allowed.*MATH500"):
        published.curves("Qwen3-4B", ["GSM8K"])
    with pytest.raises(ValueError, match=r"there are: .*Math-NoCoT-20k"):
        published.curves("Qwen3-4B", dataset="GSM8K")


# As summary tables, for the claims

RUNS = [
    ("Math-CoT-20k", "ep8_bs256"),
    ("Math-CoT-20k", "ep1_bs32"),
    ("Math-CoT-2.5k", "ep8_bs32"),
    ("Math-NoCoT-20k", "ep8_bs256"),
    ("Countdown-CoT-20k", "ep8_bs256"),
    ("NuminaMath-20k", "ep8_bs256"),
]
CELL = ["run", "step", "benchmark", "metric"]
every_run = pytest.mark.parametrize(("dataset", "setting"), RUNS, ids=map(" ".join, RUNS))


def test_all_published_runs_are_tested(table):
    runs = table.query("study == 'paper' and step > 0")[["dataset", "setting"]].drop_duplicates()
    assert sorted(runs.itertuples(index=False, name=None)) == sorted(RUNS)


@every_run
def test_a_summary_is_a_valid_table_of_shares_with_one_reading_per_cell(dataset, setting):
    rows = published.summary(dataset, setting)
    assert rows.columns.tolist() == list(SUMMARY_COLUMNS)
    validate(rows, "summary")
    assert rows["mean"].between(-1, 1).all()
    assert rows["mean"][rows.benchmark != "AlpacaEval"].between(0, 1).all()
    assert rows["mean"].max() > 0.5  # not divided twice
    assert not rows.duplicated(CELL).any()


@every_run
def test_a_summary_has_the_models_with_that_run_and_no_others(table, dataset, setting):
    trained = table.query("study == 'paper' and dataset == @dataset and setting == @setting")
    rows = published.summary(dataset, setting)
    assert set(rows.model) == set(trained.model)
    assert rows.groupby("model").run.nunique().eq(1).all() and rows.run.nunique() == rows.model.nunique()
    assert set(rows.dataset[rows.step > 0]) == {dataset}
    assert set(rows.dataset[rows.step == 0]) == {"none"}


@every_run
def test_every_run_starts_at_its_base(dataset, setting):
    rows = published.summary(dataset, setting)
    steps = rows.groupby(["run", "benchmark"]).step.agg(["min", "max"])
    assert (steps["min"] == 0).all() and (steps["max"] == 640).all()


@every_run
def test_without_items_both_halves_are_the_whole(dataset, setting):
    rows = published.summary(dataset, setting)
    wide = rows.pivot(index=CELL[:3], columns="metric", values="mean")
    assert set(wide.columns) == {"score_common", "score_a", "score_b"}
    assert wide.notna().all(axis=None)
    assert (wide.score_a == wide.score_common).all() and (wide.score_b == wide.score_common).all()
    assert set(rows.n_items) == {0}


@pytest.mark.parametrize(
    ("benchmark", "k"), [("MATH500", 3), ("AIME24", 10), ("MMLU-Pro", 1), ("HaluEval", 1), ("TruthfulQA-help", 1)]
)
def test_the_number_of_samples_is_that_of_the_published_metric(table, benchmark, k):
    metrics = set(table.query("study == 'paper' and benchmark == @benchmark").metric)
    assert {metric.partition("@")[2] or "1" for metric in metrics} == {str(k)}
    rows = published.summary()
    assert set(rows.k[rows.benchmark == benchmark]) == {k}


@pytest.mark.parametrize(
    ("model", "setting", "step", "benchmark", "share"),
    [
        ("Qwen3-4B", "ep8_bs256", 20, "MATH500", 0.629),
        ("Qwen3-8B", "ep8_bs256", 0, "GPQA-D", 0.397),  # the readings disagree: not 0.375
        ("Qwen3-14B", "ep1_bs32", 640, "MMLU-Pro", 0.705),  # not 0.598
    ],
)
def test_a_summary_holds_the_trusted_numbers_as_shares(model, setting, step, benchmark, share):
    rows = published.summary(setting=setting)
    cell = rows.query("model == @model and step == @step and benchmark == @benchmark")
    assert cell["mean"].tolist() == pytest.approx([share] * 3)


@every_run
def test_a_summary_of_one_model_has_its_rows_and_no_others(dataset, setting):
    everything = published.summary(dataset, setting)
    for model, rows in everything.groupby("model"):
        found = published.summary(dataset, setting, model=model)
        pd.testing.assert_frame_equal(*(t.sort_values(CELL).reset_index(drop=True) for t in (found, rows)))


def test_a_summary_of_a_model_without_that_run_is_refused_with_those_that_have_it():
    with pytest.raises(ValueError, match=r"Math-CoT-20k \(ep8_bs256\): Qwen3-5B; allowed: Qwen3-1\.7B.*Gemma3-27B"):
        published.summary(model="Qwen3-5B")
    with pytest.raises(ValueError, match=r"Qwen2\.5-14B.*allowed"):  # known, but only as a base
        published.summary(model="Qwen2.5-14B")
    with pytest.raises(ValueError, match=r"Countdown-CoT-20k.*: Gemma3-27B; allowed: Qwen3-1\.7B"):
        published.summary("Countdown-CoT-20k", model="Gemma3-27B")


def test_the_role_of_a_benchmark_is_the_papers():
    rows = published.summary()
    assert rows.role.tolist() == rows.benchmark.map(published.ROLES).tolist()
    assert rows.higher_is_better.all()  # HEx-PHI is not public
