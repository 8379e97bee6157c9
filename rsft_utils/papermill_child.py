"""The process in which papermill executes a notebook for `runner`; ends when its runner does.

It is told on stdin what to do, {input, output, parameters, folder}, and writes into its private folder why it failed.
"""

import json
import os
import shutil
import sys
import threading
from pathlib import Path

import nbformat
from nbclient.exceptions import DeadKernelError
from papermill import PapermillExecutionError, execute_notebook
from traitlets.config import Config

from rsft_utils.progress import Screen


def main() -> int:
    """Execute one notebook; the exit status says whether papermill thinks that it went well."""
    asked = json.loads(sys.stdin.readline())
    folder = Path(asked["folder"])
    threading.Thread(target=_leave_with_runner, args=(folder,), daemon=True).start()
    progress = Screen(sys.stdout)  # of what a notebook prints, its progress line alone
    try:
        executed = execute_notebook(
            asked["input"],
            asked["output"],
            asked["parameters"],
            progress_bar=False,
            stdout_file=progress,
            config=_connection(folder),
        )
        _keep_last_states(executed)
        nbformat.write(executed, asked["output"])
    except DeadKernelError:
        reason, said = "dead kernel", "its kernel died (killed, or out of memory?)"
    except PapermillExecutionError as error:
        reason, said = "error", f"{error.ename}: {error.evalue}"
    except Exception as error:
        reason, said = "error", f"{type(error).__name__}: {error}"
    else:
        return 0
    finally:
        progress.write("\n")
    (folder / "report.json").write_text(json.dumps({"reason": reason, "said": said}))
    return 1


def _connection(folder: Path) -> Config:
    """Sockets in a private folder: what a kernel says over TCP, every user of a shared machine can listen to."""
    if os.name != "posix":
        return Config()
    files = {"connection_file": str(folder / "connection.json"), "ip": str(folder / "kernel")}
    return Config({"KernelManager": {"transport": "ipc", **files}})


def _keep_last_states(executed: nbformat.NotebookNode) -> None:
    """Leave of what was printed what a terminal shows at its end: of a progress line its last state.

    (nbclient's own `coalesce_streams` takes a minute for a line of 200,000 characters.)
    """
    for cell in (cell for cell in executed.cells if cell.cell_type == "code"):
        joined = []
        for output in cell.outputs:
            if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
                joined[-1].text += output.text
            else:
                joined.append(output)
        for output in (output for output in joined if output.output_type == "stream"):
            lines = output.text.split("\n")
            output.text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
        cell.outputs = joined


def _leave_with_runner(folder: Path) -> None:
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)  # the kernel sees it within a second and ends, and its workers with it


if __name__ == "__main__":
    sys.exit(main())
