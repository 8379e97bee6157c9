"""Files from the Hugging Face hub, each of a fixed commit. No other module asks the hub for anything.

What lies in the hub's own cache is taken from there and nothing is asked; only what is missing is downloaded. Where no
commit is known beforehand, the one that is found at first use is noted in `hub-pins.json` beside the runs, with the
hash of the file, and is used from then on. Code from the hub is never run: weights come as safetensors only.
Downloading from huggingface.co itself was never run; the tests use a cache and a small server of the same form.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from rsft_utils import paths, store
from rsft_utils.durable import sealed

MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.jinja")


class HubError(RuntimeError):
    """A file or a model cannot be had; the message says why and what to do."""


def dataset_file(hub_id: str, filename: str | None, revision: str | None, sha256: str | None = None) -> Path:
    """Path of a data set's file; `filename` None: its only parquet file.

    Raises HubError, also when the file is not the one whose sha256 is given or was noted at its first use.
    """
    pattern = filename or "*.parquet"

    def found(folder: Path) -> list[Path]:
        files = folder.glob(pattern if filename else f"**/{pattern}")
        return sorted(file for file in files if file.exists())  # in the cache files are links

    folder = _folder("dataset", hub_id, revision, found, allow_patterns=pattern)
    files = found(folder)
    if not files:
        raise HubError(f"The data set {hub_id} has no file {pattern} at commit {folder.name}. See {_page(hub_id)}.")
    if len(files) > 1:
        names = ", ".join(file.relative_to(folder).as_posix() for file in files)
        raise HubError(f"The data set {hub_id} has several parquet files ({names}); say which one is meant.")
    with files[0].open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    name = files[0].relative_to(folder).as_posix()
    expected = sha256 or _note(f"datasets/{hub_id}", folder.name, **{name: digest})[name]
    if digest != expected:
        raise HubError(
            f"{name} of {hub_id} is not the file that is expected at commit {folder.name} (sha256 {digest}, expected "
            f"{expected}). Delete {files[0].resolve()} and try again; if that does not help, it was changed upstream."
        )
    return files[0]


def model_folder(base: str, revision: str | None = None, subfolder: str = "") -> Path:
    """Folder with a model's weights, configuration and tokenizer.

    `base` is an existing folder, used as it is, or a hub id; `subfolder` one of the repository, such as `step640` of a
    published run. Raises HubError.
    """
    if Path(base).expanduser().is_dir():
        folder = Path(base).expanduser() / subfolder
        if not _is_model(folder):
            raise HubError(f"The folder {folder} is not a model: it needs a config.json and its *.safetensors files.")
        return folder
    if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", base):
        raise HubError(f"{base!r} is neither an existing folder nor a hub id such as 'Qwen/Qwen3-1.7B-Base'.")
    inside = f"{subfolder}/" if subfolder else ""
    folder = _folder(
        "model",
        base,
        revision,
        lambda folder: _is_model(folder / subfolder),
        allow_patterns=[inside + pattern for pattern in MODEL_FILES],
        ignore_patterns=[f"{inside}*/*"],  # the star of a pattern goes through folders, too
    )
    if not _is_model(folder / subfolder):
        where = f"{base}/{subfolder}" if subfolder else base
        raise HubError(f"{where} has no config.json with *.safetensors beside it at commit {folder.name}.")
    if revision is None:
        _note(f"models/{base}", folder.name)
    return folder / subfolder


def cached(kind: str, hub_id: str, revision: str | None = None) -> Path | None:
    """Folder of a commit in the cache, perhaps without all of its files; the hub is not asked.

    `kind` is `dataset` or `model`; revision None: the noted commit, else the newest in the cache.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    commit = _commit(kind, hub_id, revision)
    try:
        return Path(snapshot_download(hub_id, repo_type=kind, revision=commit, local_files_only=True))
    except IncompleteSnapshotError as error:
        return Path(error.snapshot_path)
    except LocalEntryNotFoundError:
        return None


def _folder(kind: str, hub_id: str, revision: str | None, complete: Callable[[Path], object], **patterns) -> Path:
    """The folder of a commit in the cache, filled from the hub unless it is complete."""
    import httpx
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    commit, wanted = _commit(kind, hub_id, revision), {"repo_type": kind, **patterns}
    try:
        # refuses what is known to be incomplete after an interrupted download
        folder = Path(snapshot_download(hub_id, revision=commit, local_files_only=True, **wanted))
        if complete(folder):
            return folder
    except LocalEntryNotFoundError:
        pass
    try:
        # asked for by itself, because snapshot_download falls back on an incomplete folder in silence
        commit = commit or HfApi().repo_info(hub_id, repo_type=kind, revision="main").sha
        return Path(snapshot_download(hub_id, revision=commit, **wanted))
    except (httpx.HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise HubError(_sentence(error, kind, hub_id, commit)) from error


def _is_model(folder: Path) -> bool:
    """Whether a folder holds a configuration and all of its weights."""
    index = folder / "model.safetensors.index.json"
    shards = ["model.safetensors"]
    if index.exists():
        shards = json.loads(index.read_text())["weight_map"].values()
    return all((folder / name).exists() for name in {"config.json", *shards})


def _commit(kind: str, hub_id: str, revision: str | None) -> str | None:
    """The given commit or the noted one."""
    if revision is not None and not re.fullmatch("[0-9a-f]{40}", revision):
        raise ValueError(f"revision is {revision!r}; allowed: a commit of {hub_id} in full, 40 hexadecimal digits")
    return revision or _pins().get(f"{kind}s/{hub_id}", {}).get("commit")


def _pins() -> dict:
    file = paths.RUNS / "hub-pins.json"
    try:
        return json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        sealed.set_aside(file, "it is not JSON")  # commits are noted anew; runs know theirs by the hashes of the files
        return {}


def _note(key: str, commit: str, **hashes: str) -> dict[str, str]:
    """Note a repository's commit and hashes of its files, unless that is done at this commit; gives the noted ones."""
    pins = _pins()
    known = pins.get(key, {})
    is_new = known.get("commit") != commit
    note = {"commit": commit, "sha256": {**hashes, **({} if is_new else known["sha256"])}}
    if note != known:
        store.write_json(paths.RUNS / "hub-pins.json", {**pins, key: note})
    if is_new:
        print(f"{key}: commit {commit} is noted in {paths.RUNS / 'hub-pins.json'} and used from now on", flush=True)
    return note["sha256"]


def _page(hub_id: str, kind: str = "dataset") -> str:
    return f"https://huggingface.co/{'datasets/' if kind == 'dataset' else ''}{hub_id}"


def _sentence(error: Exception, kind: str, hub_id: str, commit: str | None) -> str:
    """What went wrong, for a person."""
    from huggingface_hub import constants, errors, get_token

    page, kind = _page(hub_id, kind), kind.replace("dataset", "data set")
    cache = f"{hub_id} is not, or not completely, in the cache {constants.HF_HUB_CACHE}"
    if isinstance(error, errors.GatedRepoError):
        # huggingface_hub itself reads the variable, a stored login, or the Colab secret
        token = (
            "A token was found, but its account has no access yet."
            if get_token()
            else "No token was found: put a read token (https://huggingface.co/settings/tokens) into the environment "
            "variable HF_TOKEN or, in Colab, into the secret of that name."
        )
        return f"{hub_id} is gated: accept its terms at {page} with your Hugging Face account. {token}"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"The hub has no {kind} {hub_id}, or this account may not see it: check the name ({page})."
    if isinstance(error, errors.RevisionNotFoundError):
        return f"The {kind} {hub_id} has no commit {commit} (any more): see {page}/commits/main."
    if constants.HF_HUB_OFFLINE:
        return f"{cache}, and HF_HUB_OFFLINE forbids the network: unset it, or bring the cache of another machine."
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if answer is not None and answer.status_code in (401, 403):
        return f"The hub refused the token for {hub_id} (status {answer.status_code}): renew or remove HF_TOKEN."
    if answer is not None:
        return f"The hub answered status {answer.status_code} for {hub_id} ({page}): try again later."
    reason = error.__cause__ or error
    return f"{cache}, and the hub cannot be reached ({type(reason).__name__}): check the connection and try again."
