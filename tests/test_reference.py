import re
from dataclasses import asdict

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from rsft_utils import paths, reference, run, tables
from rsft_utils.comparisons import COMPARISONS
from rsft_utils.durable import sealed
from rsft_utils.evaluate import KEPT_COMPLETIONS
from rsft_utils.micro import bases, sft_data
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.micro.symbols import END
from rsft_utils.specs import BASE_SEEDS, LEARNING_RATES, default_spec

FULL, LORA = LEARNING_RATES["full"], LEARNING_RATES["lora"]
CONSTANT = {"schedule": "constant", "epochs": 16}
# what an arm's name says that it changes of the default run of its size
CHANGES = {
    "S": {},
    "S-one-epoch": {"epochs": 1},
    "S-slow-one-epoch": {"epochs": 1, "learning_rate": FULL["S"] / 5},
    "S-slow-two-epochs": {"epochs": 2, "learning_rate": FULL["S"] / 5},
    "S-teacher2": {"dataset": "math-cot-teacher2"},
    "XS": {},
    "XS-one-pass": {"n_rows": 8 * 2560, "epochs": 1},
    "XS-diverse": {"n_rows": 8 * 2560, "batch_size": 8 * 32},
    "XS-sixteen-epochs": {"epochs": 16},
    "XS-constant-rate": CONSTANT,
    "XS-aggressive": {**CONSTANT, "learning_rate": 2 * FULL["XS"]},
    "XS-no-warm-up": {"warmup": 0.0},
    "XS-long-warm-up": {"warmup": 0.3},
    "XS-lora8": {"method": "lora", "lora_rank": 8, "learning_rate": 2 * LORA["XS"]},
    "XS-lora64": {"method": "lora", "lora_rank": 64, "learning_rate": LORA["XS"]},
    "XS-calm": {"world": "calm"},
    "XS-own-samples": {"dataset": "own-samples"},
    "XS-answer-only": {"dataset": "math-answer"},
    "XS-mirror": {"world": "mirror"},
    "XS-qwen2": {"world": "qwen2"},
    "S-numina-like": {"dataset": "math-numina-like"},
    "S-nocot": {"dataset": "math-nocot"},
    "S-countdown": {"dataset": "countdown-cot"},
    "S-answer-only": {"dataset": "math-answer"},
    "S-wrong-cot": {"dataset": "math-cot-wrong"},
    "S-wrong-answer": {"dataset": "math-answer-wrong"},
    "S-corrupted": {"dataset": "math-cot-corrupted"},
    "S-empty": {"dataset": "math-cot-empty"},
    "S-two-epochs": {"epochs": 2},
    "S-half-epoch": {"n_rows": 2560 // 2, "epochs": 1},
    "S-sparse": {"world": "sparse"},
    "S-qwen2": {"world": "qwen2"},
    "XS-countdown": {"dataset": "countdown-cot"},
    "XS-replay1": {"dataset": "math-cot-replay1"},
    "XS-replay5": {"dataset": "math-cot-replay5"},
    "XS-constant-replay5": {**CONSTANT, "dataset": "math-cot-replay5"},
}
# Arms of the addendum, which says for them "size S, bases 1 to 3, except where said"
ADDED = list(CHANGES)[list(CHANGES).index("S-numina-like") :]
DEVELOPMENT_SEEDS = {*range(10), 1000}
every_arm = pytest.mark.parametrize("arm", reference.arms())


def preregistered(text: str) -> list[str]:
    """Cells of the table row of PREREG.md that begins with the text."""
    lines = (paths.NOTEBOOKS / "PREREG.md").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {text}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_arm_says_in_its_name_what_it_changes():
    assert set(reference.arms()) == set(CHANGES)


@every_arm
def test_an_arm_differs_from_the_default_in_what_its_name_says_and_in_nothing_else(arm):
    for spec in reference.arms()[arm]:
        default = asdict(default_spec(arm.split("-")[0], seed=spec.seed, base_seed=spec.base_seed))
        changed = {key: value for key, value in asdict(spec).items() if value != default[key]}
        assert changed == pytest.approx(CHANGES[arm])


def test_the_default_is_that_of_the_preregistration():
    for size in ("XS", "S"):
        spec = default_spec(size)
        assert (spec.dataset, spec.n_rows, spec.epochs, spec.batch_size) == ("math-cot", 2560, 8, 32)
        assert (spec.schedule, spec.warmup, spec.method, spec.world) == ("cosine", 0.1, "full", "main")
        assert (spec.n_items, spec.n_items_ends) == (200, 500)


def test_all_that_is_compared_at_equal_steps_has_equal_steps():
    steps = {arm: {spec.total_steps for spec in specs} for arm, specs in reference.arms().items()}
    assert steps["XS"] == steps["XS-one-pass"] == steps["XS-diverse"] == steps["S"] == {640}
    shown = {arm for arms, _ in COMPARISONS["02_data_quality_and_structure"].values() for arm in arms.values()}
    assert all(steps[arm] == {640} for arm in shown - {"S-two-epochs", "S-half-epoch"})


@every_arm
def test_run_seed_100_and_i_starts_from_base_i_and_nothing_was_developed_on_it(arm):
    specs = reference.arms()[arm]
    assert [spec.seed for spec in specs] == [100 + spec.base_seed for spec in specs]
    assert not {spec.seed for spec in specs} & DEVELOPMENT_SEEDS
    assert 0 not in {spec.base_seed for spec in specs}
    assert len({spec.base for spec in specs}) == len(specs) >= 3


@pytest.mark.parametrize("arm", [arm for arm in reference.arms() if arm not in ADDED])
def test_the_seeds_are_those_of_the_preregistration(arm):
    rows = {"S": "size S, default", "S-teacher2": "size S, second teacher", "XS": "size XS, everything else"}
    row = rows.get(arm) or rows[arm.split("-")[0]]
    _, bases, seeds, items = preregistered(row)
    specs = reference.arms()[arm]
    for text, values in ((bases, [s.base_seed for s in specs]), (seeds, [s.seed for s in specs])):
        first, last = map(int, re.findall(r"\d+", text)[:2])
        assert values == list(range(first, last + 1))
    assert {f"{spec.n_items}, {spec.n_items_ends} at both ends" for spec in specs} == {items}


@pytest.mark.parametrize("arm", ADDED)
def test_the_seeds_of_the_arms_that_were_added_are_those_of_the_addendum(arm):
    addendum = (paths.NOTEBOOKS / "PREREG.md").read_text().partition("## Addendum")[2].replace("\n", " ")
    assert "Arms (size S, bases 1 to 3, except where said): Numina-like (five bases: endpoint 2)" in addendum
    last = 5 if arm == "S-numina-like" else 3
    specs = reference.arms()[arm]
    assert [(spec.base_seed, spec.seed) for spec in specs] == [(seed, 100 + seed) for seed in range(1, last + 1)]
    assert {(spec.n_items, spec.n_items_ends) for spec in specs} == {(200, 500)}


def loss_tokens(arm: str) -> list[int]:
    """Symbols that the loss of every run of an arm is over: completions and their ends, in all epochs."""
    return [
        spec.epochs * sum(len(f"{row['completion'][0]['content']} {END}".split()) for row in rows)
        for spec in reference.arms()[arm]
        for rows in [sft_data.rows(spec.dataset, spec.n_rows, spec.seed)]
    ]


@pytest.mark.parametrize(
    ("short", "other", "within"), [("S-two-epochs", "S-nocot", 0.10), ("S-half-epoch", "S-answer-only", 0.25)]
)
def test_a_short_run_with_traces_sees_as_many_loss_tokens_as_a_long_one_without(short, other, within):
    for tokens, wanted in zip(loss_tokens(short), loss_tokens(other), strict=True):
        assert tokens == pytest.approx(wanted, rel=within)
    steps = {arm: {spec.total_steps for spec in reference.arms()[arm]} for arm in (short, other)}
    assert steps == {short: {160 if short == "S-two-epochs" else 40}, other: {640}}


def test_an_arm_of_another_world_runs_on_those_report_seeds_whose_base_the_world_has(monkeypatch):
    monkeypatch.setitem(BASE_SEEDS, ("S", "sparse"), (2, 4, 9))
    assert [spec.base for spec in reference.arms()["S-sparse"]] == ["S-sparse-seed2", "S-sparse-seed4"]
    assert [spec.base_seed for spec in reference.arms()["S-qwen2"]] == [1, 2, 3]


def test_development_seeds_are_those_of_the_preregistration():
    text = (paths.NOTEBOOKS / "PREREG.md").read_text()
    assert "Seeds 0 to 9 and 1000 are development seeds" in text


def test_no_two_arms_are_the_same_run():
    names = [spec.name for specs in reference.arms().values() for spec in specs]
    assert len(names) == len(set(names))


def test_one_base_of_each_size_is_measured_untrained_and_those_that_refuse_nothing():
    assert reference.UNTRAINED == {
        "bases": ["XS-seed0", "S-seed0"],
        "S-unaligned": ["S-unaligned-seed1", "S-unaligned-seed2"],
    }


def test_a_saved_table_is_loaded_as_it_was(new_reference, made_up_arm):
    summary, loss = made_up_arm("XS")
    reference._save("XS", summary)
    reference._save("loss/XS", loss)
    assert_frame_equal(reference.load("XS"), summary)
    assert_frame_equal(reference.load_loss("XS"), loss)


def test_the_map_of_designs_is_loaded_as_it_was_written_if_it_was(new_reference, made_up_designs):
    new_reference.mkdir()
    assert reference.load_designs() is None
    made_up_designs.to_csv(new_reference / "designs.csv", index=False)
    assert_frame_equal(reference.load_designs(), made_up_designs)


def test_a_damaged_table_is_refused(new_reference, made_up_summary):
    reference._save("XS", made_up_summary(steps=(0,)).assign(role="XX"))
    with pytest.raises(Exception, match="role"):
        reference.load("XS")


def test_an_arm_that_was_not_run_is_not_finished_and_not_loaded(keep_arms, new_reference):
    assert reference.finished() == []
    keep_arms("XS-calm", "S")
    (new_reference / "XS-qwen2.csv").write_text("of an older world")
    assert reference.finished() == ["S", "XS-calm"]  # in the order of the arms
    with pytest.raises(FileNotFoundError):
        reference.load("XS-qwen2")


@pytest.fixture
def made(made_up_arm, made_up_items, made_up_summary, tmp_path, monkeypatch):
    """Nothing is run: results are made up; returns what was asked for. All bases are there but an unfinished one."""
    asked = []
    by_specs = {tuple(specs): name for name, specs in reference.arms().items()}
    items = pd.concat(
        [made_up_items("with text").assign(completion="answer 1 <end>", prompt="1 + 0"), made_up_items("without")],
        ignore_index=True,
    )

    for name in bases.NAMES:
        (tmp_path / "micro" / name).mkdir(parents=True)
        (tmp_path / "micro" / name / "recipe.json").touch()
    (tmp_path / "micro" / "XS-calm-seed2" / "recipe.json").unlink()

    def results(specs):
        asked.append(by_specs[tuple(specs)])
        return run.Results(items=items, summary=made_up_arm(asked[-1])[0])

    def base_results(names):
        asked.append(names)
        return run.Results(items=None, summary=made_up_summary(steps=(0,)))

    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    monkeypatch.setattr(bases, "build", lambda name: asked.append(f"build {name}"))
    monkeypatch.setattr(run, "results", results)
    monkeypatch.setattr(run, "loss_curve", lambda specs: made_up_arm(by_specs[tuple(specs)])[1])
    monkeypatch.setattr(run, "base_results", base_results)
    return asked


def test_making_arms_runs_them_in_turn_and_writes_their_tables_and_the_bases(made, new_reference, made_up_arm):
    reference.make(["XS-calm", "XS", "bases"])
    assert made == ["build XS-calm-seed2", "XS-calm", "XS", reference.UNTRAINED["bases"]]
    assert reference.finished() == ["XS", "XS-calm"]
    for arm in ("XS", "XS-calm"):
        summary, loss = made_up_arm(arm)
        assert_frame_equal(reference.load(arm), summary)
        assert_frame_equal(reference.load_loss(arm), loss)
    assert set(reference.load(reference.BASES).step) == {0}
    files = {path.relative_to(new_reference).as_posix() for path in new_reference.rglob("*.*")}
    tables_of = [f"{folder}{arm}.parquet" for arm in ("XS", "XS-calm") for folder in ("", "loss/", "completions/")]
    assert files == {"bases.parquet", *tables_of}


def test_only_bases_that_an_arm_needs_are_made(made, new_reference):
    reference.make(["XS", "XS-mirror"])
    assert made == ["XS", "XS-mirror"]


def test_bases_that_refuse_nothing_are_measured_as_they_are(made, new_reference):
    assert reference.load_ceiling() is None
    reference.make(["S-unaligned"])
    assert made == [reference.UNTRAINED["S-unaligned"]]
    assert set(reference.load_ceiling().step) == {0}
    assert reference.finished() == []  # no arm: nothing was trained


def test_the_texts_kept_are_the_free_answers_that_have_one(made, new_reference):
    reference.make(["XS"])
    texts = reference.load_completions("XS")
    assert_frame_equal(texts, pd.read_parquet(new_reference / "completions" / "XS.parquet"))
    assert list(texts) == ["run", "step", "benchmark", "decoding", "outcome", "prompt", "completion"]
    assert set(texts.run) == {"with text"}
    assert texts.groupby(["step", "decoding"]).ngroups == 5  # greedy at three steps, sampled at both ends
    assert texts.groupby(["step", "decoding", "benchmark"]).size().eq(6).all()  # and nothing of the other modes


def test_an_interrupted_writing_leaves_the_old_table(new_reference, made_up_summary, monkeypatch):
    summary = made_up_summary(steps=(0,))
    reference._save(reference.BASES, summary)
    monkeypatch.setattr(sealed.os, "replace", None)
    with pytest.raises(TypeError):
        reference._save(reference.BASES, summary.head(1))
    assert len(reference.load(reference.BASES)) == len(summary)


# The committed tables


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
