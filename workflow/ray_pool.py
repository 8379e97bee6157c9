"""A grid on machines without a scheduler: the jobs of workflow/Snakefile, given out by Ray.

    ray start --head                  # on one machine; on the others: ray start --address=...
    python workflow/ray_pool.py workflow/grids/paper.yaml

All machines need this folder, the environment and the store (RSFT_RUNS) at the same place. If this process dies, start
it again: what is done follows from the store.
"""

import subprocess
import sys
from pathlib import Path

import ray

from rsft_utils.grid import costs, grids, jobs


@ray.remote(max_retries=3, retry_exceptions=True)  # of a machine that is lost, and of a job that fails
def call(command: str, _after=None) -> None:
    subprocess.run([sys.executable, "-m", "rsft_utils", *command.split()], check=True)


def start(asked: grids.Grid) -> list:
    """Submit every training, and behind it the measurements of its run; a base model is measured once."""
    submitted, bases = [], set()
    for spec in asked.specs:
        need = costs.training(asked, spec)
        training, *measurements = jobs.of(spec)
        trained = call.options(num_gpus=need.gpu, num_cpus=1).remote(training.command)
        for job, step in zip(measurements, spec.steps, strict=True):
            if job.marker not in bases:
                need = costs.measuring(asked, spec, step)
                after = trained if step else None
                submitted.append(call.options(num_gpus=need.gpu, num_cpus=1).remote(job.command, after))
            bases.add(job.marker)
        submitted.append(trained)
    return submitted


if __name__ == "__main__":
    asked = grids.read(Path(sys.argv[1]).absolute())
    jobs.fetch(asked)
    jobs.prepare(asked)
    ray.get(start(asked))
    jobs.collect(asked)
    jobs.draw(asked)
