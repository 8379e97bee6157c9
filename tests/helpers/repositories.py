"""What lies in the repositories of a made-up hub, and what is noted of them."""

import hashlib
import json

from rsft_utils import paths

COMMIT, LATER = "a" * 40, "b" * 40
ROWS = b'{"question": "1 + 1", "answer": "2"}\n'
MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def pins():
    return json.loads((paths.RUNS / "hub-pins.json").read_text())
