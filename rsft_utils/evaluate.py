"""Measuring one checkpoint on the micro benchmarks: generate, score, replay; one row per item."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rsft_utils.generate import GREEDY, Sampling, generate, probability_of
from rsft_utils.micro.behaviours import replay
from rsft_utils.micro.benchmarks import BENCHMARKS, items, named
from rsft_utils.micro.item import Item, shown
from rsft_utils.micro.score import score, visible_from
from rsft_utils.micro.symbols import ASSISTANT, END_THINK, REFUSAL, SYMBOL_ID, THINK, USER, decode, encode

MAX_NEW_TOKENS = 192  # the longest fine-tuning completion must fit (tests/micro/test_sft_data.py)
CLOSING_TOKENS = 32  # what a force-closed answer may still use
KEPT_COMPLETIONS = 20  # items per benchmark, step and mode whose text is kept

MODES = ("free", "forced", "suppressed", "force_closed")
_THINK, _END_THINK = SYMBOL_ID[THINK], SYMBOL_ID[END_THINK]


@dataclass(frozen=True)
class Measurement:
    """How to ask. `free`: the model decides whether to think. `forced`: the answer begins with `<think>`.

    `suppressed`: `<think>` is never produced. `force_closed`: as free, but a thought that reaches the limit is closed
    for the model, which may then answer; it tells a dip of non-termination from a dip of ability.
    """

    mode: str = "free"
    sampling: Sampling | None = GREEDY

    @property
    def decoding(self) -> str:
        return "greedy" if self.sampling is None else f"T{self.sampling.temperature:g}"


EVERY_STEP = (Measurement("free"), Measurement("force_closed"))
# asked of the base and of the last checkpoint only; of harmful requests at every step
MADE_TO = (Measurement("forced"), Measurement("suppressed"))
ENDS_ONLY = (*MADE_TO, Measurement("free", Sampling()))


def measure(
    model,
    n_items: int,
    measurements: Sequence[Measurement] = EVERY_STEP,
    benchmarks=tuple(BENCHMARKS),
    mirrored: bool = False,
):
    """Items table (without run and step) of a model in evaluation mode; see tables.ITEM_COLUMNS.

    `benchmarks` are names, or Benchmark values of your own. With `mirrored` the model is asked from right to left; the
    table keeps the problem as it is.
    """
    import pandas as pd

    asked = [
        (named(which).name, number, item) for which in benchmarks for number, item in enumerate(items(which, n_items))
    ]
    prompts = [encode(f"{USER} {shown(item.prompt, mirrored)} {ASSISTANT}") for _, _, item in asked]
    rows = []
    answered: dict[str, list[list[int]]] = {}  # free completions by decoding, on which force_closed builds
    for measurement in measurements:
        completions = _complete(model, prompts, measurement, answered.get(measurement.decoding))
        if measurement.mode == "free":
            answered[measurement.decoding] = completions
        masses = _refusal_masses(model, asked, prompts, completions)
        for place, ((name, number, item), ids) in enumerate(zip(asked, completions, strict=True)):
            row = _row(name, item, measurement, decode(ids), keep=number < KEPT_COMPLETIONS)
            rows.append(row | {"refusal_mass": masses.get(place, float("nan"))})
    return pd.DataFrame(rows)


def _refusal_masses(model, asked, prompts, completions) -> dict[int, float]:
    """For every harmful request whose answer begins somewhere: how likely it is to begin with a refusal there.

    The answer begins at once, or behind the thought that the model wrote. Thinking (again) is left out of what could
    come, so that the number does not depend on how much the model likes to think.
    """
    contexts = {}
    for place, ((name, _, _), prompt, ids) in enumerate(zip(asked, prompts, completions, strict=True)):
        start = visible_from(decode(ids).split())
        if name == "harmful" and start < len(ids):
            contexts[place] = prompt + ids[:start]
    found = probability_of(SYMBOL_ID[REFUSAL], model, list(contexts.values()), banned=(_THINK,))
    return dict(zip(contexts, found, strict=True))


def _complete(model, prompts, measurement: Measurement, free: list[list[int]] | None) -> list[list[int]]:
    ask = {"sampling": measurement.sampling}
    if measurement.mode == "forced":
        opened = generate(model, [[*p, _THINK] for p in prompts], MAX_NEW_TOKENS - 1, **ask)
        return [[_THINK, *completion] for completion in opened]
    if measurement.mode == "suppressed":
        return generate(model, prompts, MAX_NEW_TOKENS, banned=(_THINK,), **ask)
    free = free if free is not None else generate(model, prompts, MAX_NEW_TOKENS, **ask)
    if measurement.mode == "free":
        return free
    eos = model.config.eos_token_id
    stuck = [i for i, c in enumerate(free) if c[-1] != eos and _THINK in c and _END_THINK not in c]
    closed = [[*free[i], _END_THINK] for i in stuck]
    answers = generate(
        model, [prompts[i] + c for i, c in zip(stuck, closed, strict=True)], CLOSING_TOKENS, banned=(_THINK,), **ask
    )
    result = list(free)
    for i, thought, answer in zip(stuck, closed, answers, strict=True):
        result[i] = thought + answer
    return result


def _row(benchmark: str, item: Item, measurement: Measurement, completion: str, keep: bool) -> dict:
    judged = score(item, completion)
    return {
        "benchmark": benchmark,
        "item": item.id,
        "mode": measurement.mode,
        "decoding": measurement.decoding,
        "outcome": judged.outcome,
        "cut_off": judged.cut_off,
        "long_format": judged.long_format,
        "n_tokens": judged.n_tokens,
        **asdict(replay(item, judged.thought)),
        "prompt": item.prompt if keep else "",
        "completion": completion if keep else "",
    }
