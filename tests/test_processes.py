"""What one process does; several of them are tried in real/test_train_distributed.py."""

from types import SimpleNamespace

import pytest

from rsft_utils import processes


def test_the_rows_of_a_step_are_shared_out_exactly():
    assert processes.batches_in_a_step(256, 1, 8) == 32
    assert processes.batches_in_a_step(256, 4, 8) == 8
    assert processes.batches_in_a_step(32, 32, 1) == 1
    for wrong in ((256, 1, 6), (12, 4, 2), (2, 1, 4)):
        with pytest.raises(ValueError, match="must be a multiple of micro_batch times the number of processes"):
            processes.batches_in_a_step(*wrong)


def test_one_process_exchanges_nothing():
    assert not processes.several()
    assert processes.is_first()
    assert processes.of_first(lambda: "made") == "made"
    assert [processes.any_of(flag) for flag in (True, False)] == [True, False]
    assert processes.whole_weights(None) is None
    processes.wait()


def test_parts_of_gradients_are_added_up_in_float32():
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    as_accelerate_has_it = MixedPrecisionPolicy(torch.bfloat16, torch.bfloat16, torch.bfloat16)
    plugin = SimpleNamespace(mixed_precision_policy=as_accelerate_has_it)
    trainer = SimpleNamespace(accelerator=SimpleNamespace(state=SimpleNamespace(fsdp_plugin=plugin)))
    processes.add_up_in_float32(trainer)
    assert plugin.mixed_precision_policy == MixedPrecisionPolicy(torch.bfloat16, torch.float32, None)
