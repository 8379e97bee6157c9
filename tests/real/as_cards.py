"""Runs a module of the package in a process for which the processor is a card: `as_cards.py MODULE ARGUMENT ...`.

accelerate shares a model out (FSDP) only among cards. Here it is told that it sees some, and everything else is what
happens on them, with the processes exchanging by gloo instead of NCCL. Read from the environment, in JSON:
RSFT_TEST_DEVICE what of train.Device is other than on a processor; RSFT_TEST_SIGNAL [number of a signal, rank, step],
which the process sends itself.
"""

import json
import os
import runpy
import sys
from dataclasses import replace

import torch
from accelerate import DistributedType, PartialState

from rsft_utils import processes
from rsft_utils import train as training
from rsft_utils.real import backends


def take_the_processor_for_a_card() -> None:
    PartialState._prepare_backend = lambda self, *_: ("gloo", DistributedType.MULTI_GPU)
    PartialState.set_device = lambda self: setattr(self, "device", torch.device("cpu"))
    torch.distributed.init_process_group("gloo")


def set_device(changed: dict) -> None:
    original = backends.device
    backends.device = lambda *asked: replace(original(*asked), **changed)


def send_signal(number: int, rank: int, step: int) -> None:
    """At the end of a step the processes ask each other whether one of them is to end."""
    original, steps = processes.any_of, []

    def counted(flag):
        steps.append(flag)
        if len(steps) == step and torch.distributed.get_rank() == rank:
            os.kill(os.getpid(), number)
        return original(flag)

    processes.any_of = counted


if __name__ == "__main__":
    training.LOG_EVERY = 1
    set_device(json.loads(os.environ.get("RSFT_TEST_DEVICE", "{}")))
    if "RSFT_TEST_SIGNAL" in os.environ:
        send_signal(*json.loads(os.environ["RSFT_TEST_SIGNAL"]))
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        take_the_processor_for_a_card()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
