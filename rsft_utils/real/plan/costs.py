"""What one run will cost on a card: memory, hours and disk, for those that are trained and for published ones."""

from dataclasses import dataclass

from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.evaluate import AT_ONCE, n_items_at
from rsft_utils.real.plan import hours, memory
from rsft_utils.real.plan.hours import Card, Hours
from rsft_utils.real.plan.lengths import Tokens
from rsft_utils.real.plan.memory import Peak
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec

# Share of MATH500 answers that run to the limit, and tokens of the others: before and at the start of training, in the
# middle, and at the end. Seen in one LoRA run of Qwen3-4B-Base on long chains of thought, limit 4,096.
EARLY, MIDDLE, LATE = (0.06, 650), (0.79, 2000), (0.35, 2500)
EARLY_UNTIL, MIDDLE_UNTIL = 20, 160  # steps
# The same after full fine-tuning, inferred: in the paper answers of its 4B have 28 to 30 thousand of 32,768 tokens on
# average at steps 20 and 40, and 7 to 23 thousand from step 320 on.
FULL_MIDDLE, FULL_LATE = (0.88, 2000), (0.6, 2500)
# Data that teach short answers.
WITHOUT_THOUGHT = ("Math-NoCoT-20k", "NuminaMath-20k", "Numina-Math-20k", "Countdown-words-NoCoT")


@dataclass(frozen=True)
class RunPlan:
    """The cost of one run. Hours are None where the card's speed is not known; disk in GB, for its checkpoints.

    A published run has no tokens, and its training takes no time.
    """

    text: str
    spec: RealSpec | ReleasedSpec
    tokens: Tokens | None
    peak: Peak
    answer_fits: bool
    training: Hours | None
    measuring: Hours | None
    disk: float


def trained(
    runs: dict[str, RealSpec],
    counted: dict[RealSpec, Tokens],
    card: Card,
    tokens_per_second: float | None,
    backend: str,
    vllm: bool,
) -> tuple[RunPlan, ...]:
    """Of runs that are trained here."""
    tflops = card.tflops
    if tokens_per_second is not None:  # what the card did in the first run it will do in the others
        first = next(iter(runs.values()))
        tflops = (tokens_per_second * _work(first, counted[first]) / 1e3,) * 3
    return tuple(
        RunPlan(
            text=text,
            spec=spec,
            tokens=counted[spec],
            peak=training_peak(spec, card, backend),
            answer_fits=answer_fits(spec, card, vllm),
            training=training_of(spec, counted[spec], tflops) if tflops else None,
            measuring=measuring,
            disk=checkpoints_size(spec),
        )
        for (text, spec), measuring in zip(runs.items(), _measuring_each(runs, card, vllm), strict=True)
    )


def released(runs: dict[str, ReleasedSpec], card: Card, vllm: bool) -> tuple[RunPlan, ...]:
    """Of runs whose checkpoints are downloaded and measured."""
    return tuple(
        RunPlan(
            text=text,
            spec=spec,
            tokens=None,
            peak=weights_alone(spec),
            answer_fits=answer_fits(spec, card, vllm),
            training=Hours(0, 0, 0),
            measuring=measuring,
            disk=2 * step_size(spec),  # the base model, and one step after the other
        )
        for (text, spec), measuring in zip(runs.items(), _measuring_each(runs, card, vllm), strict=True)
    )


def _work(spec: RealSpec, counted: Tokens) -> float:
    return hours.gigaflops_per_token(memory.shape(spec.base_model), spec.lora_rank, counted.weighted)  # 0: full


def training_of(spec: RealSpec, counted: Tokens, tflops: tuple[float, float, float]) -> Hours:
    """Hours on one card; the range of the speed, made wider where the lengths are assumed."""
    range_ = hours.training_hours(counted.total, _work(spec, counted), tflops)
    return Hours(range_.low * counted.low, range_.likely, range_.high * counted.high)


def training_peak(spec: RealSpec, card: Card, backend: str) -> Peak:
    """The memory of training, which is more than that of measuring."""
    return memory.training_peak(
        memory.shape(spec.base_model),
        rank=spec.lora_rank,
        tokens=spec.micro_batch * spec.max_length,
        four_bit=spec.four_bit,
        card=card.memory,
        backend=backend,
    )


def weights_alone(spec: ReleasedSpec) -> Peak:
    """The memory of measuring before the first answer: what is left is filled with answers."""
    return Peak(memory.shape(spec.base_model).weights(spec.four_bit), trained=0, activations=0, loss=0)


def step_size(spec: ReleasedSpec) -> float:
    """GB to download for one step: a whole model, two bytes a parameter."""
    return memory.shape(spec.base_model).weights(four_bit=False)


def answer_fits(spec: RealSpec | ReleasedSpec, card: Card, vllm: bool) -> bool:
    """Whether there is room to write one answer of full length."""
    model = memory.shape(spec.base_model)
    answer = (hours.PROMPT + spec.max_new_tokens) * model.cache_bytes / 1e9
    return answer <= hours.answer_room(model, spec.four_bit, card, vllm)


def _measuring_each(runs: dict, card: Card, vllm: bool) -> list[Hours | None]:
    """Hours to measure each run; a base model is measured with the first that starts from it."""
    found, bases = [], set()
    for spec in runs.values():
        steps = spec.steps[1:] if (spec.base_model, spec.seed) in bases else spec.steps
        found.append(measuring_steps(spec, steps, card, vllm) if card.reads else None)
        bases.add((spec.base_model, spec.seed))
    return found


def measuring_steps(spec: RealSpec | ReleasedSpec, steps: tuple[int, ...], card: Card, vllm: bool) -> Hours:
    """Hours to measure a run at some of its steps."""
    model = memory.shape(spec.base_model)
    parts = []
    for step in steps:
        runs_on, finished = habit(spec, step)
        for benchmark in spec.benchmarks:
            answers = items_at(spec, benchmark, step) * spec.samples
            settings = {"cap": spec.max_new_tokens, "runs_on": runs_on, "finished": finished, "vllm": vllm}
            found = hours.measuring_hours(model, spec.four_bit, card, answers=answers, at_once=AT_ONCE, **settings)
            parts.append(found)
    return total(parts)


def habit(spec: RealSpec | ReleasedSpec, step: int) -> tuple[float, int]:
    """Which share of the answers is assumed to run to the limit at a step, and how long the others are."""
    if step == 0 or spec.dataset in WITHOUT_THOUGHT:
        return EARLY
    if spec.method == "full":
        return FULL_MIDDLE if step <= MIDDLE_UNTIL else FULL_LATE
    if step <= EARLY_UNTIL:
        return EARLY
    return MIDDLE if step <= MIDDLE_UNTIL and step < spec.total_steps else LATE


def items_at(spec: RealSpec | ReleasedSpec, benchmark: str, step: int) -> int:
    """How many items of a benchmark are asked at a step: no more than it has."""
    return min(n_items_at(spec, step), BENCHMARKS[benchmark].n_items)


def checkpoints_size(spec: RealSpec) -> float:
    """GB of what was trained, in 32 bit, at every measured step, and once of what training goes on from.

    With LoRA, on a card, that is two bytes a parameter, an 8-bit Adam; with full fine-tuning the weights and an Adam in
    32 bit.
    """
    shape, steps = memory.shape(spec.base_model), len(spec.steps) - 1
    if spec.method == "full":
        return shape.parameters * (4 * steps + 12) / 1e9
    return shape.lora(spec.lora_rank) * (4 * steps + 2) / 1e9


def total(parts: list[Hours | None]) -> Hours | None:
    """The sum, None if one of the parts is not known."""
    return None if None in parts else sum(parts, Hours(0, 0, 0))
