"""The rows that real models are trained on: the authors' data sets from the hub, or a .jsonl file of one's own.

Which rows a run sees follows from their content alone: they stand in the order of the hash of their question, and the
first `n_rows` that fit the length are taken. So a smaller set lies in every larger one (the paper does not say which
2,560 rows its Math-CoT-2.5k holds; here they are the first 2,560), and the sets that answer the same questions give
the same questions where all of them fit. The seed changes the order of the rows, never the choice; seed 0 leaves it
as it is. The order is the same in every epoch, as in the paper.
"""

import hashlib
import json
from dataclasses import dataclass
from random import Random

from rsft_utils import jsonl
from rsft_utils.real import countdown, hub
from rsft_utils.recipe import one_of

# Qwen's chat form without a system prompt, which Qwen2.5's own template adds. A turn of the assistant ends with the
# tokenizer's end-of-text token, as in the paper's training, and its text stays as it is: Qwen3's own template moves
# and drops <think> blocks. Training sets it as the tokenizer's chat_template, so that it is saved with a checkpoint.
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] }}"
    "{{- eos_token if message['role'] == 'assistant' else '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

BLOCK = 256  # rows that are tokenised at once


@dataclass(frozen=True)
class Dataset:
    """One of the authors' data sets: 20,480 rows in a parquet file.

    `columns` are those that its readers report; `message` (one user turn) and `response` are used, of all rows.
    None: found in no public text, so the only parquet file of the commit that is found first (see hub.py).
    """

    hub_id: str
    about: str
    long_cot: bool
    columns: tuple[str, ...] = ("message", "response", "advantage")
    filename: str | None = None
    revision: str | None = None
    sha256: str | None = None


DATASETS = {
    "Math-CoT-20k": Dataset(
        "jasonrqh/Math-CoT-20k",
        "questions of OpenR1-Math-220k; long reasoning of Qwen3-32B, of which the answer was verified",
        long_cot=True,
        columns=("data_source", "question", "answer", "message", "response", "response_length", "advantage"),
        filename="Math-CoT-20k.parquet",
        revision="1435fb21d4fecc8ad4966a26f22a874cf2b527f1",
        sha256="3166f342ec838ebe0979be43923abb33fa1c80f33043aa6acc04e5d82161142a",
    ),
    "Math-NoCoT-20k": Dataset(
        "jasonrqh/Math-NoCoT-20k",
        "the rows of Math-CoT-20k without what the think marks enclose",
        long_cot=False,
    ),
    "NuminaMath-20k": Dataset(
        "jasonrqh/NuminaMath-20k", "the same questions; short solutions by people, from NuminaMath-1.5", long_cot=False
    ),
    "Countdown-CoT-20k": Dataset(
        "jasonrqh/Countdown-CoT-20k",
        "the game Countdown; long reasoning of Qwen3-32B",
        long_cot=True,
        columns=("prompt", "answer", "message", "response", "advantage"),  # answer: numbers and target
    ),
    "DeepSeek-R1-20k": Dataset(
        "jasonrqh/DeepSeek-R1-20k", "the same questions; verified long reasoning of DeepSeek-R1", long_cot=True
    ),
}

# Sets that are generated here and need no hub -> their form.
OFFLINE = {"Countdown-words": "cot", "Countdown-words-NoCoT": "nocot"}
SPARE = 1.2  # how many more rows are generated than asked for, since some may be too long


@dataclass(frozen=True)
class Rows:
    """Rows to train on, and how they were found: of the first `of` rows in their order `kept` fit the length.

    A row is {"prompt": [user turn], "completion": [assistant turn]}. `lengths` are the rows' tokens, prompt, marks and
    completion together. `duplicates` rows stood in the data a second time and were left out.
    """

    rows: list[dict]
    lengths: list[int]
    kept: int
    of: int
    duplicates: int


def rows(dataset: str, n_rows: int, seed: int, *, max_length: int, tokenizer) -> Rows:
    """The first `n_rows` rows of at most `max_length` tokens.

    `dataset` is a name of DATASETS or OFFLINE, or a .jsonl file. Raises ValueError when the data are not of the
    expected form or too few rows fit, and what hub.dataset_file raises.
    """
    if dataset.endswith(".jsonl"):
        read = [((prompt, completion), 0) for _, prompt, completion in jsonl.read(dataset)]
    elif dataset in OFFLINE:
        made = countdown.rows(int(SPARE * n_rows), seed=0, form=OFFLINE[dataset])
        read = [((row["prompt"][0]["content"], row["completion"][0]["content"]), 0) for row in made]
    else:
        read = _authors_rows(dataset)
    known = dict(read)  # of equal rows one is left
    order = sorted(known, key=lambda row: (hashlib.sha256(row[0].encode()).digest(), row[1]))
    marks = _tokens(tokenizer, [("", "")])[0]
    left = [place for place, row in enumerate(order) if known[row] + marks <= max_length]
    fitting: list[tuple[int, int]] = []  # place in the order, tokens
    while len(fitting) < n_rows <= len(fitting) + len(left):
        block, left = left[:BLOCK], left[BLOCK:]
        counted = zip(block, _tokens(tokenizer, [order[place] for place in block]), strict=True)
        fitting += [(place, tokens) for place, tokens in counted if tokens <= max_length]
    if len(fitting) < n_rows:
        raise ValueError(
            f"{n_rows} rows of {dataset} are asked for, but at most {len(fitting) + len(left)} of its {len(order)} "
            f"rows fit max_length {max_length}: take a smaller n_rows (a multiple of batch_size) or a larger max_length"
        )
    taken = fitting[:n_rows]
    if seed:
        Random(seed).shuffle(taken)
    return Rows(
        rows=[_as_turns(*order[place]) for place, _ in taken],
        lengths=[tokens for _, tokens in taken],
        kept=len(fitting),
        of=left[0] if left else len(order),
        duplicates=len(read) - len(order),
    )


def chat(tokenizer, prompt: str, completion: str | None = None) -> str:
    """The text that a model reads: the prompt, marked as the user's, and the completion or the place for it."""
    row = _as_turns(prompt, completion or "")
    turns = row["prompt"] + (row["completion"] if completion is not None else [])
    return tokenizer.apply_chat_template(
        turns, chat_template=CHAT_TEMPLATE, tokenize=False, add_generation_prompt=completion is None
    )


def fingerprint(rows: list[dict]) -> str:
    """Hash of the rows' text in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row["prompt"][0]["content"], row["completion"][0]["content"]]).encode() + b"\n")
    return digest.hexdigest()


def _as_turns(prompt: str, completion: str) -> dict:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": completion}],
    }


def _tokens(tokenizer, pairs: list[tuple[str, str]]) -> list[int]:
    """Tokens of each prompt and completion with all marks."""
    texts = [chat(tokenizer, *pair) for pair in pairs]
    return [len(ids) for ids in tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]]


def _authors_rows(name: str) -> list[tuple[tuple[str, str], int]]:
    """((prompt, response), tokens that the response is known to have, else 0) of every row."""
    from pyarrow import parquet

    one_of("dataset", name, [*DATASETS, *OFFLINE, "or a .jsonl file of your own"])
    data = DATASETS[name]
    file = hub.dataset_file(data.hub_id, data.filename, data.revision, data.sha256)
    found = parquet.read_schema(file).names
    # nobody lists a `message` for Countdown-CoT-20k on the hub, though the authors train on a column of that name
    question = "message" if "message" in found else "prompt"
    if question not in found or "response" not in found:
        raise ValueError(
            f"{name} ({file.name}) must have the columns message (a list of one user turn) or prompt (text), and "
            f"response (text); it has {', '.join(found)}"
        )
    has_lengths = "response_length" in found
    table = parquet.read_table(file, columns=[question, "response"] + ["response_length"] * has_lengths)
    pairs = [
        _pair(f"row {number} of {name}", row[question], row["response"]) for number, row in enumerate(table.to_pylist())
    ]
    lengths = table["response_length"].to_pylist() if has_lengths else [0] * len(pairs)
    # A text has no more tokens than bytes, and one for its end. Where it would, the lengths are those of other texts,
    # perhaps of the responses before their reasoning was cut out.
    if any(length > len(response.encode()) + 1 for (_, response), length in zip(pairs, lengths, strict=True)):
        lengths = [0] * len(pairs)
    return list(zip(pairs, lengths, strict=True))


def _pair(where: str, question: str | list[dict], response: str) -> tuple[str, str]:
    """Prompt and response, checked; the prompt as text or as one user turn."""
    prompt = question
    if isinstance(question, list) and len(question) == 1 and question[0].get("role") == "user":
        prompt = question[0].get("content")
    if not all(isinstance(text, str) and text.strip() for text in (prompt, response)):
        raise ValueError(
            f"{where} must have one user turn and a response, none of them empty; found "
            f"{jsonl.shortened(question)} and {jsonl.shortened(response)}"
        )
    return prompt, response
