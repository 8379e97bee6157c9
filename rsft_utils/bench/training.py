"""A base model fine-tuned as a run does it, with nothing kept but the model."""

import tempfile
from pathlib import Path

from rsft_utils.specs import RunSpec


def trained(spec: RunSpec):
    """(the model, what `train` returns) of a spec."""
    from rsft_utils.micro import bases, sft_data, symbols
    from rsft_utils.run import MAX_TOKENS
    from rsft_utils.train import train

    model = bases.load(spec.base)
    rows = sft_data.rows(spec.dataset, spec.n_rows, spec.seed)
    with tempfile.TemporaryDirectory() as folder:
        return model, train(spec, model, symbols.make_tokenizer(), rows, Path(folder), MAX_TOKENS)
