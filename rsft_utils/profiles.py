"""Where a notebook's numbers come from: runs made here, the authors' checkpoints measured here, or the paper's tables.

A notebook asks for tables by what its legends say; everything that draws or judges reads only these.
"""

from collections.abc import Sequence

from rsft_utils import published
from rsft_utils.comparisons import PUBLISHED
from rsft_utils.specs import RunSpec
from rsft_utils.tables import ITEM_COLUMNS

PROFILES = ("micro", "gpu", "released", "published")
WITHOUT_CARD = ("micro", "published")  # those that every notebook has
WITH_CARD = ("gpu", "released")  # real models: trained here, or published by the authors
PAPER_RUN = PUBLISHED["01_dip_and_recovery"]["Qwen3-4B"]  # the paper's run with the most checkpoints in print


def groups(profile: str, notebook: str, micro: dict, parameters: dict) -> dict:
    """The runs that a notebook asks for, by what a legend says: those of the micro world, or of real models.

    `parameters` are the notebook's. For real models what they will cost is printed first; raises PlanError if this
    machine cannot make them.
    """
    if profile not in WITH_CARD:
        return micro
    from rsft_utils.real.plan import planner
    from rsft_utils.real.plan.text import describe

    drawn_up = _plan(profile, notebook, parameters)
    print(describe(drawn_up))
    planner.check(drawn_up)
    return drawn_up.groups


def plan(notebook: str, parameters: dict, profile: str = "gpu", probe: bool = False) -> str:
    """What a notebook's runs of real models will cost, as text. Raises PlanError for what is not allowed.

    With `probe` the hours of training come from a trial on this machine (planner.speed).
    """
    from rsft_utils.real.plan.text import describe

    return describe(_plan(profile, notebook, parameters, probe))


def _plan(profile: str, notebook: str, parameters: dict, probe: bool = False):
    from rsft_utils.real import backends, generate
    from rsft_utils.real.plan import hours, planner

    asked = {name: parameters[name] for name in ("preset", "base_model", "dataset", "seeds")}
    card = hours.find_card()
    if profile == "released":
        return planner.plan_released(notebook, **asked, card=card, vllm=generate.has_vllm())
    backend = backends.choose() if card or parameters["preset"] == "cpu" else "unsloth"
    speed = planner.speed(notebook, **asked, card=card, backend=backend) if probe else None
    return planner.plan(
        notebook, **asked, card=card, backend=backend, vllm=generate.has_vllm(), tokens_per_second=speed
    )


def base(profile: str, runs: Sequence[RunSpec]):
    """Summary of the base model of the first run; of a micro model in every mode. `published`: the paper's scores."""
    if profile != "micro":
        found = results(profile, runs).summary
        return found[found.step == 0]
    from rsft_utils.run import base_results

    return base_results([runs[0].base], n_items=runs[0].n_items_ends).summary


def results(profile: str, runs: Sequence[RunSpec]):
    """Both tables of the runs, after training and measuring what is missing. `published`: the scores of PAPER_RUN.

    The paper's answers are not public, so there its table of items is empty.
    """
    from rsft_utils import run

    if profile == "published":
        import pandas as pd

        model, data = PAPER_RUN
        return run.Results(pd.DataFrame(columns=list(ITEM_COLUMNS)), published.summary(data, model=model))
    return _runner(profile).results(list(runs))


def limit(runs: Sequence) -> int:
    """Tokens that an answer of these runs may have."""
    from rsft_utils.evaluate import MAX_NEW_TOKENS

    return getattr(runs[0], "max_new_tokens", MAX_NEW_TOKENS)


def loss_curve(profile: str, runs: Sequence):
    """Training loss and learning rate of runs that were made here (see run.loss_curve)."""
    return _runner(profile).loss_curve(runs)


def _runner(profile: str):
    """The module that makes the runs of a profile."""
    if profile == "micro":
        from rsft_utils import run
    else:
        from rsft_utils.real import run
    return run


def tables(profile: str, notebook: str, groups: dict[str, Sequence[RunSpec]]) -> dict:
    """Summary tables by what a legend says.

    Of the runs of every group, after training and measuring what is missing (micro models: side by side).
    `published`: of the paper's runs that show the same finding, one table per model and data set.
    """
    if profile == "published":
        return {text: published.summary(data, model=model) for text, (model, data) in PUBLISHED[notebook].items()}
    summary = _runner(profile).results(list(dict.fromkeys(spec for specs in groups.values() for spec in specs))).summary
    return {text: summary[summary.run.isin([spec.name for spec in specs])] for text, specs in groups.items()}


def roles(profile: str) -> dict[str, str]:
    """Which benchmark is in domain (ID), out of domain (OOD) or general (GEN). Safety and a reward are no accuracy."""
    if profile == "published":
        return {name: role for name, role in published.ROLES.items() if role != "SAFE" and name != "AlpacaEval"}
    if profile in WITH_CARD:
        from rsft_utils.real.benchmarks import BENCHMARKS

        return {name: benchmark.role for name, benchmark in BENCHMARKS.items() if benchmark.role != "SAFE"}
    from rsft_utils.micro.benchmarks import ROLE_OF

    return ROLE_OF


def label(profile: str, tables: dict) -> str:
    """What a figure of these tables was made of, for its head."""
    if profile == "published":
        return "transcribed from the paper; one run per setting, so no interval"
    bases = {table.model.iloc[0].split("-seed")[0] for table in tables.values()}
    runs = sorted({table.run.nunique() for table in tables.values()})
    counts = f"{' to '.join(map(str, runs))} {'run' if runs == [1] else 'runs'}"
    kinds = {"micro": "your runs on micro base", "gpu": "your runs on", "released": "the authors' checkpoints of"}
    return f"{kinds[profile]} {' and '.join(sorted(bases))}; {counts} per setting"


def around_curves(tables: dict) -> str:
    """What plots.compare draws around the means of these tables, for the head of a figure."""
    return "thin: single runs" if any(table.run.nunique() > 1 for table in tables.values()) else "band: 95 % over items"
