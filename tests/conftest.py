"""Shared by all tests: folders of their own, tiny models, made-up tables, one tiny run."""

import os
import random
import subprocess
import time

import pytest
from signals import IN_WORKERS, alive, heeds_ctrl_c

from rsft_utils import paths
from rsft_utils.specs import RunSpec

# their asserts say what they compared, as those in tests do
pytest.register_assert_rewrite("flawed_traces", "notebook_runs", "snakemaking", "thoughts")


@pytest.fixture(scope="session", autouse=True)
def folders_of_their_own(tmp_path_factory):
    """No test finds or leaves anything in runs/ and figures/local/; worker processes read the variables."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, attribute in (("RSFT_RUNS", "RUNS"), ("RSFT_FIGURES", "FIGURES_LOCAL")):
            folder = tmp_path_factory.mktemp(attribute.lower())
            patch.setenv(variable, str(folder))
            patch.setattr(paths, attribute, folder)
        yield


@pytest.fixture
def new_runs(tmp_path, monkeypatch):
    """An empty folder for runs, for tests that count or spoil what lies there."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("RSFT_RUNS", str(folder))
    monkeypatch.setattr(paths, "RUNS", folder)
    return folder


@pytest.fixture
def hit(new_runs, tmp_path):
    """Function that runs a command and waits for its end and its worker's.

    When the worker has `counted` so many (`moved` to the runs, or `answers`), the signal `how` hits RUNNER or WORKER.
    """

    def start(command, after: int, whom: str, how: int, counted: str = "moved"):
        note, site = tmp_path / "worker", tmp_path / "site"
        site.mkdir(exist_ok=True)
        whom = {"RUNNER": "os.getppid()", "WORKER": "os.getpid()"}[whom]
        code = IN_WORKERS.format(
            after=after, note=str(note), whom=whom, how=int(how), runs=str(new_runs), counted=counted
        )
        (site / "sitecustomize.py").write_text(code)
        done = subprocess.run(
            command,
            cwd=paths.ROOT,
            env=os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{paths.ROOT}", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            preexec_fn=heeds_ctrl_c,
        )
        worker = int(note.read_text())
        deadline = time.monotonic() + 10
        while alive(worker) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(worker)
        return done

    return start


@pytest.fixture
def new_reference(tmp_path, monkeypatch):
    """An empty folder for the tables of the reference runs."""
    folder = tmp_path / "reference"
    monkeypatch.setattr(paths, "REFERENCE", folder)
    return folder


@pytest.fixture(scope="session")
def one_thread():
    """Results repeat bit for bit only with one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def new_micro_model(one_thread):
    """Function that makes a random XS model. `lively` ones have large weights: decided, varied, context-dependent."""
    import torch

    from rsft_utils.micro.models import new_model

    def make(seed: int = 0, lively: bool = False):
        torch.manual_seed(seed)
        model = new_model("XS").eval()
        if lively:
            with torch.no_grad():
                for parameter in model.parameters():
                    if parameter.dim() > 1:
                        parameter *= 5
        return model

    return make


@pytest.fixture(scope="session")
def tokenizer():
    from rsft_utils.micro.symbols import make_tokenizer

    return make_tokenizer()


TINY = RunSpec(
    size="XS", learning_rate=3e-4, n_rows=64, batch_size=16, epochs=1, n_items=3, n_items_ends=4
)  # steps 0, 2, 4


@pytest.fixture(scope="session")
def tiny_spec():
    return TINY


@pytest.fixture(scope="session")
def tiny_run(folders_of_their_own):
    """(spec, results) of a run that really happened; its files lie in paths.RUNS and must be left as they are."""
    from rsft_utils.run import results

    return TINY, results([TINY], workers=min(2, os.cpu_count() or 1), progress=False)


@pytest.fixture(scope="session")
def made_up_items():
    """Function that makes an items table of all benchmarks with outcomes drawn by a seed."""
    import pandas as pd

    from rsft_utils import tables
    from rsft_utils.micro.benchmarks import BENCHMARKS

    def make(run: str = "made-up", steps=(0, 10, 640), n_items: int = 6, seed: int = 0):
        rng, rows = random.Random(seed), []
        for step in steps:
            asked = [("free", "greedy"), ("force_closed", "greedy")]
            if step in (0, max(steps)):
                asked += [("forced", "greedy"), ("suppressed", "greedy"), ("free", "T0.6")]
            for mode, decoding in asked:
                for benchmark in BENCHMARKS:
                    for number in range(n_items):
                        outcome = rng.choice(("correct", "wrong", "refused", "no_answer"))
                        rows.append(
                            {
                                "run": run,
                                "step": step,
                                "benchmark": benchmark,
                                "item": f"{benchmark}-{number}",
                                "mode": mode,
                                "decoding": decoding,
                                "outcome": outcome,
                                "cut_off": outcome == "no_answer",
                                "long_format": rng.random() < 0.5,
                                "n_tokens": rng.randint(1, 192),
                                "steps": 3,
                                "right_steps": 2,
                                "markers": rng.randint(0, 2),
                                "valid_backtracks": 0,
                                "refusal_mass": 0.9 if benchmark == "harmful" else float("nan"),
                                "prompt": "",
                                "completion": "",
                            }
                        )
        return tables.validate(pd.DataFrame(rows), "items")

    return make


@pytest.fixture(scope="session")
def made_up_summary(made_up_items):
    """Function that makes a summary table of runs that differ in their seed."""
    import pandas as pd

    from rsft_utils.tables import summarise

    def make(runs: int = 1, model: str = "S-seed0", dataset: str = "math-cot", **items):
        parts = [
            summarise(made_up_items(f"run{seed}", seed=seed, **items), model=model, dataset=dataset, seed=seed)
            for seed in range(runs)
        ]
        return pd.concat(parts, ignore_index=True)

    return make


@pytest.fixture(scope="session")
def made_up_arm(made_up_summary):
    """Function that makes the tables of a reference arm, (summary, loss): its own runs, with made-up numbers."""
    import pandas as pd

    from rsft_utils import reference

    numbers = [table for _, table in made_up_summary(runs=5).groupby("run")]

    def make(name: str):
        first, specs = list(reference.arms()).index(name), reference.arms()[name]
        tables, losses = [], []
        for place, spec in enumerate(specs):
            table = numbers[(first + place) % 5]  # no two arms are the same
            about = {"run": spec.name, "model": spec.base, "seed": spec.seed}
            data = table.step.map({0: "none"}).fillna(spec.dataset)
            steps = table.step.replace(table.step.max(), spec.total_steps)
            tables.append(table.assign(**about, dataset=data, step=steps))
            log = {"step": list(range(10, spec.total_steps + 1, 10)), "loss": 1.0, "rate": spec.learning_rate}
            losses.append(pd.DataFrame(log).assign(run=spec.name)[["run", "step", "loss", "rate"]])
        return pd.concat(tables, ignore_index=True), pd.concat(losses, ignore_index=True)

    return make


@pytest.fixture(scope="session")
def made_up_completions():
    """Function that makes the kept answers of a reference arm: of its first run, always the same answer, with its step.

    There are those benchmarks and steps only that are put side by side in figures.
    """
    import pandas as pd

    from rsft_utils import reader, reference
    from rsft_utils.comparisons import ANSWERS
    from rsft_utils.evaluate import KEPT_COMPLETIONS
    from rsft_utils.micro import benchmarks

    read = {benchmark for pictures in ANSWERS.values() for _, benchmark, _ in pictures.values()}
    asked = [
        {"step": step, "benchmark": benchmark, "decoding": "greedy", "outcome": "correct", "prompt": item.prompt}
        for step in reader.STEPS
        for benchmark in sorted(read)
        for item in benchmarks.items(benchmark, KEPT_COMPLETIONS)
    ]

    def make(name: str):
        table = pd.DataFrame(asked).assign(run=reference.arms()[name][0].name)
        return table.assign(completion=[f"<think> {name} {step} </think> answer 1 <end>" for step in table.step])

    return make


@pytest.fixture
def keep_arms(new_reference, made_up_arm, made_up_completions):
    """Function that keeps made-up tables of reference arms where the committed ones would lie."""
    from rsft_utils import reference

    def keep(*names: str):
        for name in names:
            summary, loss = made_up_arm(name)
            reference._save(name, summary)
            reference._save(f"loss/{name}", loss)
            reference._save(f"completions/{name}", made_up_completions(name))

    return keep


@pytest.fixture(scope="session")
def made_up_designs():
    """A map of designs, as in data/reference/designs.csv: every design of size XS with made-up numbers."""
    import pandas as pd

    from rsft_utils import designs

    rng = random.Random(0)
    rows = [
        {**design.__dict__, "role": role, "dip": rng.uniform(-0.1, 0.4), "gain": rng.uniform(-0.4, 0.4)}
        for design in designs.grid("XS")
        for role in ("ID", "OOD")
    ]
    return pd.DataFrame(rows)
