"""Full fine-tuning of one real model on several cards. A launcher starts this once for each of them:

    accelerate launch --config_file workflow/fsdp2.yaml -m rsft_utils.real.train_distributed SPEC.json

It trains as run.results does on one card and leaves the same files, so results([spec]) afterwards only measures. A run
that was cut short goes on when the same is started again. docs/multi_gpu.md says more.
"""

import json
import shutil
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

from rsft_utils import processes
from rsft_utils.durable import locks
from rsft_utils.real import backends, run, store
from rsft_utils.real.identity import base_folder
from rsft_utils.real.spec import RealSpec
from rsft_utils.recipe import one_of


def read_spec(file: Path) -> RealSpec:
    """A spec from a JSON object with fields of RealSpec; those it does not name have their defaults.

    Raises ValueError, naming what is allowed.
    """
    try:
        given = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read as JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(f"{file} must hold a JSON object with fields of RealSpec, such as {{'method': 'full'}}")
    given = given.get("spec", given)  # the jobs of a grid write it so
    for name in given:
        one_of(f"a field of {file.name}", name, [field.name for field in fields(RealSpec)])
    return RealSpec(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def check(spec: RealSpec, n_processes: int) -> None:
    """Raise ValueError or BackendError if these processes cannot train the spec. Nothing is loaded or downloaded."""
    if n_processes == 1:
        raise ValueError(
            "this is one process alone: start several with `accelerate launch --config_file workflow/fsdp2.yaml -m "
            "rsft_utils.real.train_distributed SPEC.json`; on one card rsft_utils.real.run.results trains"
        )
    if spec.method != "full":
        raise ValueError(f"method is {spec.method!r}; several cards train method 'full' only: LoRA fits one card")
    backends.check_trainable(spec)
    processes.batches_in_a_step(spec.batch_size, spec.micro_batch, n_processes)


def main(file: str) -> None:
    spec = read_spec(Path(file))
    n_processes = processes.joined(cpu=not backends.has_card())
    check(spec, n_processes)
    processes.of_first(partial(_download, spec))
    with locks.held([store.run_folder(spec)] if processes.is_first() else []):
        if not processes.of_first(partial(_begin, spec)):
            if processes.is_first():
                print(f"{spec.name}: training, {spec.total_steps} steps ({n_processes} processes)", flush=True)
            run._train(spec, "transformers", store.run_folder(spec).name)
            processes.of_first(partial(shutil.rmtree, store.checkpoints_folder(spec) / "trainer"))
    if processes.is_first():
        print(f"{spec.name}: trained; its checkpoints lie in {store.checkpoints_folder(spec)}", flush=True)


def _download(spec: RealSpec) -> None:
    """Get what is missing of the data and the base model, for all processes."""
    store.run_folder(spec)  # reads the data file
    base_folder(spec)


def _begin(spec: RealSpec) -> bool:
    """Whether the run is trained; if not, its folder is put in order."""
    store.begin(spec)
    if not store.is_trained(spec):
        store.begin_training(spec)
    return store.is_trained(spec)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"Say which run is meant: one file with its spec in JSON. {__doc__.split(chr(10))[2].strip()}")
    main(sys.argv[1])
