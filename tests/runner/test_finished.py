"""Which notebooks are believed to have finished."""

import json
import re
import resource

import nbformat
import pytest
from notebook_runs import END, fails, files, left_behind, slow

from rsft_utils import paths, runner


def test_a_notebook_that_finished_is_moved_into_place_with_its_parameters_and_its_result(made_up, new_figures):
    quiet = 'for i in range(50):\n    print(f"\\r{i} %", end="", flush=True)\nprint()'
    private = "import ipykernel, json\njson.load(open(ipykernel.get_connection_file()))['ip']"
    executed = runner.run(made_up(quiet, private), {"size": "XS", "rate": 1e-5})
    assert executed.output == paths.RUNS / "notebooks" / "made_up.ipynb"
    assert files(executed.output.parent) == ["made_up.ipynb"]
    result = json.loads((new_figures / "made_up" / "result.json").read_text())
    assert executed.result == result
    assert result["parameters"] == {"rate": 1e-5, "seeds": 1, "size": "XS"}
    assert (result["notebook"], result["figures"], result["verdicts"]) == ("made_up", [], {"C1": "held"})
    shown = [cell.outputs for cell in nbformat.read(executed.output, 4).cells if cell.get("outputs")]
    assert [outputs[0].get("text") for outputs in shown] == ["49 %\n", None]  # of a progress line its last state
    assert re.fullmatch(r"'/tmp/rsft-\w+/kernel'", shown[1][0].data["text/plain"])  # a socket, and not of TCP
    assert left_behind() == []
    assert not list(paths.ROOT.glob("kernel-*"))


@pytest.mark.parametrize(
    ("cell", "reason", "said"),
    [
        ("os._exit(1)", "dead kernel", "its kernel died"),
        pytest.param("1 / 0", "error", "ZeroDivisionError: division by zero", marks=slow),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", "dead kernel", "its kernel died", marks=slow),
        pytest.param(
            "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)", "signal", "papermill was killed.*9", marks=slow
        ),
        pytest.param("sys.exit(0)", "no result", "1 of its 6 code cells were not executed", marks=slow),
        pytest.param(f"{END}\nsys.exit(0)", "no result", "1 of its 6 code cells were not executed", marks=slow),
        pytest.param('os.environ["RSFT_RUN_ID"] = "another"', "no result", "its last cell must call", marks=slow),
        pytest.param('del os.environ["RSFT_RUN_ID"]', "no result", "its last cell must call", marks=slow),
    ],
)
def test_a_notebook_that_did_not_finish_is_set_aside_with_the_reason(made_up, cell, reason, said):
    kept = fails(made_up("print('so far')", cell), reason, said)
    assert "so far" in kept


@slow
def test_a_notebook_that_tells_no_result_is_not_believed(made_up):
    fails(made_up("print('so far')", end=""), "no result", "its last cell must call")


@slow
def test_the_result_of_an_earlier_run_is_not_believed(made_up):
    runner.run(made_up(), {"seeds": 2})
    (paths.RUNS / "notebooks" / "made_up.ipynb").unlink()
    (paths.RUNS / "notebooks").rename(paths.RUNS / "earlier")
    fails(made_up(end=""), "no result", "its last cell must call")


@slow
def test_a_disk_that_is_full_while_the_notebook_is_written_is_told(made_up):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        fails(made_up("print('x' * 200_000)"), "error", "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
