"""Packing within a step: the rows of one batch laid end to end in one line, each of which attends to itself alone.

The batch stays the batch: every row of the step is in it, nothing is cut, nothing is padded, and no token sees another
row's tokens. TRL's collator lays the line out (`padding_free`), with `position_ids` that restart at each row. On a card
FlashAttention keeps such rows apart; on a CPU transformers computes attention between all of them and masks it.
"""

from contextlib import contextmanager

IGNORED = -100  # label of a token without loss


@contextmanager
def rows_apart(model):
    """Within, the model (full causal attention, no cache) attends row by row in a line of rows."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register("rows_apart", _attention)
    AttentionMaskInterface.register("rows_apart", lambda *args, **kwargs: None)
    before = model.config._attn_implementation
    model.set_attn_implementation("rows_apart")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _attention(module, query, key, value, attention_mask, *, scaling, position_ids, **kwargs):
    """Attention of each row by itself; query, key and value are (1, heads, tokens, head_dim)."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    starts = (position_ids[0] == 0).nonzero()[1:, 0].tolist()  # but the first, which is where the line begins
    parts = (tensor.tensor_split(starts, dim=2) for tensor in (query, key, value))
    rows = [
        scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling) for q, k, v in zip(*parts, strict=True)
    ]
    return torch.cat(rows, dim=2).transpose(1, 2), None
