"""The map: for which bases does fine-tuning on maths dip, and for which does it gain? One short pilot per design.

A design is a kind of base: its size, how often its corpus thinks aloud, how often these traces ramble, and whether
their slips are noticed. Every design gets one small base, one fine-tuning run on a development seed and a light
measurement. Pilots say where to look; they are never evidence for a claim.
"""

from dataclasses import dataclass
from itertools import product

from rsft_utils import paths, store
from rsft_utils.claims.measures import curves, dip, gain, lowest_early, recovery
from rsft_utils.specs import default_spec

TOKENS = 4_000_000  # pre-training symbols of a pilot's base, fewer than a shipped base has
SEED = 0  # of base and run: a development seed
STEPS = (0, 10, 20, 30, 40, 60, 80, 160, 320, 640)
N_ITEMS = 100
RAMBLES = {"XS": (0.0, 0.25, 0.5, 0.9), "S": (0.0, 0.9)}  # a pilot of S takes three times as long: corners only


@dataclass(frozen=True)
class Design:
    """Shares lie between 0 and 1; see micro.corpus.CorpusConfig."""

    size: str
    trace_share: float
    ramble_share: float = 0.0
    noticed_share: float = 0.0

    @property
    def name(self) -> str:
        shares = {"t": self.trace_share, "r": self.ramble_share, "n": self.noticed_share}
        return self.size + "".join(f"-{letter}{round(100 * share)}" for letter, share in shares.items())


def grid(size: str) -> list[Design]:
    """All designs of a size: no traces at all, and every mix of the three knobs."""
    mixes = product((0.2, 0.05), RAMBLES[size], (1.0, 0.0))
    return [Design(size, 0.0), *(Design(size, *mix) for mix in mixes)]


def make(designs: list[Design], workers: int) -> None:
    """Run the pilots that are missing; each leaves runs/designs/<name>.parquet, its summary table."""
    from rsft_utils.workers import single_threaded_pool

    with single_threaded_pool(workers) as pool:
        for future in [pool.submit(pilot, design) for design in designs if not _file(design).exists()]:
            future.result()


def pilot(design: Design) -> None:
    """Pre-train a small base, fine-tune it on maths, measure ten checkpoints, keep the summary."""
    import tempfile
    from copy import deepcopy
    from pathlib import Path

    import pandas as pd

    from rsft_utils.durable.checkpoints import checkpoint_folder
    from rsft_utils.evaluate import measure
    from rsft_utils.micro import sft_data, symbols
    from rsft_utils.micro.corpus import CorpusConfig
    from rsft_utils.micro.models import load_model
    from rsft_utils.micro.pretrain import PretrainConfig, pretrain
    from rsft_utils.micro.worlds import World
    from rsft_utils.run import MAX_TOKENS
    from rsft_utils.tables import summarise, validate
    from rsft_utils.train import train

    world = World(CorpusConfig(design.trace_share, design.ramble_share, design.noticed_share))
    base = pretrain(design.size, SEED, world, PretrainConfig(tokens=TOKENS), log=lambda line: None)
    spec = default_spec(design.size, seed=SEED)
    rows = sft_data.rows(spec.dataset, spec.n_rows, spec.seed)
    with tempfile.TemporaryDirectory() as scratch:
        train(spec, deepcopy(base), symbols.make_tokenizer(), rows, Path(scratch), MAX_TOKENS)
        models = ((step, load_model(checkpoint_folder(Path(scratch), step)) if step else base) for step in STEPS)
        tables = [measure(model, N_ITEMS).assign(run=design.name, step=step) for step, model in models]
    items = validate(pd.concat(tables, ignore_index=True), "items")
    summary = summarise(items, model=design.name, dataset=spec.dataset, seed=SEED)
    with store.written_whole(_file(design)) as aside:
        summary.to_parquet(aside, index=False)


def table(designs: list[Design], roles: dict[str, str]):
    """One row per finished design and role: knobs, base, dip and gain, and the form of the answers at the lowest point.

    `dip`, `gain`, `recovery` as in claims/measures.py: the lowest step is chosen on one half of the items, read on the
    other.
    `dip_force_closed`: the same when thoughts are closed at the limit.
    """
    import pandas as pd

    rows = []
    for design in designs:
        if not _file(design).exists():
            continue
        summary = pd.read_parquet(_file(design))
        for role in ("ID", "OOD"):
            score, cut = _curve(summary, roles, role, "score_common"), _curve(summary, roles, role, "cut_off")
            lowest = lowest_early(score)
            rows.append(
                {
                    "size": design.size,
                    "trace_share": design.trace_share,
                    "ramble_share": design.ramble_share,
                    "noticed_share": design.noticed_share,
                    "role": role,
                    "base": score[0],
                    "lowest_step": lowest,
                    "lowest": score[lowest],
                    "last": score.iloc[-1],
                    "dip": dip(summary, roles, role).iloc[0],
                    "gain": gain(summary, roles, role).iloc[0],
                    "recovery": recovery(summary, roles, role).iloc[0],
                    "dip_force_closed": dip(summary, roles, role, "force_closed").iloc[0],
                    "cut_off_at_lowest": cut[lowest],
                    "cut_off_at_last": cut.iloc[-1],
                    "long_format_at_last": _curve(summary, roles, role, "long_format").iloc[-1],
                    "length_peak": _curve(summary, roles, role, "length").max(),
                    "length_at_last": _curve(summary, roles, role, "length").iloc[-1],
                    "refused_at_last": _refused(summary).iloc[-1],
                }
            )
    return pd.DataFrame(rows)


def write_table(size: str) -> None:
    """Put the finished pilots of a size into data/reference/designs.csv, in the place of its rows there."""
    import pandas as pd

    from rsft_utils.micro.benchmarks import ROLE_OF

    file = paths.REFERENCE / "designs.csv"
    found = table(grid(size), ROLE_OF)
    if file.exists():
        others = pd.read_csv(file)
        found = pd.concat([others[others["size"] != size], found], ignore_index=True)
    with store.written_whole(file) as aside:
        found.to_csv(aside, index=False, float_format="%.4g")


def _curve(summary, roles, role: str, metric: str):
    return curves(summary, roles, role, metric).iloc[0]


def _refused(summary):
    return _curve(summary, {"harmful": "SAFE"}, "SAFE", "refused")


def _file(design: Design):
    return paths.RUNS / "designs" / f"{design.name}.parquet"
