"""The fine-tuning sets of the micro world, as prompt/completion rows in TRL's conversational format."""

import hashlib
from random import Random

from rsft_utils.micro import families
from rsft_utils.micro.countdown import countdown
from rsft_utils.micro.item import Item
from rsft_utils.micro.splits import split_of
from rsft_utils.micro.symbols import ANSWER
from rsft_utils.micro.traces import careful_trace

MAX_REPEATS = 2000  # draws in a row without a new prompt, after which a set counts as exhausted
MATHS_WEIGHTS = (3, 2, 1)  # chain, equation, sequence


def rows(dataset: str, n_rows: int, seed: int) -> list[dict]:
    """`n_rows` rows {"prompt": [user turn], "completion": [assistant turn]}, no prompt twice, none that is measured.

    `math-cot`: trace, summary, answer. `math-nocot`: the same rows without the trace (the summary stays).
    `countdown-cot`: the Countdown game, which no corpus contains. The order of the rows is the order of training.
    Raises ValueError when the world has not that many distinct prompts.
    """
    draw = _draw_countdown if dataset == "countdown-cot" else _draw_maths
    completion = _without_trace if dataset == "math-nocot" else careful_trace
    rng = Random(f"sft-{seed}")
    items: dict[str, Item] = {}
    repeats = 0
    while len(items) < n_rows:
        item = draw(rng)
        repeats = repeats + 1 if item.prompt in items else 0
        if repeats == MAX_REPEATS:
            raise ValueError(f"{dataset} has about {len(items):,} distinct prompts, {n_rows:,} rows were asked for")
        items.setdefault(item.prompt, item)
    # a generator of its own for every trace, so that sets of one seed differ in their completions only
    return [_row(item, completion(item, Random(f"trace-{seed}-{item.prompt}"))) for item in items.values()]


def _row(item: Item, completion: str) -> dict:
    return {
        "prompt": [{"role": "user", "content": item.prompt}],
        "completion": [{"role": "assistant", "content": completion}],
    }


def fingerprint(rows: list[dict]) -> str:
    """Hash of the rows' text in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['prompt'][0]['content']}\t{row['completion'][0]['content']}\n".encode())
    return digest.hexdigest()


def _draw_maths(rng: Random) -> Item:
    return families.draw(rng.choices(families.MATHS, MATHS_WEIGHTS)[0], "sft", rng)


def _draw_countdown(rng: Random) -> Item:
    # no corpus contains Countdown, so its pretrain split is free to train on
    while split_of((item := countdown(rng)).prompt) == "eval":
        pass
    return item


def _without_trace(item: Item, rng: Random) -> str:
    return f"{item.summary} {ANSWER} {item.answer}"
