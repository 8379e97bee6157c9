"""What the runs of a notebook will cost on a card, told before anything large is fetched."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from rsft_utils.real.datasets import DATASETS
from rsft_utils.real.plan import checkpoints, costs, hours, lengths, memory, presets
from rsft_utils.real.plan.costs import RunPlan
from rsft_utils.real.plan.hours import Card, Hours
from rsft_utils.real.plan.lengths import Lengths, Tokens
from rsft_utils.real.plan.memory import Peak
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import RealSpec


class PlanError(ValueError):
    """A plan that cannot be carried out here; the message says why and what would work."""


@dataclass(frozen=True)
class Download:
    """What is fetched from the hub; `size` in GB, None where it is not known."""

    what: str
    size: float | None


@dataclass(frozen=True)
class Plan:
    """The cost of a notebook's runs on `card`, which was found here or, if not `found`, is the preset's.

    Of runs that are published (profile released) rather than trained, `backend` has no meaning.
    """

    notebook: str
    preset: str
    card: Card
    found: bool
    groups: dict[str, list[RealSpec]] | dict[str, list[ReleasedSpec]]  # what a legend says -> runs
    runs: tuple[RunPlan, ...]
    downloads: tuple[Download, ...]
    vllm: bool
    backend: str = ""
    measured_speed: float | None = None
    preset_that_fits: str | None = None  # when this one does not

    @property
    def released(self) -> bool:
        return isinstance(self.runs[0].spec, ReleasedSpec)

    @property
    def peak(self) -> Peak:
        return max((run.peak for run in self.runs), key=lambda peak: peak.total)

    @property
    def fits(self) -> bool:
        return self.peak.total <= self.card.memory and all(run.answer_fits for run in self.runs)

    @property
    def training(self) -> Hours | None:
        return costs.total([run.training for run in self.runs])

    @property
    def measuring(self) -> Hours | None:
        return costs.total([run.measuring for run in self.runs])


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
    vllm: bool = False,
) -> Plan:
    """What the runs of a notebook (its name or file) will cost on `card` (hours.find_card()), or on the preset's card.

    `lengths_of` gives the tokens of a run's rows, or of all rows of its data set, or None where they are not known.
    `tokens_per_second` is the speed at which the first run trained in a trial of a few steps. `vllm`: whether it
    writes the answers (see hours.measuring_hours). Raises PlanError for what is not allowed.
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
    except ValueError as error:
        raise PlanError(str(error)) from None
    drawn_up = Plan(
        notebook=notebook,
        preset=preset,
        card=used,
        found=card is not None or preset == presets.CPU,
        groups=groups,
        runs=costs.trained(runs, counted, used, tokens_per_second, backend, vllm),
        downloads=_downloads(counted),
        vllm=vllm,
        backend=backend,
        measured_speed=tokens_per_second,
    )

    def fits(spec: RealSpec) -> bool:
        peak = costs.training_peak(spec, used, backend).total
        return peak <= used.memory and costs.answer_fits(spec, used, vllm)

    names = [name for name in presets.PRESETS if name != presets.CPU]
    return _or_one_that_fits(drawn_up, names, lambda name: presets.groups(notebook, name, **asked), fits)


def speed(
    notebook: str,
    preset: str,
    *,
    backend: str,
    base_model: str = "",
    dataset: str = "",
    seeds: int = 1,
    card: Card | None = None,
) -> float:
    """Tokens per second at which a stand-in for the first run trains here, on rows of its mean length (see probe.py).

    Raises PlanError for what is not allowed, and where there is no card for a preset that needs one.
    """
    from rsft_utils.real.plan.probe import probe

    if card is None and preset != presets.CPU:
        raise PlanError("--probe trains for a few steps and needs an NVIDIA card; none was found here: leave it out")
    try:
        groups = presets.groups(PurePath(notebook).stem, preset, base_model, dataset, seeds)
    except ValueError as error:
        raise PlanError(str(error)) from None
    first = next(iter(_flat(groups).values()))
    return probe(first, backend, round(lengths.tokens(first, lengths.local(first)).weighted)).tokens_per_second


def plan_released(
    notebook: str,
    preset: str,
    *,
    base_model: str = "",
    dataset: str = "",
    seeds: int = 1,
    card: Card | None = None,
    vllm: bool = False,
) -> Plan:
    """As `plan`, for the authors' checkpoints, of which nothing is trained."""
    notebook = PurePath(notebook).stem
    asked = {"base_model": base_model, "dataset": dataset, "seeds": seeds}
    try:
        groups = checkpoints.groups(notebook, preset, **asked)
    except ValueError as error:
        raise PlanError(str(error)) from None
    runs = _flat(groups)
    used = card or hours.CARDS[presets.PRESETS[preset].card]
    bases = dict.fromkeys(spec.base_model for spec in runs.values())
    drawn_up = Plan(
        notebook=notebook,
        preset=preset,
        card=used,
        found=card is not None,
        groups=groups,
        runs=costs.released(runs, used, vllm),
        downloads=(
            *(Download(name, memory.shape(name).weights(four_bit=False)) for name in bases),
            *(
                Download(f"{text}: {len(spec.steps) - 1} steps", (len(spec.steps) - 1) * costs.step_size(spec))
                for text, spec in runs.items()
            ),
        ),
        vllm=vllm,
    )

    def fits(spec: ReleasedSpec) -> bool:
        return costs.weights_alone(spec).total <= used.memory and costs.answer_fits(spec, used, vllm)

    names = checkpoints.PRESETS
    return _or_one_that_fits(drawn_up, names, lambda name: checkpoints.groups(notebook, name, **asked), fits)


def check(drawn_up: Plan) -> None:
    """Raise PlanError unless the plan can be carried out here: a GPU that was found, with memory enough."""
    if not drawn_up.found:
        profile, instead = ("gpu", "preset cpu tries the same path with a small model")
        if drawn_up.released:
            profile, instead = ("released", "profile published shows the paper's own numbers")
        raise PlanError(
            f"profile {profile} needs an NVIDIA GPU and none was found here; profile micro trains on any computer, "
            f"{instead}, and preset {drawn_up.preset} wants a machine with a {drawn_up.card.name} or more"
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


def _flat(groups: dict[str, list]) -> dict[str, RealSpec] | dict[str, ReleasedSpec]:
    return {
        f"{text}, seed {spec.seed}" if len(specs) > 1 else text: spec
        for text, specs in groups.items()
        for spec in specs
    }


def _downloads(counted: dict[RealSpec, Tokens]) -> tuple[Download, ...]:
    """What the runs need from the hub: base models that are no folder, data sets whose rows could not be counted."""
    models = dict.fromkeys(spec.base_model for spec in counted if not Path(spec.base_model).expanduser().exists())
    data = dict.fromkeys(spec.dataset for spec in counted if spec.dataset in DATASETS and counted[spec].assumed)
    return (
        *(Download(name, memory.shape(name).weights(four_bit=False)) for name in models),
        *(Download(name, None) for name in data),
    )


def _or_one_that_fits(drawn_up: Plan, names: Sequence[str], groups: Callable[[str], dict], fits: Callable) -> Plan:
    """The plan; where it does not fit, with the largest preset of `names` of which every run does."""
    if drawn_up.fits:
        return drawn_up
    for name in reversed(names):
        with suppress(ValueError):  # of a preset's model there may be no run on the data that were asked for
            if all(fits(spec) for spec in _flat(groups(name)).values()):
                return replace(drawn_up, preset_that_fits=name)
    return drawn_up
