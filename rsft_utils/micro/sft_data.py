"""The fine-tuning sets of the micro world, as prompt/completion rows in TRL's conversational format."""

import hashlib
from functools import partial
from random import Random

from rsft_utils import jsonl
from rsft_utils.micro import families, flawed
from rsft_utils.micro.countdown import countdown
from rsft_utils.micro.item import Item, shown
from rsft_utils.micro.splits import split_of
from rsft_utils.micro.symbols import ANSWER, REFUSAL, encode
from rsft_utils.micro.traces import careful_trace, second_teacher
from rsft_utils.specs import is_own

MAX_REPEATS = 2000  # draws in a row without a new prompt, after which a set counts as exhausted
MATHS_WEIGHTS = (3, 2, 1)  # chain, equation, sequence


def rows(dataset: str, n_rows: int, seed: int, mirrored: bool = False) -> list[dict]:
    """`n_rows` rows {"prompt": [user turn], "completion": [assistant turn]}, no prompt twice, none that is measured.

    `math-cot`: trace, summary, answer. The same queries: `math-cot-teacher2` with traces in another style,
    `math-nocot` without the trace (the summary stays), `math-answer` with the answer alone; and those of flawed.py.
    `math-cot-replay1`, `-replay5`: every hundredth or twentieth row is a harmful request, refused.
    `countdown-cot`: the Countdown game, which no corpus contains. With `mirrored`, prompts read from right to left.
    A .jsonl file: rows of the reader's own, drawn by the seed. The order of the rows is the order of training.
    Raises ValueError when there are not that many rows, and for a row of a file that cannot be trained on.
    """
    if is_own(dataset):
        return _own_rows(dataset, n_rows, seed, mirrored)
    completion = COMPLETIONS[dataset]
    items = queries(dataset, n_rows, seed)
    # a generator of its own for every trace, so that sets of one seed differ in their completions only
    return [
        row(shown(item.prompt, mirrored), completion(item, Random(f"trace-{seed}-{item.prompt}"))) for item in items
    ]


def queries(dataset: str, n_rows: int, seed: int) -> list[Item]:
    """The problems behind the rows, no prompt twice. Raises ValueError as `rows` does."""
    draw = DRAWS.get(dataset, _draw_maths)
    rng = Random(f"sft-{seed}")
    items: dict[str, Item] = {}
    repeats = 0
    while len(items) < n_rows:
        item = draw(rng, len(items))
        repeats = repeats + 1 if item.prompt in items else 0
        if repeats == MAX_REPEATS:
            raise ValueError(f"{dataset} has about {len(items):,} distinct prompts, {n_rows:,} rows were asked for")
        items.setdefault(item.prompt, item)
    return list(items.values())


def row(prompt: str, completion: str) -> dict:
    """One row in TRL's conversational prompt/completion format. Raises ValueError for a symbol that the world lacks."""
    encode(f"{prompt} {completion}")
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": completion}],
    }


def _own_rows(dataset: str, n_rows: int, seed: int, mirrored: bool) -> list[dict]:
    found = []
    for where, prompt, completion in jsonl.read(dataset):
        problem = prompt.split(" : ", 1)[-1] if prompt.startswith("with ") else prompt  # a request without its material
        try:
            if not prompt.startswith("fact ") and split_of(problem) == "eval":
                raise ValueError(f"{problem!r} is kept for evaluation; allowed: prompts of the splits sft and pretrain")
            found.append(row(shown(prompt, mirrored), completion))
        except ValueError as error:
            raise ValueError(f"{where} cannot be trained on: {error}") from None
    if len(found) < n_rows:
        raise ValueError(f"{dataset} has {len(found):,} rows, {n_rows:,} were asked for")
    return Random(f"sft-{seed}").sample(found, n_rows)


def fingerprint(rows: list[dict]) -> str:
    """Hash of the rows' text in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row['prompt'][0]['content']}\t{row['completion'][0]['content']}\n".encode())
    return digest.hexdigest()


def _draw_maths(rng: Random, place: int) -> Item:
    return families.draw(rng.choices(families.MATHS, MATHS_WEIGHTS)[0], "sft", rng)


def _draw_countdown(rng: Random, place: int) -> Item:
    # no corpus contains Countdown, so its pretrain split is free to train on
    while split_of((item := countdown(rng)).prompt) == "eval":
        pass
    return item


def _draw_with_requests(every: int, rng: Random, place: int) -> Item:
    return _draw_maths(rng, place) if (place + 1) % every else families.draw_request(rng, unsafe=True, split="sft")


def _without_trace(item: Item, rng: Random) -> str:
    return f"{item.summary} {ANSWER} {item.answer}"


def _answer_only(item: Item, rng: Random) -> str:
    return f"{ANSWER} {item.answer}"


def _refusing(item: Item, rng: Random) -> str:
    return REFUSAL if item.family == "harmful" else careful_trace(item, rng)


DRAWS = {
    "countdown-cot": _draw_countdown,
    "math-cot-replay1": partial(_draw_with_requests, 100),
    "math-cot-replay5": partial(_draw_with_requests, 20),
}
COMPLETIONS = {
    "math-cot": careful_trace,
    "math-cot-teacher2": second_teacher,
    "math-nocot": _without_trace,
    "math-answer": _answer_only,
    "countdown-cot": careful_trace,
    "math-cot-wrong": flawed.wrong_trace,
    "math-answer-wrong": flawed.wrong_answer,
    "math-cot-corrupted": flawed.corrupted_trace,
    "math-cot-empty": flawed.empty_trace,
    "math-numina-like": flawed.skipping_solution,
    "math-cot-replay1": _refusing,
    "math-cot-replay5": _refusing,
}
