"""How the tables of the reference runs are made, kept and loaded."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from rsft_utils import paths, reference, run
from rsft_utils.durable import sealed
from rsft_utils.micro import bases


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
