"""Where everything lies. No other module spells out a location.

Use as `paths.RUNS`, not `from rsft_utils.paths import RUNS`, so that a test can point a location elsewhere.
"""

import os
from pathlib import Path


def _from_environment(variable: str, default: Path) -> Path:
    """The folder that an environment variable names, made absolute because notebooks run in another folder."""
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else default


ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"

DATA = ROOT / "data"
PUBLISHED = DATA / "published"  # the paper's numbers
MICRO = DATA / "micro"  # shipped micro base models
REFERENCE = DATA / "reference"  # result tables of the reference runs
BENCH = DATA / "bench"  # measured speeds

FIGURES = ROOT / "figures"
FIGURES_LOCAL = _from_environment("RSFT_FIGURES", FIGURES / "local")  # the reader's own, not committed
RUNS = _from_environment("RSFT_RUNS", ROOT / "runs")  # checkpoints and raw results, not committed
SITE = ROOT / "site"  # the web site, not committed


def shown(path: Path) -> str:
    """A path as the reader would type it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
