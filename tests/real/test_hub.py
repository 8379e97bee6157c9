"""What is had from the cache, without network, and what is noted of it."""

import json
import re

import pytest
from repositories import COMMIT, LATER, MODEL, ROWS, pins, sha256

import rsft_utils
from rsft_utils import paths
from rsft_utils.real import hub


def test_a_cached_file_is_had_without_network_and_its_commit_is_noted(fake_hub, capsys):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    assert hub.dataset_file("who/rows", "rows.jsonl", None).read_bytes() == ROWS
    assert capsys.readouterr().out.startswith(f"datasets/who/rows: commit {COMMIT} is noted in {paths.RUNS}")
    assert pins() == {"datasets/who/rows": {"commit": COMMIT, "sha256": {"rows.jsonl": sha256(ROWS)}}}
    hub.dataset_file("who/rows", "rows.jsonl", None)
    assert capsys.readouterr().out == ""


def test_notes_that_were_cut_short_are_set_aside_and_made_anew(fake_hub, capsys):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    hub.dataset_file("who/rows", "rows.jsonl", None)
    noted = (paths.RUNS / "hub-pins.json").read_text()
    (paths.RUNS / "hub-pins.json").write_text(noted[:30])
    hub.dataset_file("who/rows", "rows.jsonl", None)
    assert (paths.RUNS / "hub-pins.json").read_text() == noted
    assert [file.read_text() for file in paths.RUNS.glob("damaged/*/hub-pins.json")] == [noted[:30]]
    assert "hub-pins.json is damaged: it is not JSON" in capsys.readouterr().out


def test_what_was_noted_is_used_when_the_hub_has_moved_on(fake_hub):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    hub.dataset_file("who/rows", "rows.jsonl", None)
    fake_hub.add_dataset("who/rows", {"rows.jsonl": b"other"}, LATER)
    assert hub.dataset_file("who/rows", "rows.jsonl", None).read_bytes() == ROWS
    assert hub.dataset_file("who/rows", "rows.jsonl", LATER).read_bytes() == b"other"


def test_notes_of_several_repositories_and_files_stand_side_by_side(fake_hub):
    fake_hub.add_dataset("who/rows", {"a.json": b"a", "b.json": b"b"}, COMMIT)
    fake_hub.add_model("who/model", MODEL, LATER)
    hub.dataset_file("who/rows", "a.json", None)
    hub.model_folder("who/model")
    hub.dataset_file("who/rows", "b.json", None)
    assert pins() == {
        "datasets/who/rows": {"commit": COMMIT, "sha256": {"a.json": sha256(b"a"), "b.json": sha256(b"b")}},
        "models/who/model": {"commit": LATER, "sha256": {}},
    }


def test_a_file_with_another_hash_than_the_known_one_is_refused(fake_hub):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    assert hub.dataset_file("who/rows", "rows.jsonl", COMMIT, sha256(ROWS)).exists()
    with pytest.raises(hub.HubError, match=rf"rows.jsonl of who/rows is not .* {COMMIT}.*{sha256(ROWS)}.*{'0' * 64}"):
        hub.dataset_file("who/rows", "rows.jsonl", COMMIT, "0" * 64)


def test_a_file_with_another_hash_than_at_its_first_use_is_refused(fake_hub):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    file = hub.dataset_file("who/rows", "rows.jsonl", None)
    file.resolve().write_bytes(ROWS[:-5])
    with pytest.raises(hub.HubError, match=rf"rows.jsonl of who/rows is not .* expected {sha256(ROWS)}"):
        hub.dataset_file("who/rows", "rows.jsonl", None)


def test_without_a_file_name_the_only_parquet_file_is_meant(fake_hub):
    fake_hub.add_dataset("who/rows", {"README.md": b"", "data/train.parquet": b"table"}, COMMIT)
    assert hub.dataset_file("who/rows", None, None).read_bytes() == b"table"
    assert pins()["datasets/who/rows"]["sha256"] == {"data/train.parquet": sha256(b"table")}
    fake_hub.add_dataset("who/two", {"a.parquet": b"1", "b.parquet": b"2"}, COMMIT)
    with pytest.raises(hub.HubError, match=r"several parquet files \(a.parquet, b.parquet\)"):
        hub.dataset_file("who/two", None, None)


def test_without_network_what_is_not_cached_is_named(fake_hub):
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    for attempt in (
        lambda: hub.dataset_file("who/other", "rows.jsonl", None),
        lambda: hub.dataset_file("who/rows", "other.jsonl", None),
        lambda: hub.dataset_file("who/rows", "rows.jsonl", LATER),
        lambda: hub.model_folder("who/rows"),
    ):
        with pytest.raises(hub.HubError, match=r"who/\w+ is not, .* in the cache .*HF_HUB_OFFLINE forbids the network"):
            attempt()
    assert not (paths.RUNS / "hub-pins.json").exists()


def test_an_abbreviated_commit_is_refused(fake_hub):
    with pytest.raises(ValueError, match="revision is 'aaaa'; allowed: a commit of who/rows in full, 40 hex"):
        hub.dataset_file("who/rows", "rows.jsonl", "aaaa")


def test_a_cached_model_is_had_without_network(fake_hub):
    fake_hub.add_model("who/model", MODEL, COMMIT)
    folder = hub.model_folder("who/model", COMMIT)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == MODEL
    assert not (paths.RUNS / "hub-pins.json").exists()  # the commit was known


def test_a_model_that_lacks_weights_is_not_taken_for_cached(fake_hub):
    index = json.dumps({"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}}).encode()
    parts = {"config.json": b"{}", "model.safetensors.index.json": index, "model-1.safetensors": b"x"}
    fake_hub.add_model("who/model", parts, COMMIT)
    with pytest.raises(hub.HubError, match="not completely, in the cache"):
        hub.model_folder("who/model", COMMIT)
    fake_hub.add_model("who/model", {**parts, "model-2.safetensors": b"y"}, COMMIT)
    assert (hub.model_folder("who/model", COMMIT) / "model-2.safetensors").exists()


def test_a_folder_is_used_as_it_is(fake_hub, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(hub.HubError, match=r"mine is not a model: it needs a config.json"):
        hub.model_folder(str(folder))
    for name, content in MODEL.items():
        (folder / name).write_bytes(content)
    assert hub.model_folder(str(folder)) == folder
    (tmp_path / "who").mkdir()
    folder.rename(tmp_path / "who" / "model")
    monkeypatch.chdir(tmp_path)
    fake_hub.add_model("who/model", MODEL, COMMIT)
    assert hub.model_folder("who/model").resolve() == tmp_path / "who" / "model"  # before the hub


def test_what_is_neither_folder_nor_hub_id_is_refused(fake_hub):
    for wrong in ("./models/mine", "/nowhere/mine", "Qwen3-1.7B-Base", "a/b/c"):
        with pytest.raises(hub.HubError, match="neither an existing folder nor a hub id such as"):
            hub.model_folder(wrong)


def test_no_code_from_the_hub_is_ever_run_and_no_other_module_asks_the_hub():
    package = paths.ROOT / "rsft_utils"
    assert package.samefile(rsft_utils.__path__[0])
    for file in package.rglob("*.py"):
        source = file.read_text()
        assert not re.search(r"trust_remote_code\W{0,4}\s*[=:]\s*(?!False)", source), file
        assert file.name == "hub.py" or not re.search(r"huggingface_hub|load_dataset\(", source), file
