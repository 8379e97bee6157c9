"""What the jobs of many runs need on a cluster: cards, hours, memory of the machine, disk; and all of them together.

The formulae are those of a notebook's plan. Hours are those of a job by the clock; where training takes several cards
it is assumed to be as many times as fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rsft_utils.real.plan import costs, lengths, memory
from rsft_utils.real.plan.hours import Card, Hours
from rsft_utils.real.plan.planner import PlanError
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec

MOST_CARDS = 8  # in one machine
MACHINE = 8.0  # GB of main memory for Python and its libraries, a guess


@dataclass(frozen=True)
class Need:
    """What a job takes: cards, hours by the clock, GB of main memory."""

    cards: int
    hours: Hours
    memory: float

    @property
    def card_hours(self) -> Hours:
        return times(self.hours, self.cards)


def training(spec: RealSpec | ReleasedSpec, card: Card) -> Need:
    """The job that trains a run. Raises PlanError if the run fits on no number of such cards."""
    shape = memory.shape(spec.base_model)
    loaded = MACHINE + shape.weights(four_bit=False)
    if isinstance(spec, ReleasedSpec):
        return Need(0, Hours(0, 0, 0), MACHINE)
    tokens = lengths.tokens(spec, lengths.local(spec))
    alone = costs.training_of(spec, tokens, card.tflops)
    if spec.method == "lora":
        _refuse_too_large(spec, costs.training_peak(spec, card, "unsloth").total, card)
        offloaded = memory.layer_inputs(shape, spec.micro_batch * spec.max_length)
        return Need(1, alone, loaded + offloaded)
    peaks = {
        cards: memory.full_peak(shape, tokens=spec.micro_batch * spec.max_length, cards=cards).total
        for cards in (1, 2, 4, MOST_CARDS)
    }
    _refuse_too_large(spec, peaks[MOST_CARDS], card)
    cards = next(cards for cards, peak in peaks.items() if peak <= card.memory)
    return Need(cards, times(alone, 1 / cards), cards * MACHINE + 2 * shape.weights(four_bit=False))


def measuring(spec: RealSpec | ReleasedSpec, step: int, card: Card, vllm: bool) -> Need:
    """The job that measures a run at a step."""
    if not costs.answer_fits(spec, card, vllm):
        raise PlanError(
            f"a {card.name} ({card.memory:.1f} GB) has no room for one answer of full length of {spec.name}"
        )
    loaded = memory.shape(spec.base_model).weights(four_bit=False)
    return Need(1, costs.measuring_steps(spec, (step,), card, vllm), MACHINE + 2 * loaded)


def disk(spec: RealSpec | ReleasedSpec) -> float:
    """GB for the checkpoints of a run while it is made."""
    return costs.step_size(spec) if isinstance(spec, ReleasedSpec) else costs.checkpoints_size(spec)


def _refuse_too_large(spec: RealSpec, peak: float, card: Card) -> None:
    if peak > card.memory:
        raise PlanError(
            f"{spec.name} needs about {peak:.1f} GB on each card and a {card.name} has {card.memory:.1f} GB"
        )


def times(hours: Hours, factor: float) -> Hours:
    return Hours(hours.low * factor, hours.likely * factor, hours.high * factor)


def total(parts: Sequence[Hours]) -> Hours:
    return sum(parts, Hours(0, 0, 0))
