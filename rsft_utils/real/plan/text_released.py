"""The text of a plan for the authors' checkpoints: nothing is trained, whole models are downloaded and measured."""

from rsft_utils.real.plan import layout
from rsft_utils.real.plan.checkpoints import ILLUSTRATION
from rsft_utils.real.plan.costs import FULL_LATE, FULL_MIDDLE, step_size
from rsft_utils.real.plan.planner import Plan, RunPlan
from rsft_utils.real.spec import PAPER_STEPS

PAPER_LIMIT = 32_768  # tokens; 16,384 for AlpacaEval and HEx-PHI
COLUMNS = {
    "run": 33, "steps": -16, "GB a step": -10, "GB in all": -10, "peak GB": -8, "measuring h": -14, "disk GB": -8,
}  # fmt: skip


def parts(plan: Plan) -> list[list[str]]:
    return [
        layout.head(plan, *_said_first(plan)),
        layout.table(COLUMNS, [_cells(run) for run in plan.runs], _total(plan)),
        layout.downloads(plan),
        layout.sources(_sources(plan)),
        layout.verdict(plan),
    ]


def _said_first(plan: Plan) -> list[str]:
    said = ["The authors' checkpoints (profile released): they are downloaded and measured, nothing is trained."]
    if plan.preset == ILLUSTRATION:
        spec = plan.runs[0].spec
        of = sum(step <= spec.total_steps for step in PAPER_STEPS)
        said.append(
            f"An illustration, too little for a claim: {len(spec.steps)} of the paper's {of} steps, at most "
            f"{spec.n_items_ends} questions of a benchmark, short answers."
        )
    return said


def _cells(run: RunPlan) -> tuple[str, ...]:
    size = step_size(run.spec)
    return (
        run.text,
        " ".join(map(str, run.spec.steps)),
        f"{size:.1f}",
        f"{(len(run.spec.steps) - 1) * size:.1f}",
        f"{run.peak.total:.1f}",
        layout.hours(run.measuring),
        f"{run.disk:.1f}",
    )


def _total(plan: Plan) -> tuple[str, ...]:
    specs = [run.spec for run in plan.runs]
    bases = {spec.base_model: step_size(spec) for spec in specs}
    return (
        f"all {len(specs)} runs",
        "",
        "",
        f"{sum((len(spec.steps) - 1) * step_size(spec) for spec in specs):.1f}",
        f"{plan.peak.total:.1f}",
        layout.hours(plan.measuring),
        f"{sum(bases.values()) + max(bases.values()):.1f}",
    )


def _sources(plan: Plan) -> dict[str, str]:
    return {
        "steps": _steps_source(plan),
        "GB a step": "computed: a step is a folder with a whole model, two bytes a parameter. GB in all: every step "
        "but step 0, the base model, which is listed above.",
        "peak GB": _peak_source(plan),
        "measuring h": _measuring_source(plan),
        "token limit": _limit_source(plan),
        "disk GB": "computed: the base model and one step; a step that was fetched is deleted again when its answers "
        "are there, and fetched anew if other benchmarks are asked later.",
    }


def _steps_source(plan: Plan) -> str:
    unknown = [run.spec.repository for run in plan.runs if run.spec.commit is None]
    known = "exact: the preset; the repositories are those that the authors' README links to"
    if not unknown:
        return f"{known}, each at a commit of which somebody listed these steps."
    return (
        f"{known}. Which steps there are is not known of {', '.join(unknown)}: a step that is missing stops the run, "
        "and what was measured is kept. The commit that is found first is kept beside the answers."
    )


def _peak_source(plan: Plan) -> str:
    largest = max(plan.runs, key=lambda run: run.peak.total)
    in_four = sorted({run.spec.base_model for run in plan.runs if run.spec.four_bit})
    others = f" For this card {' and '.join(in_four)} go into 4 bit, at step 0 as well." if in_four else ""
    bits = 4 if largest.spec.four_bit else 16
    return (
        f"computed, for {largest.text}: {largest.peak.weights:.1f} weights in {bits} bit + "
        f"{largest.peak.other:.1f} assumed for CUDA and gaps. What is left is filled with answers.{others}"
    )


def _measuring_source(plan: Plan) -> str:
    spec = plan.runs[0].spec
    what = (
        f"{', '.join(spec.benchmarks)}: up to {spec.n_items_ends} questions each at the first step and the last, "
        f"{spec.n_items} between. A base model is measured once for all of its runs."
    )
    if plan.measuring is None:
        return f"not known: the speed of this card ({plan.card.name}) is on no record. {what}"
    return (
        f"computed, true to a factor of two at best, downloads not counted. {what} Guessed from the lengths below: "
        f"after training on long thoughts {FULL_MIDDLE[0]:.0%} of the answers run to the limit, {FULL_LATE[0]:.0%} at "
        f"the end; {layout.places(plan)}."
    )


def _limit_source(plan: Plan) -> str:
    limit = plan.runs[0].spec.max_new_tokens
    return (
        f"exact: answers of at most {limit:,} tokens. The paper allowed {PAPER_LIMIT:,} (16,384 for AlpacaEval and "
        "HEx-PHI), and answers of its 4B have 28 to 30 thousand on average at steps 20 and 40, 7 to 23 thousand from "
        "step 320 on. Here most of these are cut off, often before their answer: scores after training on long "
        "thoughts come out lower than the paper's."
    )
