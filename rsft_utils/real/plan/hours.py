"""How long training and measuring take on a card: speeds that were measured elsewhere, and arithmetic.

None of the hours was measured by this project. Where a speed was read off logs, the rows were assumed to be full, so
it is an upper bound of what that card did; the ranges are wide for that reason.
"""

import re
from dataclasses import dataclass, replace

from rsft_utils.real.generate import MEMORY_FOR_ANSWERS
from rsft_utils.real.plan.memory import OTHER, Shape

PROMPT = 150  # tokens of a question, on average
SLOTS = 256  # answers that vLLM writes at once, at most
USED, SPARE = 0.9, 1.5  # share of the card that vLLM uses, and GB of that which no answer can use
LAYER_SECONDS = 0.001  # a guess: to start the many small pieces of work of one layer, for one token
REFILLED, TAIL = 0.85, 0.75  # share of the places of generate.py that are busy, and of `cap` steps for the last ones
UNCERTAIN = 2.0  # measuring may take half or twice as long as reckoned


@dataclass(frozen=True)
class Hours:
    """A range and the value in its middle that is most likely."""

    low: float
    likely: float
    high: float

    def __add__(self, other: "Hours") -> "Hours":
        return Hours(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def __str__(self) -> str:
        likely, low, high = (
            f"{hours:.1f}" if hours < 10 else f"{hours:.0f}" for hours in (self.likely, self.low, self.high)
        )
        return likely if low == high else f"{likely} ({low}-{high})"


@dataclass(frozen=True)
class Card:
    """A graphics card: memory in GB, useful TFLOP/s in training (low, likely, high), TB/s read while answering.

    The last two are None for a card whose speed is not known here; `guessed` says that the TFLOP/s are on no record.
    """

    name: str
    memory: float
    tflops: tuple[float, float, float] | None = None
    reads: float | None = None
    guessed: bool = False


# Useful TFLOP/s: from the logs of public fine-tuning notebooks and LLaMA-Factory's table. Reading: the share of the
# data sheet's bandwidth that was reached elsewhere.
CARDS = {
    "T4": Card("T4", 15.8, (6, 9, 14), 0.5 * 0.32),
    "L4": Card("L4", 23.6, (25, 33, 40), 0.6 * 0.30),
    "RTX 3090": Card("RTX 3090", 25.3, (25, 32, 38), 0.6 * 0.94, guessed=True),
    "RTX 4090": Card("RTX 4090", 25.3, (55, 70, 85), 0.6 * 1.01),
    "A100 40GB": Card("A100 40GB", 42.4, (110, 135, 155), 0.6 * 1.56),
    "A100 80GB": Card("A100 80GB", 84.9, (110, 135, 155), 0.6 * 2.0),
    "H100": Card("H100", 84.9, (200, 280, 380), 0.6 * 3.35, guessed=True),
    "H200": Card("H200", 150.1, (200, 280, 380), 0.6 * 4.8, guessed=True),
}


def find_card() -> Card | None:
    """The first CUDA card of this machine, or None where there is none."""
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return named_card(found.name, found.total_memory / 1e9)


def processor() -> Card:
    """This computer without a card: its memory, and no speed that anybody measured."""
    import os

    return Card("the processor", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def named_card(name: str, memory: float) -> Card:
    """A card as the driver names it, such as `NVIDIA A100-SXM4-40GB`, with the speed of its kind if that is known."""
    alike = [card for key, card in CARDS.items() if re.search(rf"\b{key.removeprefix('RTX ').split()[0]}\b", name)]
    if not alike:
        return Card(name, memory)
    nearest = min(alike, key=lambda card: abs(card.memory - memory))
    return replace(nearest, name=name, memory=memory)


def gigaflops_per_token(model: Shape, rank: int, length: float) -> float:
    """Work for one token of a row of `length` tokens, in 10^9 operations; `rank` 0 is full fine-tuning.

    Six per weight: two forward, two when a checkpointed layer is computed again, two for the gradient that passes
    through it; a frozen weight has no gradient of its own. Eight per weight that is trained. Causal attention looks
    back at half of the row.
    """
    attention = 9 * length * model.attention * model.layers
    weights = 6 * (model.linear + model.head) + 8 * model.lora(rank) if rank else 8 * (model.linear + model.head)
    return (weights + attention) / 1e9


def training_hours(tokens: float, gigaflops: float, tflops: tuple[float, float, float]) -> Hours:
    """Hours for `tokens` at `gigaflops` each, on a card of low, likely and high useful TFLOP/s."""
    low, likely, high = (tokens * gigaflops / speed / 1e3 / 3600 for speed in tflops)
    return Hours(high, likely, low)


def answer_room(model: Shape, four_bit: bool, card: Card, vllm: bool) -> float:
    """GB of the card that the answers being written can fill: what vLLM takes, or what generate.py takes."""
    weights = model.weights(four_bit)
    return USED * card.memory - weights - SPARE if vllm else MEMORY_FOR_ANSWERS * (card.memory - weights - OTHER)


def measuring_hours(
    model: Shape,
    four_bit: bool,
    card: Card,
    *,
    answers: int,
    cap: int,
    runs_on: float,
    finished: float,
    vllm: bool,
    at_once: int,
) -> Hours:
    """Hours to write `answers`, of which a share `runs_on` goes on to `cap` tokens; the others take `finished` each.

    For every token the card reads the weights once and what stands before the token in each answer, so cost grows with
    the square of the length. `at_once` answers are asked for together, and the next when all of them are there; an
    answer that ends gives its place to another of them. With vLLM this agrees within 20 % with ML.ENERGY's measurements
    on an H100 and was 1.6 times too slow for one other run. Without, every step costs more; how many steps it takes was
    simulated (REFILLED, TAIL), and the whole was compared with nothing.
    """
    full_parts, rest = divmod(answers, at_once)
    parts = [at_once] * full_parts + [rest] * (rest > 0)
    finished = min(finished, 0.6 * cap)
    weights, room = model.weights(four_bit) * 1e9, answer_room(model, four_bit, card, vllm) * 1e9
    reads = card.reads * 1e12
    seconds = 0.0
    for part in parts:
        # An answer of n tokens reads n^2/2 of them; the lengths of those that finish are taken to be exponential.
        cached = part * (runs_on * cap * (cap / 2 + PROMPT) + (1 - runs_on) * finished * (finished + PROMPT))
        cached *= model.cache_bytes
        tokens = part * (runs_on * cap + (1 - runs_on) * finished)
        if vllm:
            full_steps = max(cached / room, tokens / SLOTS)
            lone_step = weights / reads + 0.004
            seconds += max(full_steps * (weights + room) / reads, cap * lone_step) + 0.3 * cap * lone_step
        else:
            places = max(1, min(part, int(room / (model.cache_bytes * (cap + PROMPT)))))
            unpacked = 4 * model.linear if four_bit else 0  # at every step they are written and read in 16 bit
            step = (weights + unpacked) / reads + LAYER_SECONDS * model.layers
            steps = cap if places == part else max(cap, tokens / (REFILLED * places) + TAIL * cap)
            seconds += steps * step + cached / reads
    hours = seconds / 3600
    return Hours(hours / UNCERTAIN, hours, hours * UNCERTAIN)
