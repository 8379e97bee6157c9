"""Shared by the tests of real models: a hub cache on disk, laid out as huggingface_hub lays it out, and no network."""

import hashlib
import runpy
from pathlib import Path

import pytest

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))


class FakeHub:
    """A hub cache whose repositories are made by hand; whatever is not in it cannot be had."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add_dataset(self, hub_id: str, files: dict[str, Path | bytes | str] | Path, commit: str | None = None) -> str:
        """Put files (name -> path, or content) or a whole folder into the cache; gives the commit, also `main`."""
        return self._add(f"datasets--{hub_id.replace('/', '--')}", files, commit)

    def add_model(self, hub_id: str, files: dict[str, Path | bytes | str] | Path, commit: str | None = None) -> str:
        """As add_dataset, for a model: a folder that save_pretrained wrote can be given as it is."""
        return self._add(f"models--{hub_id.replace('/', '--')}", files, commit)

    def _add(self, repository, files, commit):
        commit = commit or hashlib.sha1(repository.encode()).hexdigest()
        if isinstance(files, Path):
            files = {file.relative_to(files).as_posix(): file for file in files.rglob("*") if file.is_file()}
        root = self.folder / repository
        for name, content in files.items():
            if isinstance(content, Path):
                content = content.read_bytes()
            elif isinstance(content, str):
                content = content.encode()
            blob = root / "blobs" / hashlib.sha256(content).hexdigest()
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            pointer = root / "snapshots" / commit / name
            pointer.parent.mkdir(parents=True, exist_ok=True)
            pointer.unlink(missing_ok=True)
            pointer.symlink_to(blob)
        (root / "refs").mkdir(parents=True, exist_ok=True)
        (root / "refs" / "main").write_text(commit)
        return commit


@pytest.fixture
def fake_hub(tmp_path, monkeypatch, new_runs):
    """An empty hub cache, HF_HUB_OFFLINE=1, no token, and an empty folder of runs (where commits are noted)."""
    from huggingface_hub import constants

    folder = tmp_path / "hub"
    folder.mkdir()
    # the variables are for child processes: here huggingface_hub has read them already
    monkeypatch.setenv("HF_HUB_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    return FakeHub(folder)


@pytest.fixture(scope="session")
def base(tmp_path_factory, one_thread):
    """Folder of a tiny Qwen3."""
    return TINY["save"](tmp_path_factory.mktemp("base"))


# Where the end of a turn, padding and the chat's marks are tokens of their own, as in Qwen's tokenizers.
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]


@pytest.fixture(scope="session")
def qwen_like_tokenizer():
    """A byte-level BPE tokenizer of 400 tokens with Qwen's special tokens and no chat template of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    text = "user assistant\nPlease reason step by step, and put your final answer within \\boxed{}. So 12 + 7 = 19."
    bpe.train_from_iterator([text] * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|endoftext|>", pad_token="<|im_end|>", padding_side="left"
    )


@pytest.fixture
def tokenizer(qwen_like_tokenizer):
    return qwen_like_tokenizer
