"""Running a notebook for its page."""

import os
import subprocess
import sys
import tempfile

from rsft_utils import notebook, paths


def executed(name: str, profile: str):
    """The executed copy of notebooks/<name>.ipynb. Raises SystemExit, with what went wrong, if it fails.

    Its figures go into the page and not into figures/local/, where those of the reader's last run stay.
    """
    import nbformat

    output = paths.RUNS / "notebooks" / f"{name}.ipynb"
    output.parent.mkdir(parents=True, exist_ok=True)
    given = ["-p", "profile", profile] if "profile" in notebook.declared_parameters(name) else []
    command = [sys.executable, "-m", "papermill", str(paths.NOTEBOOKS / f"{name}.ipynb"), str(output), *given]
    with tempfile.TemporaryDirectory() as figures:
        done = subprocess.run(
            [*command, "--no-progress-bar", "--log-level", "ERROR"],
            env=os.environ | {"RSFT_FIGURES": figures},
            stderr=subprocess.PIPE,
            text=True,
        )
    if done.returncode != 0:
        print(done.stderr[-4000:], file=sys.stderr)
        raise SystemExit(f"{name} failed; the cells up to the error are in {output}")
    return nbformat.read(output, as_version=4)
