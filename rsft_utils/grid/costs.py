"""What the jobs of a grid take: for the scheduler, job by job, and for people, all of them together."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rsft_utils.grid.grids import Grid, Spec, base_id
from rsft_utils.real.evaluate import AT_ONCE
from rsft_utils.real.plan import cluster, costs
from rsft_utils.real.plan.cluster import Need
from rsft_utils.real.plan.hours import CARDS, Hours

# Of the micro world, from runs on two slow cores, with room: no run of it needs more.
MICRO_MINUTES, MICRO_MEMORY = 120, 3000
THREADS_OF_CARD = 8  # processor cores beside a card
LONGER = 1.25  # the limit of a job beside the longest that it is likely to take
START = 20  # minutes for imports and weights
BUSY = 64  # cards
WIDTH = 100
COLUMNS = {"runs of": 20, "runs": -6, "cards": -9, "training": -20, "measuring": -24, "disk TB": -10}


@dataclass(frozen=True)
class Resources:
    """What a job asks a scheduler for."""

    gpu: int
    mem_mb: int
    minutes: int


def threads(grid: Grid) -> int:
    return 1 if grid.profile == "micro" else THREADS_OF_CARD


def training(grid: Grid, spec: Spec) -> Resources:
    """For the job that trains a run; one that needs more than the grid's `longest_job` goes on in its next attempt."""
    return _resources(grid, lambda card: cluster.training(spec, card))


def measuring(grid: Grid, spec: Spec, step: int) -> Resources:
    """For the job that measures a run at a step."""
    return _resources(grid, lambda card: cluster.measuring(spec, step, card, grid.vllm))


def _resources(grid: Grid, need_on: Callable) -> Resources:
    if grid.profile == "micro":
        return Resources(0, MICRO_MEMORY, min(grid.longest_job, MICRO_MINUTES))
    need = need_on(CARDS[grid.card])
    minutes = math.ceil(60 * LONGER * need.hours.high) + START
    return Resources(need.cards, math.ceil(1000 * need.memory), min(grid.longest_job, minutes))


def describe(grid: Grid) -> str:
    """The whole grid as text. Raises ValueError for the micro world, PlanError for a run that fits no card."""
    if grid.profile == "micro":
        raise ValueError(f"{grid.name} is a grid of the micro world, whose runs take minutes; allowed: gpu, released")
    card = CARDS[grid.card]
    trained = {spec: cluster.training(spec, card) for spec in grid.specs}
    bases: dict[str, Spec] = {}
    for spec in grid.specs:
        bases.setdefault(base_id(spec), spec)
    measured = {
        (spec, step): cluster.measuring(spec, step, card, grid.vllm)
        for spec in grid.specs
        for step in spec.steps
        if step or bases[base_id(spec)] == spec
    }
    rows = [_row(name, runs, trained, measured) for name, runs in _parts(grid).items()]
    total = _row("all", grid.specs, trained, measured)
    longest_training = max(trained, key=lambda spec: trained[spec].hours.likely)
    longest = max(measured, key=lambda job: measured[job].hours.likely)
    writer = "vLLM" if grid.vllm else "this project's own decoding"
    lines = [
        f"Grid {grid.name} on {card.name} ({card.memory:.1f} GB), answers written by {writer}",
        f"{len(trained)} trainings, {len(measured)} measurements, of these {len(bases)} of base models",
        "A run that stands under several names is counted under the first.",
        "",
        _line(COLUMNS),
        _line(["", "", "for one", "card hours", "card hours", ""]),
        "-" * WIDTH,
        *rows,
        "-" * WIDTH,
        total,
        "",
        f"Longest training     {_clock(trained[longest_training])}: {longest_training.name}",
        f"Longest measurement  {_clock(measured[longest])}: {longest[0].name}, step {longest[1]}",
        f"A measurement that is killed loses at most {AT_ONCE:,} answers: {_lost(longest, measured)} of this one",
        f"On {BUSY} such cards that are never idle: {_days(trained.values(), measured.values())} days",
    ]
    return "\n".join(line.rstrip() for line in lines)


def _parts(grid: Grid) -> dict[str, list[Spec]]:
    """The runs under each name, those that stand under several under the first; then those of notebooks alone."""
    found, seen = {}, set()
    for name, group in grid.groups.items():
        found[name] = [spec for runs in group.values() for spec in runs if spec not in seen]
        seen.update(found[name])
    rest = [spec for spec in grid.specs if spec not in seen]
    return found | ({"notebooks": rest} if rest else {})


def _row(name: str, runs: list[Spec], trained: dict[Spec, Need], measured: dict) -> str:
    cards = sorted({trained[spec].cards for spec in runs})
    cells = (
        name,
        str(len(runs)),
        str(cards[0]) if len(cards) == 1 else f"{cards[0]}-{cards[-1]}",
        _hours(trained[spec].card_hours for spec in runs),
        _hours(need.card_hours for (spec, _), need in measured.items() if spec in runs),
        f"{sum(map(cluster.disk, runs)) / 1000:.1f}",
    )
    return _line(cells)


def _line(cells: Iterable[str]) -> str:
    return "".join(
        text.rjust(-width) if width < 0 else text.ljust(width)
        for text, width in zip(cells, COLUMNS.values(), strict=True)
    )


def _hours(parts: Iterable[Hours]) -> str:
    found = cluster.total(list(parts))
    return f"{found.likely:,.0f} ({found.low:,.0f}-{found.high:,.0f})"


def _clock(need: Need) -> str:
    cards = "one card" if need.cards == 1 else f"{need.cards} cards"
    return f"{need.hours.likely:,.0f} hours on {cards}"


def _days(*jobs: Iterable[Need]) -> str:
    found = cluster.total([need.card_hours for needs in jobs for need in needs])
    return f"{found.likely / BUSY / 24:,.0f} ({found.low / BUSY / 24:,.0f}-{found.high / BUSY / 24:,.0f})"


def _lost(longest: tuple[Spec, int], measured: dict) -> str:
    spec, step = longest
    answers = sum(costs.items_at(spec, name, step) for name in spec.benchmarks) * spec.samples
    hours = measured[longest].hours.likely * min(1, AT_ONCE / answers)
    return f"{hours:,.0f} hours"
