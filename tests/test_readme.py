"""The front pages: their numbers are those of the committed tables, their list of notebooks is complete."""

import json
import re

import pandas as pd
import pytest

from rsft_utils import cli, paths, reference, verdicts
from rsft_utils.claims import measures
from rsft_utils.effects import between_bases
from rsft_utils.micro.benchmarks import ROLE_OF

README, KOREAN = (paths.ROOT / name for name in ("README.md", "README.ko.md"))
# `13 points higher (5 to 22)`, `-18 (-28 to -8)`; in the other language `13 (5에서 22)`
INTERVAL = re.compile(r"(-?\d+)[^|()\d]*\((-?\d+)(?: to |에서 )(-?\d+)\)")


def in_points(*numbers):
    return tuple(str(round(100 * number)) for number in numbers)


@pytest.fixture(scope="module")
def known():
    """Effects of the committed runs with their intervals, in points: all of the claims, and one that none is about."""
    claims = verdicts.table()
    found = {in_points(row.effect, row.low, row.high) for row in claims.itertuples()}
    full, sparse = (measures.gain(reference.load(arm), ROLE_OF, "OOD") for arm in ("S", "S-sparse"))
    less = between_bases(full, sparse)
    return found | {in_points(less.effect, less.low, less.high)}


@pytest.mark.parametrize("page", [README, KOREAN], ids=lambda page: page.name)
def test_every_number_with_an_interval_is_that_of_the_committed_tables(page, known):
    quoted = INTERVAL.findall(page.read_text())
    assert len(quoted) >= 6
    assert [numbers for numbers in quoted if numbers not in known] == []


def test_speeds_are_those_that_were_measured():
    """The page on speed has every line of both tables, the README the ratios that the issue is about."""
    speed, scaling = (pd.read_csv(paths.BENCH / f"{name}.csv") for name in ("speed", "scaling"))
    lines = (paths.ROOT / "docs" / "speed.md").read_text().splitlines()
    for row in speed.itertuples():
        assert f"| {row.work} | {row.variant} | {row.tokens_per_second:,} | {row.ours_is_faster:.2f} |" in lines
    for row in scaling.itertuples():
        assert f"| {row.what} | {row.n} | {row.value:.1f} {row.unit} | {row.ratio:.2f} |" in lines
    _, _, table = README.read_text().partition("| speed, one thread")
    quoted = [float(number) for number in re.findall(r"\| ([\d.]+)(?: times as fast)? \|$", table, re.M)[:7]]
    others = speed[~speed.variant.str.startswith("ours")].ours_is_faster
    grown = scaling.set_index(["what", "n"]).ratio.round(2)
    more = [("4 runs by so many workers", 2), ("runs one after the other", 8), ("checkpoints measured", 8)]
    assert quoted == [*others, *grown[more]]


@pytest.fixture(scope="module")
def taken():
    """Minutes (1 at least) and GB by command and notebook."""
    table = pd.read_csv(paths.BENCH / "commands.csv")
    return {row.command: (max(1, round(row.seconds / 60)), row.peak_gb) for row in table.itertuples()}


@pytest.mark.parametrize("page", [README, KOREAN], ids=lambda page: page.name)
def test_every_notebook_is_listed_in_order_with_the_minutes_and_the_memory_that_were_measured(page, taken):
    rows = re.findall(
        r"^\| \[\d\d [^]]+\]\(notebooks/(\w+)\.ipynb\) .*\| ([\d.]+) \| ([\d.]+) \|", page.read_text(), re.M
    )
    assert [(name, int(minutes), float(gb)) for name, minutes, gb in rows] == [(n, *taken[n]) for n in cli.NOTEBOOKS]


@pytest.mark.parametrize("page", [README, KOREAN], ids=lambda page: page.name)
def test_what_make_figures_takes_was_measured(page, taken):
    ((minutes, gb),) = re.findall(r"^\| `make figures` .*\| (\d+)(?: minutes|분), ([\d.]+) GB", page.read_text(), re.M)
    assert (int(minutes), float(gb)) == taken["figures from nothing"]


@pytest.mark.parametrize("name", cli.NOTEBOOKS)
def test_a_notebook_says_itself_what_it_takes(name, taken):
    cells = json.loads((paths.NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    said = "".join(cells[0]["source"])
    ((minutes, gb),) = re.findall(r"^\| `?\w+`? .*about (\d+) minutes?.*\| ([\d.]+) GB", said, re.M)
    assert (int(minutes), float(gb)) == taken[name]


def test_the_map_of_the_code_has_every_module():
    page = (paths.ROOT / "docs" / "code.md").read_text()
    tops = {path.name for path in (paths.ROOT / "rsft_utils").iterdir() if path.suffix == ".py" or path.is_dir()}
    for folder in ("micro", "real"):
        tops |= {path.name for path in (paths.ROOT / "rsft_utils" / folder).iterdir() if path.suffix == ".py"}
    named = set(re.findall(r"[a-z_]+(?=\.py|/)", page))
    assert {name.removesuffix(".py") for name in tops if not name.startswith("__")} <= named
