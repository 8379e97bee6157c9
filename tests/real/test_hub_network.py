"""What is asked of a hub over the network, and what it refuses: a small hub answers here."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from repositories import COMMIT, LATER, MODEL, ROWS, pins, sha256

from rsft_utils import paths
from rsft_utils.real import hub


class Server(ThreadingHTTPServer):
    """A small hub: repositories, their commits and files; `refusal` is (status, X-Error-Code) for all files."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories, self.refusal, self.asked, self.tokens = {}, None, [], set()

    def put(self, repository, commit, files):
        self.repositories[repository] = (commit, files)


class Answer(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, content=b"", status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_GET(self):
        path = self.path.split("?")[0]
        self.server.asked.append(path)
        self.server.tokens.add(self.headers.get("authorization"))
        api = re.fullmatch(r"/api/(datasets|models)/([^/]+/[^/]+)/(revision|tree)/([^/]+)", path)
        file = re.fullmatch(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        kind, hub_id = (api or file).groups()[:2]
        found = self.server.repositories.get(f"{kind or 'models'}/{hub_id}")
        if self.server.refusal and (file or self.server.refusal[1] != "GatedRepo"):
            status, code = self.server.refusal
            return self.answer(status=status, X_Error_Code=code)
        if found is None:
            return self.answer(status=404, X_Error_Code="RepoNotFound")
        commit, files = found
        if (api or file).group(4 if api else 3) not in ("main", commit):
            return self.answer(status=404, X_Error_Code="RevisionNotFound")
        if file:
            content = files[file.group(4)]
            return self.answer(content, ETag=f'"{sha256(content)}"', X_Repo_Commit=commit)
        described = {"id": hub_id, "sha": commit}
        if api.group(3) == "tree":
            described = [
                {"type": "file", "path": name, "size": len(content), "oid": sha256(content)[:40]}
                for name, content in files.items()
            ]
        return self.answer(json.dumps(described).encode(), Content_Type="application/json")

    do_HEAD = do_GET


@pytest.fixture
def server(fake_hub, monkeypatch):
    """An empty cache, and a small hub instead of the real one."""
    from huggingface_hub import constants

    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()
    server.server_close()


def test_what_is_cached_can_be_looked_at_without_asking_the_hub_or_noting_anything(server, fake_hub):
    assert hub.cached("dataset", "who/rows") is None
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    assert (hub.cached("dataset", "who/rows") / "rows.jsonl").read_bytes() == ROWS
    assert not (paths.RUNS / "hub-pins.json").exists()
    hub.dataset_file("who/rows", "rows.jsonl", None)
    fake_hub.add_dataset("who/rows", {"rows.jsonl": b"other"}, LATER)
    assert hub.cached("dataset", "who/rows").name == COMMIT  # as noted
    assert hub.cached("dataset", "who/rows", LATER).name == LATER
    assert server.asked == []
    server.put("models/who/model", COMMIT, {**MODEL, "README.md": b""})
    folder = hub.model_folder("who/model")
    assert hub.cached("model", "who/model") == folder  # though not all of the repository is there


def test_only_safetensors_and_the_tokenizers_texts_are_downloaded(server, capsys):
    extra = {"pytorch_model.bin": b"!", "training_args.pt": b"!", "modeling.py": b"!", "step10/model.safetensors": b"!"}
    server.put("models/who/model", COMMIT, {**MODEL, "merges.txt": b"a b", "chat_template.jinja": b"", **extra})
    folder = hub.model_folder("who/model")
    assert {file.name for file in folder.iterdir()} == {*MODEL, "merges.txt", "chat_template.jinja"}
    assert pins()["models/who/model"]["commit"] == COMMIT
    assert COMMIT in capsys.readouterr().out


def test_a_model_whose_download_was_interrupted_is_completed(server):
    server.put("models/who/model", COMMIT, MODEL)
    folder = hub.model_folder("who/model", COMMIT)
    for name in MODEL:
        (folder / name).resolve().unlink()
        assert {file.name: file.read_bytes() for file in hub.model_folder("who/model", COMMIT).iterdir()} == MODEL


def test_of_a_published_run_only_the_step_that_is_asked_for_is_downloaded(server):
    steps = {f"step{step}/{name}": content for step in (10, 640) for name, content in MODEL.items()}
    server.put("models/who/run", COMMIT, {**steps, "step640/more/model.safetensors": b"!", "config.json": b"{}"})
    folder = hub.model_folder("who/run", COMMIT, "step640")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == MODEL
    assert [path.name for path in folder.parent.iterdir()] == ["step640"]
    with pytest.raises(hub.HubError, match=rf"who/run/step20 has no config.json .* at commit {COMMIT}"):
        hub.model_folder("who/run", COMMIT, "step20")


def test_a_downloaded_file_is_noted_and_the_network_is_not_asked_again(server):
    server.put("datasets/who/rows", COMMIT, {"rows.jsonl": ROWS})
    assert hub.dataset_file("who/rows", "rows.jsonl", None).read_bytes() == ROWS
    server.put("datasets/who/rows", LATER, {"rows.jsonl": b"other"})
    server.asked.clear()
    assert hub.dataset_file("who/rows", "rows.jsonl", None).read_bytes() == ROWS
    assert server.asked == []


@pytest.mark.parametrize("filename", ["rows.parquet", None])
def test_a_damaged_file_can_be_had_again_as_its_error_says(server, filename):
    server.put("datasets/who/rows", COMMIT, {"rows.parquet": ROWS})
    file = hub.dataset_file("who/rows", filename, None).resolve()
    file.write_bytes(b"damaged")
    with pytest.raises(hub.HubError, match=re.escape(f"Delete {file} and try again")):
        hub.dataset_file("who/rows", filename, None)
    file.unlink()
    assert hub.dataset_file("who/rows", filename, None).read_bytes() == ROWS


def test_a_missing_file_repository_or_commit_is_named(server):
    server.put("datasets/who/rows", COMMIT, {"rows.jsonl": ROWS})
    with pytest.raises(hub.HubError, match=rf"who/rows has no file other.jsonl at commit {COMMIT}"):
        hub.dataset_file("who/rows", "other.jsonl", None)
    with pytest.raises(hub.HubError, match=r"no data set who/none.*https://huggingface.co/datasets/who/none\)"):
        hub.dataset_file("who/none", "rows.jsonl", None)
    with pytest.raises(hub.HubError, match=r"no model who/none.*https://huggingface.co/who/none\)"):
        hub.model_folder("who/none")
    with pytest.raises(hub.HubError, match=f"data set who/rows has no commit {LATER}"):
        hub.dataset_file("who/rows", "rows.jsonl", LATER)


def test_a_gated_data_set_says_which_page_to_accept_and_where_the_token_goes(server, monkeypatch):
    server.put("datasets/Idavidrein/gpqa", COMMIT, {"gpqa_diamond.csv": b""})
    server.refusal = (403, "GatedRepo")
    page = "accept its terms at https://huggingface.co/datasets/Idavidrein/gpqa "
    with pytest.raises(hub.HubError, match=rf"{page}.*No token was found.*HF_TOKEN.*Colab"):
        hub.dataset_file("Idavidrein/gpqa", "gpqa_diamond.csv", None)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(hub.HubError, match=f"{page}.*its account has no access yet") as refused:
        hub.dataset_file("Idavidrein/gpqa", "gpqa_diamond.csv", None)
    assert "Bearer hf_secret" in server.tokens
    assert "hf_secret" not in str(refused.value)
    server.refusal = None
    assert hub.dataset_file("Idavidrein/gpqa", "gpqa_diamond.csv", None).exists()


def test_a_refused_token_and_a_hub_in_trouble_are_told_apart(server, monkeypatch):
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda _: None)  # huggingface_hub tries again, with pauses
    server.put("datasets/who/rows", COMMIT, {"rows.jsonl": ROWS})
    for status, sentence in ((403, "refused the token for who/rows"), (503, "answered status 503 for who/rows")):
        server.refusal = (status, "")
        for commit in (None, COMMIT):
            with pytest.raises(hub.HubError, match=sentence):
                hub.dataset_file("who/rows", "rows.jsonl", commit)


def test_a_hub_that_cannot_be_reached_is_named_unless_the_file_is_cached(server, fake_hub, monkeypatch):
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda _: None)
    server.shutdown()
    server.server_close()
    for commit in (None, COMMIT):
        with pytest.raises(hub.HubError, match=r"not, or not completely, in the cache .* the hub cannot be reached"):
            hub.dataset_file("who/rows", "rows.jsonl", commit)
    fake_hub.add_dataset("who/rows", {"rows.jsonl": ROWS}, COMMIT)
    assert hub.dataset_file("who/rows", "rows.jsonl", COMMIT).read_bytes() == ROWS


def test_a_full_disk_is_left_to_the_system_s_own_words(server, monkeypatch):
    import huggingface_hub

    server.put("datasets/who/rows", COMMIT, {"rows.jsonl": ROWS})

    def full(*_, local_files_only=False, **__):
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(OSError, match="No space left"):
        hub.dataset_file("who/rows", "rows.jsonl", None)
