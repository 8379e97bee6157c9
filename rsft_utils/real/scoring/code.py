"""LiveCodeBench: does the program pass all tests? RUNS CODE THAT A MODEL WROTE.

It runs in a child process with an empty environment, in an empty folder, with limits on processor time, memory, file
size and processes. That stops accidents, not attacks: it is no sandbox. The program can read what this user can read,
and reach the network. Run it in a container or a virtual machine that holds nothing else; hence never by default.
"""

import base64
import contextlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from tempfile import TemporaryDirectory, TemporaryFile

from rsft_utils.real.scoring.verdict import Verdict, right_or_wrong

BY = "all tests passed (not LiveCodeBench's own runner)"
SECONDS = 6  # per test, as in the paper
PRINTED = 2**23  # bytes; a program that prints or writes more has failed
_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)

# The child limits itself before it reads the program, so that no code runs between fork and exec.
_RUNNER = """
import json, resource, sys
given = json.loads(sys.stdin.buffer.readline())
for kind, limit in given["limits"].items():
    try:
        resource.setrlimit(getattr(resource, kind), (limit, limit))
    except ValueError:
        pass  # not lowered below what is in use
space = {"__name__": "__main__"}
exec("from typing import *", space)  # the starter code takes List and the like for granted
exec(compile(given["program"], "program.py", "exec"), space)
if given["function"]:
    found = getattr(space["Solution"](), given["function"]) if "Solution" in space else space[given["function"]]
    print(json.dumps(found(*given["arguments"])))
"""
LIMITS = {
    "RLIMIT_CPU": SECONDS,
    "RLIMIT_AS": 2 * 2**30,
    "RLIMIT_FSIZE": PRINTED,
    "RLIMIT_NPROC": 64,  # counts all processes of the user; not enforced for root
    "RLIMIT_NOFILE": 64,
    "RLIMIT_CORE": 0,
}


def read(row: dict, seed: int) -> tuple[dict, dict]:
    """Row with `question_content`, `starter_code`, `metadata`, `public_test_cases` and `private_test_cases`."""
    tests = json.loads(row["public_test_cases"]) + unpack(row["private_test_cases"])
    function = json.loads(row["metadata"]).get("func_name")
    how = (
        f"Complete this code:\n{row['starter_code']}" if function else "Read from standard input and print the answer."
    )
    return {"question": row["question_content"], "how": how}, {"tests": tests, "function": function}


def judge(reference: dict, seen: str, ended: bool, ask: Callable[[dict, str], bool]) -> Verdict:
    """The last code block of the visible part, judged by `ask`: pass `run_tests` to run it (see above)."""
    blocks = _BLOCK.findall(seen)
    return right_or_wrong(ask(reference, blocks[-1]), BY) if blocks else Verdict("no_answer", BY)


def run_tests(reference: dict, program: str) -> bool:
    """Whether the program passes every test; the first failure ends it."""
    return all(_passes(program, reference["function"], test) for test in reference["tests"])


def unpack(tests: str) -> list[dict]:
    """Test cases from JSON, or from base64 of zlib of a pickled string of JSON, in which nothing else is unpickled."""
    try:
        return json.loads(tests)
    except ValueError:
        return json.loads(_OnlyText(BytesIO(zlib.decompress(base64.b64decode(tests)))).load())


class _OnlyText(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"test cases hold text only, not {module}.{name}")


def _passes(program: str, function: str | None, test: dict) -> bool:
    given = {"program": program, "function": function, "limits": LIMITS, "arguments": []}
    if function:
        given["arguments"] = [json.loads(line) for line in test["input"].splitlines() if line.strip()]
    sent = json.dumps(given) + "\n" + ("" if function else test["input"])
    # Files, not pipes: so what is printed is bounded too, and a process that the program leaves behind holds nobody up.
    with TemporaryDirectory() as folder, TemporaryFile() as asked, TemporaryFile() as printed:
        asked.write(sent.encode())
        asked.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", _RUNNER],
            stdin=asked,
            stdout=printed,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        try:
            status = child.wait(timeout=SECONDS + 2)
        except subprocess.TimeoutExpired:
            return False
        finally:
            _kill_all(child)
        printed.seek(0)
        said = printed.read(PRINTED).decode(errors="replace")
    if status:
        return False
    if function:
        return _last_json(said) == json.loads(test["output"])
    return said.split() == test["output"].split()


def _kill_all(child: subprocess.Popen) -> None:
    """The child and whatever it started, unless that has left its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _last_json(printed: str):
    try:
        return json.loads(printed.splitlines()[-1])
    except (ValueError, IndexError, RecursionError):  # no JSON, nothing printed, nested too deep
        return None
