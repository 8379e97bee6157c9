"""The process in which papermill executes a notebook for `runner`; ends when its runner does.

It is told on stdin what to do, {input, output, parameters, report}, and writes to `report` why it failed.
"""

import json
import os
import sys
import threading
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from papermill import PapermillExecutionError, execute_notebook
from traitlets.config import Config


class _ProgressOnly:
    """Shows of what a notebook prints the progress line alone, which begins with a carriage return."""

    def __init__(self):
        self.in_line = False

    def write(self, text: str) -> None:
        if text.startswith("\r"):
            sys.stdout.write(text)
        elif self.in_line:
            sys.stdout.write("\n")
        self.in_line = text.startswith("\r") and not text.endswith("\n")

    def flush(self) -> None:
        sys.stdout.flush()


def main() -> int:
    """Execute one notebook; the exit status says whether papermill thinks that it went well."""
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_runner, daemon=True).start()
    try:
        execute_notebook(
            asked["input"],
            asked["output"],
            asked["parameters"],
            progress_bar=False,
            stdout_file=_ProgressOnly(),
            coalesce_streams=True,  # of a progress line only its last state stays in the notebook
            config=_transport(),
        )
    except DeadKernelError:
        reason, said = "dead kernel", "its kernel died (killed, or out of memory?)"
    except PapermillExecutionError as error:
        reason, said = "error", f"{error.ename}: {error.evalue}"
    except Exception as error:
        reason, said = "error", f"{type(error).__name__}: {error}"
    else:
        return 0
    Path(asked["report"]).write_text(json.dumps({"reason": reason, "said": said}))
    return 1


def _transport() -> Config:
    """Sockets in the run's private folder: what a kernel says over TCP every user of a shared machine can read."""
    return Config({"KernelManager": {"transport": "ipc" if os.name == "posix" else "tcp"}})


def _leave_with_runner() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)  # the kernel sees it within a second and ends, and its workers with it


if __name__ == "__main__":
    sys.exit(main())
