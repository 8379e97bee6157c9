"""From the published rows of a benchmark to its questions, by a draw that is the same everywhere."""

import csv
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from string import Template

from rsft_utils.real.benchmarks.definitions import BENCHMARKS, Benchmark

CSV_LIMIT = 2**20  # characters in a cell: GPQA's explanations are long


@dataclass(frozen=True)
class Item:
    """One question. `id` is a hash of the published row, `prompt` the user's turn, `reference` for the scorer."""

    benchmark: str
    id: str
    prompt: str
    reference: dict


def items(name: str, n: int, seed: int = 0, rows: Iterable[dict] | None = None) -> list[Item]:
    """The first `n` items in an order drawn from the hash of their content, or all if there are fewer.

    A larger `n` contains the smaller. `rows` are the benchmark's published rows; by default they come from the hub,
    where GPQA-D and HEx-PHI ask for a login and consent.
    """
    benchmark = BENCHMARKS[name]
    if rows is None:
        rows = benchmark.generated() if benchmark.generated else from_hub(benchmark)
    chosen = draw(rows, n, seed)
    return [_item(benchmark, row_id, row, seed) for row_id, row in chosen]


def _item(benchmark: Benchmark, row_id: str, row: dict, seed: int) -> Item:
    try:
        fields_of_prompt, reference = benchmark.read(row, seed)
    except (KeyError, StopIteration) as error:
        raise ValueError(
            f"a row of {benchmark.name} lacks the column {error}; it has {', '.join(row)}. "
            f"Is this {benchmark.hub_id} at {benchmark.revision}?"
        ) from None
    return Item(benchmark.name, row_id, Template(benchmark.prompt).substitute(fields_of_prompt), reference)


def from_hub(benchmark: Benchmark) -> Iterator[dict]:
    """The rows of all files of a benchmark, fetched from the hub or its cache."""
    from rsft_utils.real.hub import dataset_file

    for filename, digest in benchmark.files.items():
        yield from read_rows(dataset_file(benchmark.hub_id, filename, benchmark.revision, sha256=digest))


def read_rows(path: Path) -> Iterator[dict]:
    """Rows of a .jsonl, .json, .parquet or .csv file; a .csv of one column has no header and yields `prompt`."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    with open(path, encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            yield from (json.loads(line) for line in file if line.strip())
        elif path.suffix == ".json":
            yield from json.load(file)
        else:
            csv.field_size_limit(CSV_LIMIT)
            lines = csv.reader(file)
            first = next(lines)
            if len(first) == 1:
                yield from ({"prompt": line[0]} for line in (first, *lines) if line)
            else:
                yield from (dict(zip(first, line, strict=True)) for line in lines if line)


def draw(rows: Iterable[dict], n: int, seed: int) -> list[tuple[str, dict]]:
    """The `n` rows that come first in the order of a hash of seed and content, each with its id (hexadecimal).

    Holds no more than `n` rows in memory. Equal rows are one.
    """
    chosen = heapq.nsmallest(n, _ranked(rows, seed), key=lambda entry: entry[0])
    return [(row_id[:16], row) for _, row_id, row in chosen]


def _ranked(rows: Iterable[dict], seed: int) -> Iterator[tuple[str, str, dict]]:
    seen = set()
    for row in rows:
        row_id = sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()
        if row_id not in seen:
            seen.add(row_id)
            yield sha256(f"{seed}:{row_id}".encode()).hexdigest(), row_id, row
