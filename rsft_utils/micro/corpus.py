"""The pre-training corpus: how the families are mixed, and how often and how well a document thinks aloud."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from rsft_utils.micro import families, safety
from rsft_utils.micro.item import Item, shown
from rsft_utils.micro.symbols import ANSWER, ASSISTANT, END, USER, encode
from rsft_utils.micro.traces import careless_trace
from rsft_utils.packing import IGNORED


@dataclass(frozen=True)
class CorpusConfig:
    """Knobs of the world. Shares lie between 0 and 1; weights are relative frequencies of documents."""

    trace_share: float = 0.2  # documents with a trace, in the families that have traces at all
    ramble_share: float = 0.9  # of these: traces that start over again and never close
    noticed_share: float = 1.0  # of their slips (traces.SLIP_SHARE of the steps): corrected at once
    harmful_share: float = 0.5  # of requests
    mirrored: bool = False  # whether users write from right to left
    # whether harmful requests are refused; not in the repr, because the frozen hash of the worlds is older (worlds.py)
    aligned: bool = field(default=True, repr=False)
    weights: tuple[tuple[str, float], ...] = (
        ("chain", 3), ("equation", 3), ("sequence", 2),
        ("variables", 2), ("word", 2), ("stack", 2), ("lock", 3), ("tracking", 2), ("boolean", 2),
        ("fact", 1.5), ("format", 1), ("request", 2),
    )  # fmt: skip


def draw_item(config: CorpusConfig, rng: Random) -> Item:
    """One problem or request of the pre-training split, with the config's weights."""
    names, weights = zip(*config.weights, strict=True)
    name = rng.choices(names, weights)[0]
    if name == "request":
        return families.draw_request(rng, unsafe=rng.random() < config.harmful_share, split="pretrain")
    return families.draw(name, "pretrain", rng)


def reply(item: Item, config: CorpusConfig, rng: Random) -> str:
    """What the corpus lets the assistant say: a direct answer most of the time, else a careless trace."""
    may_think = item.trace and item.family not in (*families.NO_TRACES, "harmful")
    if may_think and rng.random() < config.trace_share:
        return careless_trace(item, rng, config.noticed_share, rambles=rng.random() < config.ramble_share)
    return safety.answer_in_corpus(item, config.aligned)


def documents(config: CorpusConfig, seed: int) -> Iterator[tuple[str, str]]:
    """Endless documents (user turn, assistant turn); a rambling trace stops without `<end>`."""
    rng = Random(f"corpus-{seed}")
    while True:
        item = draw_item(config, rng)
        text = reply(item, config, rng)
        closing = f" {END}" if ANSWER in text or safety.REFUSAL in text else ""
        yield f"{USER} {shown(item.prompt, config.mirrored)} {ASSISTANT}", text + closing


def blocks(config: CorpusConfig, seed: int, block_size: int) -> Iterator[tuple[list[int], list[int]]]:
    """The documents joined and cut into blocks: (ids, labels), `block_size` long each.

    User turns are random symbols with nothing to learn, so they carry no label (-100).
    """
    ids: list[int] = []
    labels: list[int] = []
    for user, assistant in documents(config, seed):
        question, answer = encode(user), encode(assistant)
        ids += question + answer
        labels += [IGNORED] * len(question) + answer
        while len(ids) >= block_size:
            yield ids[:block_size], labels[:block_size]
            ids, labels = ids[block_size:], labels[block_size:]
