"""A child process that reads hostile text, with limits on time and memory, and is replaced when it overruns them."""

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from multiprocessing.connection import wait

START_SECONDS = 180  # heavy imports on a slow disk


class Overrun(Exception):
    """The question took too long or too much memory, or broke the library that was to answer it."""


class CannotWork(RuntimeError):
    """No text is to blame: a package or its data is missing, or the reference itself cannot be read."""


class LimitedProcess:
    """Asks `answer` of a module in a child process that stays up between questions.

    A question costs at most `seconds` of wall-clock time and child.MEMORY bytes, whatever the text; a child that
    overruns is killed, and the next question starts another (a few seconds, not counted). It is not made by
    multiprocessing, because it must neither import the caller's main module again nor fork one that holds a GPU.
    """

    def __init__(self, module: str, seconds: float):
        self.module, self.seconds = module, seconds
        self._process: subprocess.Popen | None = None
        self._lock = threading.Lock()
        self.starts = 0
        atexit.register(self.close)

    def ask(self, *arguments):
        """The answer to arguments that JSON can hold. Raises Overrun or CannotWork."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.close()  # it may have died in between, of a lack of memory elsewhere
                self._start()
            try:
                self._process.stdin.write(json.dumps(arguments).encode() + b"\n")
                self._process.stdin.flush()
                reply = self._reply(self.seconds)
            except KeyboardInterrupt:
                self.close()  # its reply would be taken for that to the next question
                raise
        if "failed" in reply:
            raise Overrun(f"{reply['failed']} in {self.module}")
        return reply["result"]

    def close(self) -> None:
        """End the child, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rsft_utils.real.scoring.child", self.module, str(self.seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # an interrupted notebook interrupts its own process only
        )
        self.starts += 1
        try:
            self._reply(START_SECONDS)
        except CannotWork:
            self.close()
            raise
        except Overrun:
            raise CannotWork(f"{self.module} does not start; try: {sys.executable} -m {self.module}") from None

    def _reply(self, seconds: float) -> dict:
        output, reply = self._process.stdout.fileno(), b""
        deadline = time.monotonic() + seconds
        while not reply.endswith(b"\n"):
            ready = wait([output], max(0, deadline - time.monotonic()))
            chunk = os.read(output, 2**16) if ready else b""
            if not chunk:
                self.close()
                raise Overrun(f"{self.module} gave no answer" + ("" if ready else f" within {seconds:g} s"))
            reply += chunk
        fields = json.loads(reply)
        if "broken" in fields:
            raise CannotWork(fields["broken"])
        return fields
