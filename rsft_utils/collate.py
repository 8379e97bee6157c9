"""Packing within a step: the rows of one batch laid end to end in as few equally long bins as they need.

The batch stays the batch: every row of the step is in it, nothing is cut, and no token sees another row's tokens
(restarting `position_ids` tell transformers where a row begins, as long as the model keeps no cache: TRL trains with
`use_cache=False`). With long and short traces in one batch, padding otherwise makes up most of the arithmetic.
"""

IGNORED = -100  # label of a token without loss


def pack_batch(rows: list[dict], pad_token_id: int) -> dict:
    """Collate tokenised rows (`input_ids`, `labels`) into int64 tensors of shape (bins, longest row of the batch).

    First-fit decreasing. Returns input_ids, labels (-100 on padding) and position_ids, which restart at each row.
    """
    import torch

    rows = sorted(rows, key=lambda row: -len(row["input_ids"]))
    width = len(rows[0]["input_ids"])
    bins: list[list[dict]] = []
    room: list[int] = []
    for row in rows:
        length = len(row["input_ids"])
        fits = next((i for i, free in enumerate(room) if free >= length), None)
        if fits is None:
            bins.append([row])
            room.append(width - length)
        else:
            bins[fits].append(row)
            room[fits] -= length

    def laid_out(values, padding: list[int]) -> torch.Tensor:
        lines = [[v for row in packed for v in values(row)] for packed in bins]
        return torch.tensor([line + padding[: width - len(line)] for line in lines])

    return {
        "input_ids": laid_out(lambda row: row["input_ids"], [pad_token_id] * width),
        "labels": laid_out(_first_token_without_loss, [IGNORED] * width),
        "position_ids": laid_out(lambda row: range(len(row["input_ids"])), list(range(width))),
    }


def _first_token_without_loss(row: dict) -> list[int]:
    # in a bin, the model's shift by one would make the row before predict this row's first token
    return [IGNORED, *row["labels"][1:]]
