"""What goes wrong while a run is made: a loss that is no number, a full disk."""

import resource

import pytest
from drilling import SPEC, half_written

from rsft_utils import run, store
from rsft_utils.durable import sealed
from rsft_utils.train import TrainingError


def test_a_loss_that_is_no_number_is_no_success_and_the_training_goes_on_from_before(new_runs, ends_well, monkeypatch):
    import torch
    from trl import SFTTrainer

    calls, original = [], SFTTrainer.training_step

    def diverging(*arguments, **named):
        calls.append(1)
        loss = original(*arguments, **named)
        return loss * torch.nan if len(calls) == 7 else loss

    monkeypatch.setattr(SFTTrainer, "training_step", diverging)
    with pytest.raises(TrainingError, match=r"the loss is nan .* at step 7: the run diverged"):
        run.results([SPEC], progress=False)
    assert not store.is_trained(SPEC) and not store.is_complete(SPEC)
    ends_well()
    assert len(calls) == 7 + 12 - 5


@pytest.mark.parametrize("limit", [100_000, 1_000_000], ids=["in a checkpoint", "in the trainer's state"])
def test_a_full_disk_is_told_and_costs_nothing_that_was_finished(new_runs, ends_well, limit):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(Exception, match=r"File too large|unexpected pos"):
            run.results([SPEC], progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not store.is_complete(SPEC)
    assert half_written(new_runs) == []
    ends_well()


def test_a_disk_that_is_full_while_answers_are_written_keeps_the_training(new_runs, ends_well, monkeypatch):
    flush = sealed._flush

    def full(file):
        if file.suffix == ".parquet":
            raise OSError(28, "No space left on device", str(file))
        flush(file)

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_flush", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.results([SPEC], progress=False)
    assert half_written(new_runs) == []
    assert ends_well() == [0, 2, 5, 10, 12]


@pytest.mark.slow
@pytest.mark.parametrize("place", range(1, 45, 4))  # of 44 files that are flushed to the disk
def test_a_disk_that_is_full_at_any_file_costs_nothing_that_was_finished(new_runs, ends_well, monkeypatch, place):
    flush, flushed = sealed._flush, []

    def full(file):
        flushed.append(file)
        if len(flushed) == place:
            raise OSError(28, "No space left on device", str(file))
        flush(file)

    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_flush", full)
        with pytest.raises(OSError, match="No space left on device"):
            run.results([SPEC], progress=False)
    assert half_written(new_runs) == []
    ends_well()
