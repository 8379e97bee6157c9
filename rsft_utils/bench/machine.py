"""What a measurement was made on, and where its table is kept."""

import os
import platform
from datetime import date

from rsft_utils import paths


def keep(table, name: str) -> None:
    """Print a table and write it to data/bench/, with two more columns: `date`, and `machine`, its class."""
    table = table.assign(date=date.today().isoformat(), machine=machine())
    print(table.to_string(index=False))
    paths.BENCH.mkdir(parents=True, exist_ok=True)
    table.to_csv(paths.BENCH / f"{name}.csv", index=False)


def machine() -> str:
    """Processor family, cores and the widest vector unit that PyTorch uses: `x86-64, 2 cores, AVX512`."""
    import torch

    family = {"x86_64": "x86-64", "AMD64": "x86-64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{family}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"
