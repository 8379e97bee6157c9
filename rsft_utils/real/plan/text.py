"""A plan as text: a table, where its numbers come from in plain sentences, and a verdict."""

from rsft_utils.real.plan import layout, memory, text_released
from rsft_utils.real.plan.planner import Plan, RunPlan

COLUMNS = {
    "run": 35, "rows": -7, "steps": -6, "tokens": -8, "peak GB": -8, "training h": -14, "measuring h": -14,
    "disk GB": -8,
}  # fmt: skip


def describe(plan: Plan) -> str:
    """The whole text. Every number is followed by where it comes from: exact, counted, measured, computed, assumed."""
    parts = text_released.parts(plan) if plan.released else _parts(plan)
    return "\n\n".join("\n".join(part) for part in parts)


def _parts(plan: Plan) -> list[list[str]]:
    return [
        layout.head(plan),
        layout.table(COLUMNS, [_cells(run) for run in plan.runs], _total(plan)),
        layout.downloads(plan),
        layout.sources(_sources(plan)),
        layout.verdict(plan),
    ]


def _cells(run: RunPlan) -> tuple[str, ...]:
    return (
        run.text,
        f"{run.spec.n_rows:,}",
        f"{run.spec.total_steps:,}",
        _millions(run.tokens.total),
        f"{run.peak.total:.1f}",
        layout.hours(run.training),
        layout.hours(run.measuring),
        f"{run.disk:.1f}",
    )


def _total(plan: Plan) -> tuple[str, ...]:
    return (
        f"all {len(plan.runs)} runs",
        f"{sum(run.spec.n_rows for run in plan.runs):,}",
        f"{sum(run.spec.total_steps for run in plan.runs):,}",
        _millions(sum(run.tokens.total for run in plan.runs)),
        f"{plan.peak.total:.1f}",
        layout.hours(plan.training),
        layout.hours(plan.measuring),
        f"{sum(run.disk for run in plan.runs):.1f}",
    )


def _sources(plan: Plan) -> dict[str, str]:
    return {
        "rows, steps": _rows_source(plan),
        "tokens": _tokens_source(plan),
        "peak GB": _peak_source(plan),
        "training h": _training_source(plan),
        "measuring h": _measuring_source(plan),
        "disk GB": "computed: what LoRA learned, in 32 bit, at every measured step, and once the state of the "
        "optimiser, to go on from after an interruption.",
    }


def _rows_source(plan: Plan) -> str:
    spec = plan.runs[0].spec
    times = {1: "once", 2: "twice"}.get(spec.epochs, f"{spec.epochs} times")
    return (
        f"exact: the preset. A step is one change of the weights, made from {spec.batch_size} rows; every row is read "
        f"{times}. Rows of more than {spec.max_length:,} tokens are left out, never cut."
    )


def _tokens_source(plan: Plan) -> str:
    sources = {run.spec.dataset: f"{run.tokens.kind}: {run.tokens.source}" for run in plan.runs}
    each = ". ".join(f"{name} {source}" for name, source in sources.items())
    return f"words and pieces of words that are read, questions and solutions together. {each}."


def _peak_source(plan: Plan) -> str:
    largest = max(plan.runs, key=lambda run: run.peak.total)
    peak, spec = largest.peak, largest.spec
    rows = "one row" if spec.micro_batch == 1 else f"{spec.micro_batch} rows"
    return (
        f"computed, for {largest.text}: {peak.weights:.1f} weights in {4 if spec.four_bit else 16} bit + "
        f"{peak.trained:.1f} LoRA (the small matrices that are trained: {memory.TRAINED_BYTES} bytes for each of their "
        f"numbers, its gradient and its optimiser) + {peak.activations:.1f} intermediate results of {rows} of "
        f"{spec.max_length:,} tokens + {peak.loss:.1f} the loss, taken in pieces ({plan.backend}) + {peak.other:.1f} "
        f"assumed for CUDA and gaps = {peak.total:.1f}. Beside peaks that others measured the formula is off by up to "
        "a third, mostly by less than a sixth."
    )


def _training_source(plan: Plan) -> str:
    spread = ""
    if any(run.tokens.assumed for run in plan.runs):
        spread = " Where tokens are assumed, the range allows for other lengths, too."
    if plan.measured_speed is not None:
        speed = f"{plan.measured_speed:,.0f} tokens a second in a trial of the first run"
        return f"measured: {speed}, less where a token is more work. The tokens as above.{spread}"
    if plan.card.tflops is None:
        return (
            f"not known: the speed of this card ({plan.card.name}) is on no record; a trial of a few steps will tell."
        )
    low, likely, high = plan.card.tflops
    who = "a guess for this card" if plan.card.guessed else "as read off the logs of others with such a card"
    return (
        f"computed from the tokens and an assumed speed, {who}: {likely} (from {low} to {high}) x 10^12 useful "
        f"operations a second. A trial of a few steps will tell better.{spread}"
    )


def _measuring_source(plan: Plan) -> str:
    spec = plan.runs[0].spec
    bits = "quantised to 4 bit" if spec.four_bit else "in 16 bit"
    what = (
        f"{', '.join(spec.benchmarks)} at steps {', '.join(map(str, spec.steps))}: up to {spec.n_items_ends} questions "
        f"each at the first and the last, {spec.n_items} between, answers of at most {spec.max_new_tokens:,} tokens. "
        f"Step 0 is the untrained model, measured in the very weights that are trained, {bits}, so that a change is "
        "the training's; runs of the same base and seed share it."
    )
    if plan.measuring is None:
        return f"not known: the speed of this card ({plan.card.name}) is on no record. {what}"
    return (
        f"computed, and true to a factor of two at best. {what} Assumed: of the answers of a model that learns to "
        "think at length, 6 % run to the limit up to step 20, 79 % up to step 160 and 35 % at the end, as on MATH500 "
        f"in one run by others; other benchmarks are like it; {layout.places(plan)}."
    )


def _millions(tokens: int) -> str:
    return f"{tokens / 1e6:.1f} M" if tokens >= 1e7 else f"{tokens / 1e6:.2f} M"
