"""What the runs of a notebook will cost on a card, told before anything large is fetched."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from rsft_utils.real.benchmarks import BENCHMARKS
from rsft_utils.real.datasets import DATASETS
from rsft_utils.real.evaluate import AT_ONCE
from rsft_utils.real.plan import hours, lengths, memory, presets
from rsft_utils.real.plan.hours import Card, Hours
from rsft_utils.real.plan.lengths import Lengths, Tokens
from rsft_utils.real.plan.memory import Peak
from rsft_utils.real.spec import RealSpec

# Share of MATH500 answers that run to the limit, and tokens of the others: before and at the start of training, in the
# middle, and at the end. Seen in one LoRA run of Qwen3-4B-Base on long chains of thought, limit 4,096.
EARLY, MIDDLE, LATE = (0.06, 650), (0.79, 2000), (0.35, 2500)
EARLY_UNTIL, MIDDLE_UNTIL = 20, 160  # steps
WITHOUT_THOUGHT = ("Math-NoCoT-20k", "NuminaMath-20k", "Countdown-words-NoCoT")  # data that teach short answers


class PlanError(ValueError):
    """A plan that cannot be carried out here; the message says why and what would work."""


@dataclass(frozen=True)
class RunPlan:
    """The cost of one run. Hours are None where the card's speed is not known; disk in GB, for its checkpoints."""

    text: str
    spec: RealSpec
    tokens: Tokens
    peak: Peak
    answer_fits: bool
    training: Hours | None
    measuring: Hours | None
    disk: float


@dataclass(frozen=True)
class Download:
    """What is fetched from the hub; `size` in GB, None where it is not known."""

    what: str
    size: float | None


@dataclass(frozen=True)
class Plan:
    """The cost of a notebook's runs on `card`, which was found here or, if not `found`, is the preset's."""

    notebook: str
    preset: str
    card: Card
    found: bool
    groups: dict[str, list[RealSpec]]  # what a legend says -> runs
    runs: tuple[RunPlan, ...]
    downloads: tuple[Download, ...]
    backend: str
    refills: bool
    measured_speed: float | None
    preset_that_fits: str | None  # when this one does not

    @property
    def peak(self) -> Peak:
        return max((run.peak for run in self.runs), key=lambda peak: peak.total)

    @property
    def fits(self) -> bool:
        return self.peak.total <= self.card.memory and all(run.answer_fits for run in self.runs)

    @property
    def training(self) -> Hours | None:
        return _sum([run.training for run in self.runs])

    @property
    def measuring(self) -> Hours | None:
        return _sum([run.measuring for run in self.runs])


def plan(
    notebook: str,
    preset: str,
    *,
    base_model: str = "",
    dataset: str = "",
    seeds: int = 1,
    card: Card | None = None,
    lengths_of: Callable[[RealSpec], Lengths | None] = lengths.local,
    tokens_per_second: float | None = None,
    backend: str = "unsloth",
    refills: bool = False,
) -> Plan:
    """What the runs of a notebook (its name or file) will cost on `card` (hours.find_card()), or on the preset's card.

    `lengths_of` gives the tokens of a run's rows, or of all rows of its data set, or None where they are not known.
    `tokens_per_second` is the speed at which the first run trained in a trial of a few steps. `refills`: whether an
    answer that ends gives its place to the next one, as vLLM does (see hours.measuring_hours). Raises PlanError for
    what is not allowed.
    """
    notebook = PurePath(notebook).stem
    asked = {"base_model": base_model, "dataset": dataset, "seeds": seeds}
    try:
        groups = presets.groups(notebook, preset, **asked)
        runs = _flat(groups)
        smallest = presets.PRESETS[preset].card
        used = (card or hours.CARDS[smallest]) if smallest else hours.processor()
        for spec in runs.values():
            memory.shape(spec.base_model)  # fails for a model of which nothing is known
        counted = {spec: lengths.tokens(spec, lengths_of(spec)) for spec in runs.values()}
        costs = _costs(runs, counted, used, tokens_per_second, backend, refills)
    except ValueError as error:
        raise PlanError(str(error)) from None
    drawn_up = Plan(
        notebook=notebook,
        preset=preset,
        card=used,
        found=card is not None or preset == presets.CPU,
        groups=groups,
        runs=costs,
        downloads=_downloads(counted),
        backend=backend,
        refills=refills,
        measured_speed=tokens_per_second,
        preset_that_fits=None,
    )
    if drawn_up.fits:
        return drawn_up
    return replace(drawn_up, preset_that_fits=_preset_that_fits(notebook, used, backend, refills, **asked))


def check(drawn_up: Plan) -> None:
    """Raise PlanError unless the plan can be carried out here: a GPU that was found, with memory enough."""
    if not drawn_up.found:
        raise PlanError(
            "profile gpu needs an NVIDIA GPU and none was found here; profile micro trains on any computer, preset cpu "
            f"tries the same path with a small model, and preset {drawn_up.preset} wants a machine with a "
            f"{drawn_up.card.name} or more"
        )
    if not drawn_up.fits:
        raise PlanError(shortage(drawn_up))


def shortage(drawn_up: Plan) -> str:
    """Why a plan does not fit its card, and which preset would."""
    card, peak = drawn_up.card, drawn_up.peak.total
    if peak > card.memory:
        needs = f"needs about {peak:.1f} GB of memory and the {card.name} has {card.memory:.1f} GB"
    else:
        needs = f"leaves the {card.name} ({card.memory:.1f} GB) no room to write one answer of full length"
    instead = f"preset {drawn_up.preset_that_fits} would fit" if drawn_up.preset_that_fits else "no preset would fit"
    return f"preset {drawn_up.preset} {needs}; {instead}"


def _flat(groups: dict[str, list[RealSpec]]) -> dict[str, RealSpec]:
    return {
        f"{text}, seed {spec.seed}" if len(specs) > 1 else text: spec
        for text, specs in groups.items()
        for spec in specs
    }


def _costs(
    runs: dict[str, RealSpec],
    counted: dict[RealSpec, Tokens],
    card: Card,
    tokens_per_second: float | None,
    backend: str,
    refills: bool,
) -> tuple[RunPlan, ...]:
    tflops = card.tflops
    if tokens_per_second is not None:  # what the card did in the first run it will do in the others
        first = next(iter(runs.values()))
        tflops = (tokens_per_second * _work(first, counted[first]) / 1e3,) * 3
    found, bases = [], set()
    for text, spec in runs.items():
        found.append(
            RunPlan(
                text=text,
                spec=spec,
                tokens=counted[spec],
                peak=_peak(spec, card, backend),
                answer_fits=_answer_fits(spec, card, refills),
                training=_training(spec, counted[spec], tflops) if tflops else None,
                measuring=_measuring(spec, card, refills, (spec.base_model, spec.seed) in bases)
                if card.reads
                else None,
                disk=_disk(spec),
            )
        )
        bases.add((spec.base_model, spec.seed))
    return tuple(found)


def _work(spec: RealSpec, counted: Tokens) -> float:
    return hours.gigaflops_per_token(memory.shape(spec.base_model), spec.lora_rank, counted.weighted)


def _training(spec: RealSpec, counted: Tokens, tflops: tuple[float, float, float]) -> Hours:
    """The range of the speed, made wider where the lengths are assumed."""
    range_ = hours.training_hours(counted.total, _work(spec, counted), tflops)
    return Hours(range_.low * counted.low, range_.likely, range_.high * counted.high)


def _peak(spec: RealSpec, card: Card, backend: str) -> Peak:
    return memory.training_peak(
        memory.shape(spec.base_model),
        rank=spec.lora_rank,
        tokens=spec.micro_batch * spec.max_length,
        four_bit=spec.four_bit,
        card=card.memory,
        backend=backend,
    )


def _answer_fits(spec: RealSpec, card: Card, refills: bool) -> bool:
    model = memory.shape(spec.base_model)
    answer = (hours.PROMPT + spec.max_new_tokens) * model.cache_bytes / 1e9
    return answer <= hours.answer_room(model, spec.four_bit, card, refills)


def _measuring(spec: RealSpec, card: Card, refills: bool, base_is_measured: bool) -> Hours:
    model = memory.shape(spec.base_model)
    parts = []
    for step in spec.steps[1:] if base_is_measured else spec.steps:
        runs_on, finished = _habit(spec, step)
        for benchmark in spec.benchmarks:
            answers = items_at(spec, benchmark, step) * spec.samples
            settings = {"cap": spec.max_new_tokens, "runs_on": runs_on, "finished": finished, "refills": refills}
            found = hours.measuring_hours(model, spec.four_bit, card, answers=answers, at_once=AT_ONCE, **settings)
            parts.append(found)
    return _sum(parts)


def _habit(spec: RealSpec, step: int) -> tuple[float, int]:
    if step <= EARLY_UNTIL or spec.dataset in WITHOUT_THOUGHT:
        return EARLY
    return MIDDLE if step <= MIDDLE_UNTIL and step < spec.total_steps else LATE


def items_at(spec: RealSpec, benchmark: str, step: int) -> int:
    """How many items of a benchmark are asked at a step: no more than it has."""
    asked = spec.n_items_ends if step in (0, spec.total_steps) else spec.n_items
    return min(asked, BENCHMARKS[benchmark].n_items)


def _disk(spec: RealSpec) -> float:
    """GB: the adapter in 32 bit at every measured step, and once the states of the optimiser, to go on from."""
    parameters = memory.shape(spec.base_model).lora(spec.lora_rank)
    return parameters * (4 * (len(spec.steps) - 1) + 2) / 1e9


def _downloads(counted: dict[RealSpec, Tokens]) -> tuple[Download, ...]:
    """What the runs need from the hub: base models that are no folder, data sets whose rows could not be counted."""
    models = dict.fromkeys(spec.base_model for spec in counted if not Path(spec.base_model).expanduser().exists())
    data = dict.fromkeys(spec.dataset for spec in counted if spec.dataset in DATASETS and counted[spec].assumed)
    return (
        *(Download(name, memory.shape(name).weights(four_bit=False)) for name in models),
        *(Download(name, None) for name in data),
    )


def _preset_that_fits(notebook: str, card: Card, backend: str, refills: bool, **asked) -> str | None:
    """The largest preset of which every run fits the card."""
    for name in [name for name in reversed(presets.PRESETS) if name != presets.CPU]:
        specs = _flat(presets.groups(notebook, name, **asked)).values()
        if all(_peak(spec, card, backend).total <= card.memory and _answer_fits(spec, card, refills) for spec in specs):
            return name
    return None


def _sum(parts: list[Hours | None]) -> Hours | None:
    return None if None in parts else sum(parts, Hours(0, 0, 0))
