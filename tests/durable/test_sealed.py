import os
import subprocess

import pytest

from rsft_utils.durable import sealed


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def sealed_file(new_runs):
    file = new_runs / "run" / "items" / "step-00010.parquet"
    with sealed.written_sealed(file) as aside:
        aside.write_text("answers")
    return file


@pytest.fixture
def sealed_folder(new_runs):
    folder = new_runs / "run" / "step-00010"
    with sealed.written_sealed(folder) as aside:
        (aside / "tokenizer").mkdir(parents=True)
        (aside / "model").write_text("weights")
        (aside / "tokenizer" / "vocabulary").write_text("words")
    return folder


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "new" / "table.csv"
    with sealed.written_whole(target) as aside:
        aside.write_text("half")
        assert not target.exists()
        aside.write_text("whole")
    assert target.read_text() == "whole"
    assert files(tmp_path) == ["new/table.csv"]


def test_what_fails_half_way_leaves_nothing_and_the_old_file_as_it_was(tmp_path):
    (tmp_path / "table.csv").write_text("old")
    for target in (tmp_path / "table.csv", tmp_path / "other.csv"):
        with pytest.raises(KeyboardInterrupt), sealed.written_sealed(target) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), sealed.written_sealed(tmp_path / "folder") as aside:
        aside.mkdir()
        (aside / "half").touch()
        raise KeyboardInterrupt
    assert files(tmp_path) == ["table.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_everything_is_on_the_disk_before_it_is_moved(new_runs, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("fsync") or fsync(handle))
    monkeypatch.setattr(os, "replace", lambda *where: done.append("move") or replace(*where))
    with sealed.written_sealed(new_runs / "file") as aside:
        aside.touch()
    assert done == ["fsync", "move"] * 2  # the file, then its record
    done.clear()
    with sealed.written_sealed(new_runs / "folder") as aside:
        aside.mkdir()
        for name in "ab":
            (aside / name).touch()
    assert done == ["fsync", "move", "fsync", "fsync", "fsync", "move"]  # the record first: the folder appears with it


def test_records_are_those_of_sha256sum(sealed_file, sealed_folder):
    for record in (sealed.record(sealed_file), sealed.record(sealed_folder)):
        checked = subprocess.run(["sha256sum", "-c", record.name], cwd=record.parent, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "model: OK\ntokenizer/vocabulary: OK\n"


def test_what_was_sealed_is_whole(sealed_file, sealed_folder):
    for path in (sealed_file, sealed_folder):
        assert sealed.is_sealed(path)
        assert sealed.problem(path) is None


def test_hidden_files_are_nobodys_business(sealed_folder):
    (sealed_folder / ".DS_Store").touch()
    assert sealed.problem(sealed_folder) is None


def test_a_file_that_is_written_again_has_no_old_record_meanwhile(sealed_file, monkeypatch):
    monkeypatch.setattr(sealed, "seal", lambda path: None)
    with sealed.written_sealed(sealed_file) as aside:
        aside.write_text("new")
    assert not sealed.is_sealed(sealed_file)


PROBLEMS = {
    "file changed": (lambda file, folder: file.write_text("Answers"), "'step-00010.parquet' is not what was written"),
    "file removed": (lambda file, folder: file.unlink(), "it is missing"),
    "record removed": (lambda file, folder: sealed.record(file).unlink(), "it has no record of its hashes"),
    "record empty": (lambda file, folder: sealed.record(file).write_text(""), "its record is empty"),
    "record is noise": (
        lambda file, folder: sealed.record(file).write_bytes(b"\xff\x00\n" * 9),
        "is in its record, but not there",
    ),
    "in a folder": (lambda file, folder: (folder / "model").write_text("Weights"), "'model' is not what was written"),
    "gone in a folder": (lambda file, folder: (folder / "model").unlink(), "'model' is in its record, but not there"),
    "new in a folder": (lambda file, folder: (folder / "more").touch(), "'more' is not in its record"),
    "half a record": (lambda file, folder: keep_a_line(folder / "SHA256SUMS"), "'tokenizer/vocabulary' is not in its"),
}


def keep_a_line(file):
    file.write_text(file.read_text().splitlines(keepends=True)[0])


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_problem_is_named(sealed_file, sealed_folder, kind):
    act, said = PROBLEMS[kind]
    act(sealed_file, sealed_folder)
    found = [sealed.problem(path) for path in (sealed_file, sealed_folder)]
    assert [said in (text or "") for text in found].count(True) == 1


def test_only_what_is_damaged_is_set_aside_in_a_place_of_its_own(sealed_file, sealed_folder, new_runs, capsys):
    for content in ("one", "two"):
        (sealed_folder / "model").write_text(content)
        sealed.set_damaged_aside([sealed_file, sealed_folder, new_runs / "nothing"])
        assert sealed.is_sealed(sealed_file) and not sealed_folder.exists()
        with sealed.written_sealed(sealed_folder) as aside:
            aside.mkdir()
            (aside / "model").write_text("weights")
    aside = sorted(new_runs.glob("damaged/*/run/step-00010/model"))
    assert [file.read_text() for file in aside] == ["one", "two"]
    said = f"run/step-00010 is damaged: 'model' is not what was written. It now lies in {aside[0].parents[1]}"
    assert capsys.readouterr().out.startswith(said)


def test_a_file_goes_with_its_record(sealed_file, new_runs):
    sealed.set_aside(sealed_file, "of a test")
    assert files(sealed_file.parent) == []
    (folder,) = new_runs.glob("damaged/*/run/items")
    assert files(folder) == ["step-00010.parquet", "step-00010.parquet.sha256"]
