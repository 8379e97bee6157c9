"""Where runs end: how far every benchmark moved from the base, and the scores at both ends."""

from rsft_utils.claims.claim import by_benchmark
from rsft_utils.claims.measures import REASONING, Roles, curves, gain
from rsft_utils.effects import over_bases
from rsft_utils.tables import main_decoding, of_kind


def changes(tables: dict, roles: Roles):
    """Last step minus base, by benchmark; `tables`: what the line is called -> summary of runs of one kind.

    Columns line, benchmark, role, change (points), sure: whether the 95 % interval over base models leaves out zero;
    with one base model there is no interval and nothing is sure.
    """
    import pandas as pd

    rows = []
    for line, table in tables.items():
        names = set(table.benchmark)
        table = of_kind(table, "free", main_decoding(table), "score_common")  # all that a gain reads
        there = {name: role for name, role in roles.items() if name in names}
        for name, effect in by_benchmark(lambda *of, t=table: gain(t, *of), there, tuple(roles.values())).items():
            sure = effect.low > 0 or effect.high < 0
            rows.append([line, name, roles[name], 100 * effect.effect, sure])
    return pd.DataFrame(rows, columns=["line", "benchmark", "role", "change", "sure"])


def levels(tables: dict, roles: Roles):
    """Score at the base and at the last step, by role: one row per run. Columns kind, role, base, last.

    A role is the mean over those of its benchmarks that all the tables have.
    """
    import pandas as pd

    rows = []
    shared = set(roles).intersection(*(set(table.benchmark) for table in tables.values()))
    roles = {name: role for name, role in roles.items() if name in shared}
    for kind, table in tables.items():
        for role in dict.fromkeys(roles.values()):
            curve = curves(table, roles, role, "score_common")
            rows += [[kind, role, values.iloc[0], values.iloc[-1]] for _, values in curve.iterrows()]
    return pd.DataFrame(rows, columns=["kind", "role", "base", "last"])


def trade_off(tables: dict, roles: Roles, harmful: Roles):
    """What reasoning gained and what safety lost, by run: columns kind, gain (OOD) and attack (rise), in points."""
    import pandas as pd

    rows = []
    for kind, table in tables.items():
        gained, attacked = gain(table, roles, "OOD"), gain(table, harmful, "SAFE")
        rows += [[kind, 100 * gained[run], 100 * attacked[run]] for run in gained.index]
    return pd.DataFrame(rows, columns=["kind", "gain", "attack"])


def reasoning_gains(tables: dict, roles: Roles):
    """Gain in and out of domain with its interval over base models: columns kind, role, effect, low, high (points)."""
    import pandas as pd

    rows = []
    for kind, table in tables.items():
        for role in REASONING:
            effect = over_bases(gain(table, roles, role))
            rows.append([kind, role, 100 * effect.effect, 100 * effect.low, 100 * effect.high])
    return pd.DataFrame(rows, columns=["kind", "role", "effect", "low", "high"])
