"""What a measurement was made on, in columns of a table."""

import os
import platform
from datetime import date


def described(table):
    """The table with two more columns: `date`, and `machine`, its class (see `machine`)."""
    return table.assign(date=date.today().isoformat(), machine=machine())


def machine() -> str:
    """Processor family, cores and the widest vector unit that PyTorch uses: `x86-64, 2 cores, AVX512`."""
    import torch

    family = {"x86_64": "x86-64", "AMD64": "x86-64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{family}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"
