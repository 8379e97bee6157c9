import json
import os
import shlex
import subprocess
import sys

import pytest
import yaml

from rsft_utils import paths, secret_scan

# put together here, so that this file holds none
SECRETS = {
    "a Hugging Face token": "hf_" + "aB3" * 11,
    "an API key": "sk-" + "proj-aB3_" * 4,
    "a GitHub token": "ghp_" + "aB3" * 12,
    "an AWS key id": "AKIA" + "A1B2" * 4,
}


@pytest.fixture(autouse=True)
def no_secrets_of_this_machine(monkeypatch):
    for name in os.environ:
        if secret_scan.NAMES.search(name):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(("what", "secret"), SECRETS.items())
def test_tokens_of_known_services_are_found_wherever_they_stand(what, secret):
    for text in (secret, f"token={secret} ", f'"{secret}"', f"https://user:{secret}@host", f"a line\n\033[31m{secret}"):
        assert secret_scan.found(text.encode()) == [what]
        assert secret_scan.found(json.dumps(["some text", text]).encode()) == [what]
    assert secret_scan.found(json.dumps(f"a line\n{secret}\nanother").encode()) == [what]


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download(repo_id)",
        "hf_token",
        "a task-specific-and-rather-long-description-of-it",
        "ghp_short",
        "AKIA",
        "xAKIA" + "A1B2" * 4,  # in the middle of a picture in base64
        "sk-learn",
    ],
)
def test_what_only_begins_like_a_token_is_none(text):
    assert secret_scan.found(text.encode()) == []


@pytest.mark.parametrize("name", ["HF_TOKEN", "RSFT_JUDGE_KEY", "my_secret", "DB_PASSWORD", "WANDB_API_KEY"])
def test_the_value_of_a_secret_of_the_environment_is_found_and_named(monkeypatch, name):
    monkeypatch.setenv(name, 'qwe"rty\\ü!')
    assert secret_scan.found('it is qwe"rty\\ü!.'.encode()) == [f"the value of {name}"]
    assert secret_scan.found(json.dumps({"it": 'qwe"rty\\ü!'}).encode()) == [f"the value of {name}"]
    assert secret_scan.found(json.dumps({"it": 'qwe"rty\\ü!'}, ensure_ascii=False).encode())
    assert secret_scan.found(b"qwerty") == []


def test_every_line_of_a_secret_counts(monkeypatch):
    monkeypatch.setenv("PRIVATE_KEY", "BEGIN\nline-one-of-it\nline-two-of-it\nEND\n")
    assert secret_scan.found(b"['line-two-of-it']") == ["the value of PRIVATE_KEY"]
    assert secret_scan.found(b"BEGIN and END") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOME", "/home/somebody"), ("TOKENIZERS_PARALLELISM", "false"), ("HF_TOKEN_PATH", "/home/somebody/token")],
)
def test_what_is_no_secret_is_not_looked_for(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert secret_scan.found(f"{name}={value}".encode()) == []


def test_files_with_secrets_are_named_and_the_secrets_are_not(tmp_path):
    bad, good = tmp_path / "bad.ipynb", tmp_path / "good.png"
    bad.write_text(f"x = {SECRETS['an API key']}")
    good.write_bytes(bytes(range(256)))
    done = subprocess.run(
        [sys.executable, "-m", "rsft_utils.secret_scan", bad, good], cwd=paths.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == f"{bad} holds a secret: an API key\n"
    assert secret_scan.main([str(good)]) == 0
    assert secret_scan.main([]) == 0


def test_the_project_holds_no_secret():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    files = [paths.ROOT / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 100
    assert secret_scan.main([str(file) for file in files if file.is_file()]) == 0


def test_files_are_looked_through_before_they_are_committed():
    hooks = yaml.safe_load((paths.ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (ours,) = (hook for repo in hooks if repo["repo"] == "local" for hook in repo["hooks"])
    command = [sys.executable, *shlex.split(ours["entry"])[1:]]
    assert subprocess.run([*command, "README.md"], cwd=paths.ROOT).returncode == 0
