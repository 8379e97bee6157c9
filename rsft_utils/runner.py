"""Run a notebook headlessly and believe it only when it is proved to have gone well.

papermill overwrites its output in place, and calls a notebook `completed` whose kernel died. So it writes beside the
end place, in a process of its own, and the notebook is moved there only if papermill ended well, every code cell was
executed, and the last one left a result that carries the id of this run (`notebook.end`). Otherwise the last good
output stays, and the notebook goes to runs/notebooks/failed/ with a JSON file that says why. One with a secret in it is
deleted. Whatever happens, no process of the run is left behind.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from rsft_utils import notebook, paths, secret_scan
from rsft_utils.durable import locks, sealed, sigterm

GRACE = 30  # seconds for a training to save its state, and for papermill to save the notebook
SECRET_NAME = re.compile(r"(^|_)(token|secret|password|passwd|credentials?|(api|access|private)_?key)($|_)", re.I)


class NotebookFailed(RuntimeError):
    """A notebook did not do all that it should; the message says why and where its cells are."""


@dataclass(frozen=True)
class Executed:
    """A notebook that went well: its executed copy, and what its last cell said about it (notebook.end)."""

    output: Path
    result: dict
    seconds: float


@dataclass(frozen=True)
class Problem:
    """`reason` is `error`, `dead kernel`, `deadline`, `signal`, `no result` or `secret`; `said` is for people."""

    reason: str
    said: str


def find(name: str) -> Path:
    """The file of a notebook given by its path, or by its name in notebooks/. Raises ValueError if there is none."""
    for file in (Path(name), paths.NOTEBOOKS / f"{Path(name).stem}.ipynb"):
        if file.suffix == ".ipynb" and file.is_file():
            return file.absolute()
    known = ", ".join(sorted(file.stem for file in paths.NOTEBOOKS.glob("*.ipynb")))
    raise ValueError(f"there is no notebook {name!r}; allowed: the path of an .ipynb file, or one of {known}")


def typed(file: Path, texts: dict[str, str]) -> dict:
    """Parameters as somebody types them, in the types that the notebook declares.

    Raises ValueError for an unknown name, a wrong type, a value that is not allowed, and for a secret.
    """
    _refuse_secrets(texts)
    return notebook.typed(str(file), texts)


def run(file: Path, parameters: dict, deadline: float | None = None) -> Executed:
    """Execute a notebook with typed parameters; the executed copy goes to runs/notebooks/.

    `deadline`: minutes after which the run is ended. A second run of the same notebook waits for the first. Raises
    ValueError as `typed` does, before anything starts; NotebookFailed; SystemExit with status 143 on SIGTERM.
    """
    _refuse_secrets(parameters)
    notebook.check_parameters(str(file), parameters)
    output = paths.RUNS / "notebooks" / file.name
    run_id = uuid4().hex
    with locks.held([output]), sigterm.raises_exit(), sealed.written_whole(output) as aside:
        started = time.monotonic()
        try:
            problem = _execute(file, aside, parameters, run_id, deadline) or _unfinished(aside, run_id)
        except (KeyboardInterrupt, SystemExit):
            _, kept = _keep_failed(aside, output, Problem("signal", "it was asked to end"), parameters)
            print(f"{file.stem} was asked to end. {kept}.", file=sys.stderr)
            raise
        if problem := problem or _secret(aside):
            problem, kept = _keep_failed(aside, output, problem, parameters)
            raise NotebookFailed(f"{file.stem} failed ({problem.reason}): {problem.said}\n{kept}.")
    return Executed(output, _result(run_id), time.monotonic() - started)


def _refuse_secrets(given: dict) -> None:
    for name, value in given.items():
        if SECRET_NAME.search(name) or secret_scan.found(str(value).encode()):
            raise ValueError(
                f"{name} looks like a secret, and parameters stay in the executed notebook for all to read. Give a "
                "token in the environment variable HF_TOKEN instead"
            )


def _execute(file: Path, aside: Path, parameters: dict, run_id: str, deadline: float | None) -> Problem | None:
    """What went wrong in the process that executes the notebook, as far as that process can tell."""
    with _private_folder() as folder, (folder / "stderr").open("wb") as stderr:
        report = folder / "report.json"
        asked = {"input": str(file), "output": str(aside), "parameters": parameters, "folder": str(folder)}
        process = subprocess.Popen(
            [sys.executable, "-m", "rsft_utils.papermill_child"],
            stdin=subprocess.PIPE,  # stays open as long as this process lives
            stderr=stderr,
            env=os.environ | {notebook.RUN_ID: run_id},
            start_new_session=True,  # Ctrl-C ends what it has started in good order, through this process
        )
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            process.wait(None if deadline is None else deadline * 60)
        except subprocess.TimeoutExpired:
            _end(process, run_id)
            return Problem("deadline", f"it was not done after {deadline:g} minutes")
        except BaseException:
            _end(process, run_id)
            raise
        finally:
            _kill(process, run_id)
        if report.exists():
            return Problem(**json.loads(report.read_text()))
        if process.returncode < 0:
            return Problem("signal", f"papermill was killed (signal {-process.returncode})")
        if process.returncode:
            return Problem("error", _last_line(folder / "stderr"))
    return None


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for the kernel's sockets. Their paths have to be short, which a Mac's folder for such things is not."""
    with TemporaryDirectory(prefix="rsft-", dir="/tmp" if os.name == "posix" else None) as folder:
        yield Path(folder)


def _end(process: subprocess.Popen, run_id: str) -> None:
    """Ask kernel and workers to end, so that trainings save their state; papermill then saves the notebook."""
    for other in _processes(run_id):
        if other.pid != process.pid:
            other.terminate()
    patience = time.monotonic() + GRACE
    while any(_processes(run_id)) and time.monotonic() < patience:  # papermill may be done before the workers are
        time.sleep(0.1)


def _kill(process: subprocess.Popen, run_id: str) -> None:
    """Kill what is left of a run."""
    import psutil

    process.stdin.close()
    for _ in range(5):  # one may start another before it is killed
        left = list(_processes(run_id))
        for other in left:
            with suppress(psutil.NoSuchProcess):
                other.kill()
        psutil.wait_procs(left, timeout=5)
    process.wait()


def _processes(run_id: str) -> Iterator["psutil.Process"]:  # noqa: F821
    """The processes of a run, by the id in their environment: kernels have sessions of their own, orphans no parent."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(notebook.RUN_ID) == run_id:
                yield process


def _unfinished(aside: Path, run_id: str) -> Problem | None:
    """What a notebook lacks whose process ended well."""
    cells = json.loads(aside.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
    if left := sum(not cell["execution_count"] for cell in code):
        return Problem("no result", f"{left} of its {len(code)} code cells were not executed")
    if _result(run_id) is None:
        return Problem("no result", "its last cell must call notebook.end(...), and this run's left nothing")
    return None


def _result(run_id: str) -> dict | None:
    """What the last cell of this run's notebook wrote."""
    results = (json.loads(file.read_text()) for file in paths.FIGURES_LOCAL.glob(f"*/{notebook.RESULT}"))
    return next((result for result in results if result["run"] == run_id), None)


def _secret(aside: Path, said: str = "") -> Problem | None:
    text = aside.read_bytes() if aside.exists() else b""
    if what := secret_scan.found(text + said.encode()):
        return Problem("secret", f"it shows {', '.join(what)}")
    return None


def _keep_failed(aside: Path, output: Path, problem: Problem, parameters: dict) -> tuple[Problem, str]:
    """Move what there is of a notebook to failed/, or delete it if it holds a secret: (the problem, what was done)."""
    problem = _secret(aside, problem.said) or problem
    kept = output.parent / "failed" / f"{output.stem}-{datetime.now():%Y%m%d-%H%M%S}.ipynb"
    kept.parent.mkdir(exist_ok=True)
    if problem.reason == "secret":
        aside.unlink(missing_ok=True)
    elif aside.exists():
        os.replace(aside, kept)
    with suppress(OSError):  # a full disk may be what went wrong
        about = {"notebook": output.stem, "parameters": parameters, **asdict(problem)}
        kept.with_suffix(".json").write_text(json.dumps(about, indent=1))
    if problem.reason == "secret":
        return problem, "The executed notebook was deleted"
    return problem, f"The cells up to there are in {paths.shown(kept)}"


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "papermill gave no reason"
