"""The base model and the data of a run of a real model, and the hashes by which they are known again."""

import hashlib
from functools import cache
from pathlib import Path

from rsft_utils.real import countdown, datasets, hub
from rsft_utils.real.models import MODELS
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec, short_hash


def base_folder(spec: RealSpec | ReleasedSpec) -> Path:
    """Folder of the base model, downloaded if it is named by its hub id and not there yet."""
    model = MODELS.get(spec.base_model)
    return hub.model_folder(model.hub_id, model.revision) if model else hub.model_folder(spec.base_model)


def look_again() -> None:
    """Forget all hashes: under the same name may lie another file by now. Else a process hashes only once."""
    for remembered in (data_fingerprint, base_key):
        remembered.cache_clear()


@cache
def data_fingerprint(spec: RealSpec | ReleasedSpec) -> str:
    """Hash of what the weights of a run come from: its data file and its base model."""
    return short_hash(base_key(spec), _data(spec) if isinstance(spec, RealSpec) else spec.repository)


@cache
def base_key(spec: RealSpec | ReleasedSpec) -> str:
    """Hash of the base model in its precision."""
    model = MODELS.get(spec.base_model)
    return short_hash([model.hub_id, model.revision] if model else _weights_hash(base_folder(spec)), spec.four_bit)


def _data(spec: RealSpec) -> str:
    if spec.dataset in datasets.OFFLINE:
        return f"{spec.dataset} {countdown.VERSION}"
    if spec.dataset.endswith(".jsonl"):
        return _file_hash(Path(spec.dataset).expanduser())
    known = datasets.DATASETS[spec.dataset]
    return known.sha256 or _file_hash(hub.dataset_file(known.hub_id, known.filename, known.revision))


def _weights_hash(folder: Path) -> list[str]:
    return [_file_hash(file) for file in sorted(folder.glob("*.safetensors"))]


def _file_hash(path: Path) -> str:
    about = path.stat()
    return _hash_of_content(path, about.st_size, about.st_mtime_ns)


@cache
def _hash_of_content(path: Path, size: int, changed: int) -> str:
    """Hash of a file, read again only when it looks changed: weights are large."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
