import pytest
from pandas.testing import assert_frame_equal

from rsft_utils import paths, reference, run, specs, store, tables


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    return tmp_path / "reference"


def test_the_reference_runs_are_the_default_ones():
    assert reference.dip_specs() == [specs.default_spec("S")]
    assert reference.dip_specs()[0].total_steps == 640


def test_one_base_of_each_size_is_measured():
    assert reference.base_names() == ["XS-seed0", "S-seed0", "M-seed0"]


def test_a_saved_table_is_loaded_as_it_was(folder, made_up_summary):
    summary = made_up_summary()
    reference._save(reference.DIP, summary)
    assert_frame_equal(reference.load(reference.DIP), summary, rtol=1e-5)


def test_a_damaged_table_is_refused(folder, made_up_summary):
    reference._save(reference.DIP, made_up_summary(steps=(0,)))
    file = folder / f"{reference.DIP}.csv"
    file.write_text(file.read_text().replace(",ID,", ",XX,"))
    with pytest.raises(Exception, match="role"):
        reference.load(reference.DIP)


def test_making_them_runs_what_is_missing_and_writes_both_tables(folder, made_up_summary, monkeypatch):
    asked = []
    dip, bases = made_up_summary(), made_up_summary(steps=(0,))

    def answer(summary):
        def made(what):
            asked.append(what)
            return run.Results(items=None, summary=summary)

        return made

    monkeypatch.setattr(run, "results", answer(dip))
    monkeypatch.setattr(run, "base_results", answer(bases))
    reference.make()
    assert asked == [reference.dip_specs(), reference.base_names()]
    assert_frame_equal(reference.load(reference.DIP), dip, rtol=1e-5)
    assert_frame_equal(reference.load(reference.BASES), bases, rtol=1e-5)


def test_an_interrupted_writing_leaves_the_old_table(folder, made_up_summary, monkeypatch):
    summary = made_up_summary(steps=(0,))
    reference._save(reference.BASES, summary)
    monkeypatch.setattr(store.os, "replace", None)
    with pytest.raises(TypeError):
        reference._save(reference.BASES, summary.head(1))
    assert len(reference.load(reference.BASES)) == len(summary)


@pytest.mark.parametrize("name", [reference.DIP, reference.BASES])
def test_a_committed_table_is_valid(name):
    if not reference._file(name).exists():
        pytest.skip(f"there is no {name}.csv yet")
    assert list(reference.load(name).columns) == list(tables.SUMMARY_COLUMNS)
