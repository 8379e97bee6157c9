"""Several processes that train one model, each with its part of every batch: what they must do together.

A launcher (`accelerate launch`) starts them, one for each card. In a process that was started alone nothing here does
anything. Whatever exchanges something must be called by all processes, in the same order, or they wait for each other.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

PATIENCE = timedelta(hours=6)  # that one process may work alone (download, write, hash) while the others wait


def joined(cpu: bool) -> int:
    """Meet the other processes, if there are any: how many they are."""
    from accelerate import PartialState

    together = int(os.environ.get("WORLD_SIZE", 1)) > 1
    return PartialState(cpu=cpu, **{"timeout": PATIENCE} if together else {}).num_processes


def several() -> bool:
    """Whether this process has met others."""
    import torch

    return torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1


def is_first() -> bool:
    """Whether this is the process that writes for all."""
    import torch

    return not several() or torch.distributed.get_rank() == 0


def wait() -> None:
    """Go on when all processes have come to this point."""
    import torch

    if several():
        torch.distributed.barrier()


def of_first(make: Callable):
    """What `make` gives to the first process, which alone calls it when all have come to this point."""
    import torch

    wait()
    made = [make() if is_first() else None]
    if several():
        torch.distributed.broadcast_object_list(made, src=0)
    return made[0]


def any_of(flag: bool) -> bool:
    """Whether the flag is set in any process."""
    import torch

    flags = [flag]
    if several():
        flags = [False] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(flags, flag)
    return any(flags)


def whole_weights(model) -> dict | None:
    """The weights of a model of which every process holds a part, in the main memory of the first.

    None where there is one process: its model has them.
    """
    if not several():
        return None
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    whole = get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    # what was one tensor has come twice
    return {name: tensor for name, tensor in whole.items() if name not in model.all_tied_weights_keys}


def add_up_in_float32(trainer) -> None:
    """Have the parts of a gradient added up in float32, as in the paper; accelerate takes the type of the arithmetic.

    It would also round what the model gives, the loss, to that type.
    """
    import torch

    plugin = getattr(trainer.accelerator.state, "fsdp_plugin", None)
    if plugin and plugin.mixed_precision_policy:
        changed = {"reduce_dtype": torch.float32, "output_dtype": None}
        plugin.mixed_precision_policy = replace(plugin.mixed_precision_policy, **changed)


def batches_in_a_step(batch_size: int, micro_batch: int, processes: int) -> int:
    """How many times each process passes `micro_batch` rows through its card before a step. Raises ValueError."""
    if batch_size % (micro_batch * processes):
        raise ValueError(
            f"batch_size ({batch_size}) must be a multiple of micro_batch times the number of processes "
            f"({micro_batch} x {processes}), or a step would not see exactly its rows: start another number of "
            "processes, or change micro_batch"
        )
    return batch_size // (micro_batch * processes)
