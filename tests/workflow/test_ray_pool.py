"""The same jobs in a pool of Ray."""

import runpy
import sys
from types import SimpleNamespace

from snakemaking import WORKFLOW

from rsft_utils.grid import jobs


class Called:
    """Stands in for ray.remote: keeps what it is called with, and gives its number as the reference."""

    def __init__(self, calls, **options):
        self.calls, self.given = calls, options

    def options(self, **options):
        return Called(self.calls, **options)

    def remote(self, *arguments):
        self.calls.append((self.given, arguments))
        return len(self.calls) - 1


def test_the_pool_is_given_every_job_once_and_measurements_behind_their_training(tiny, monkeypatch):
    _, found = tiny
    calls = []
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(remote=lambda **options: lambda f: Called(calls)))
    submitted = runpy.run_path(str(WORKFLOW / "ray_pool.py"))["start"](found)
    assert sorted(submitted) == list(range(len(calls)))
    assert sorted(arguments[0] for _, arguments in calls) == sorted(job.command for job in jobs.to_do(found))
    trainings = {
        arguments[0].split()[1]: place for place, (_, arguments) in enumerate(calls) if "train " in arguments[0]
    }
    for options, (command, *after) in calls:
        assert options == {"num_gpus": 0, "num_cpus": 1}
        if command.startswith("evaluate"):
            assert after == [None if command.endswith("--step 0") else trainings[command.split()[1]]]
