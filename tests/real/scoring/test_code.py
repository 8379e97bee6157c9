import base64
import json
import pickle
import sys
import time
import zlib

import pytest

from rsft_utils.real.scoring import code


def packed(tests):
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests)))).decode()


@pytest.fixture
def reference():
    """Function from test cases to the reference of a row in the published form."""

    def made(public, private=(), function=None):
        row = {
            "question_content": "Add.",
            "starter_code": "class Solution:\n    def add(self, a: int, b: int) -> int:\n" if function else "",
            "metadata": json.dumps({"func_name": function} if function else {}),
            "public_test_cases": json.dumps(public),
            "private_test_cases": packed(list(private)),
        }
        return code.read(row, 0)[1]

    return made


@pytest.fixture
def adding(reference):
    return reference([{"input": "1 2\n", "output": "3\n"}], [{"input": "4 5\n", "output": "9\n"}])


def block(program):
    return f"First:\n```python\nwrong(\n```\nthen\n```python\n{program}\n```\nDone."


def test_a_program_passes_when_it_passes_the_public_and_the_private_tests(adding):
    judge = code.judge
    right = block("print(sum(map(int, input().split())))")
    assert judge(adding, right, True, code.run_tests).outcome == "correct"
    assert judge(adding, block("print(3)"), True, code.run_tests).outcome == "wrong"
    assert judge(adding, "no program", True, code.run_tests).outcome == "no_answer"


def test_a_method_is_called_with_its_arguments(reference):
    adding = reference([{"input": "[1, 2]\n3", "output": "6"}], function="add")
    right = "class Solution:\n    def add(self, a: List[int], b: int) -> int:\n        return sum(a) + b"
    assert code.run_tests(adding, right)
    assert not code.run_tests(adding, right.replace("+ b", "- b"))
    assert not code.run_tests(adding, "class Solution: pass")


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(1)",
        "print('3'",
        "x = bytearray(10**11)",
        "open('big', 'wb').write(b'x' * 10**8); print(3)",
        "import os; os.kill(os.getpid(), 9)",
        "def f(): f()\nf()",
        "print('\\ud800')",
    ],
)
def test_a_program_that_breaks_or_oversteps_its_limits_fails(adding, program):
    assert not code.run_tests(adding, program)


def test_a_program_that_never_ends_is_stopped_with_what_it_started(adding, monkeypatch):
    monkeypatch.setattr(code, "SECONDS", -1)  # and a second later it is over
    begin = time.monotonic()
    assert not code.run_tests(adding, "import os, time\nos.fork()\ntime.sleep(60)")
    assert time.monotonic() - begin < 4


def test_a_program_that_prints_without_end_fails_and_costs_no_memory(adding):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KB on Linux, bytes on macOS: only the growth counts
    assert not code.run_tests(adding, "import os\nwhile True: os.write(1, b'3 ' * 2**15)")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 500_000 * (
        1 if sys.platform == "linux" else 1024
    )


def test_what_a_program_leaves_behind_holds_nobody_up(adding):
    """A process in a session of its own outlives the program, with the program's output still open."""
    begin = time.monotonic()
    stays = "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(10); os._exit(0)\n"
    assert code.run_tests(adding, f"{stays}print(sum(map(int, input().split())))")
    assert time.monotonic() - begin < 8


@pytest.mark.parametrize("printed", ["'[' * 100_000", "'9' * 100_000", "'\\x00'", "''"])
def test_what_a_function_prints_instead_of_json_is_wrong(reference, printed):
    adding = reference([{"input": "1\n2", "output": "3"}], function="add")
    leaves = f"import os\ndef add(a, b):\n    print({printed}, flush=True)\n    os._exit(0)"
    assert not code.run_tests(adding, leaves)


def test_a_program_sees_no_variables_of_the_environment(reference, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "secret")
    nothing = reference([{"input": "", "output": "None"}])
    assert code.run_tests(nothing, "import os; print(os.environ.get('SOME_TOKEN'))")


class Trap:
    def __reduce__(self):
        return print, ("unpickled",)


def test_test_cases_are_text_and_nothing_else_is_unpickled(capsys):
    assert code.unpack('[{"input": "1"}]') == [{"input": "1"}]
    trap = base64.b64encode(zlib.compress(pickle.dumps(Trap()))).decode()
    with pytest.raises(pickle.UnpicklingError, match="text only"):
        code.unpack(trap)
    assert capsys.readouterr().out == ""
