from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.collate import IGNORED, pack_batch
from rsft_utils.micro import sft_data
from rsft_utils.micro.symbols import END, decode

PAD = 0

# ids from 1 on, so that no token is mistaken for padding
made_up_rows = st.lists(
    st.lists(st.integers(1, 99), min_size=1, max_size=30).map(lambda ids: {"input_ids": ids, "labels": ids}),
    min_size=1,
    max_size=40,
)


def pieces(batch):
    """(ids, labels) of every stretch whose positions count up from 0, padding included."""
    columns = [batch[name].tolist() for name in ("input_ids", "labels", "position_ids")]
    for ids, labels, positions in zip(*columns, strict=True):
        starts = [i for i, position in enumerate(positions) if position == 0]
        for start, end in pairwise([*starts, len(ids)]):
            assert positions[start:end] == list(range(end - start))
            yield ids[start:end], labels[start:end]


@pytest.fixture(scope="module")
def conversations():
    return sft_data.rows("math-cot", 32, seed=0)


@pytest.fixture(scope="module")
def trainer(conversations, new_micro_model, tokenizer, tmp_path_factory):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(
        output_dir=str(tmp_path_factory.mktemp("trainer")),
        max_length=None,
        completion_only_loss=True,
        use_cpu=True,
        bf16=False,
        report_to="none",
    )
    return SFTTrainer(
        new_micro_model(lively=True),
        arguments,
        train_dataset=Dataset.from_list(conversations),
        processing_class=tokenizer,
    )


@pytest.fixture(scope="module")
def tokenised(trainer):
    """Rows as TRL's own tokenisation hands them to the collator."""
    return list(trainer.train_dataset)


@settings(deadline=None)
@given(made_up_rows)
def test_every_row_is_there_once_and_whole_and_its_positions_restart(rows):
    found = [ids for ids, _ in pieces(pack_batch(rows, PAD)) if ids[0] != PAD]
    assert sorted(found) == sorted(row["input_ids"] for row in rows)


@settings(deadline=None)
@given(made_up_rows)
def test_all_tokens_carry_their_label_except_the_first_of_a_row_and_padding(rows):
    for ids, labels in pieces(pack_batch(rows, PAD)):
        assert labels == ([IGNORED] * len(ids) if ids[0] == PAD else [IGNORED, *ids[1:]])


@settings(deadline=None)
@given(made_up_rows)
def test_a_packed_batch_is_as_wide_as_its_longest_row_and_never_larger_than_a_padded_one(rows):
    shape = pack_batch(rows, PAD)["input_ids"].shape
    lengths = [len(row["input_ids"]) for row in rows]
    assert shape[1] == max(lengths)
    assert shape[0] <= len(rows)
    assert shape[0] * shape[1] < 2 * sum(lengths) + shape[1]  # first fit leaves at most one bin less than half full


def test_real_rows_take_fewer_tokens_than_padding(tokenised):
    lengths = [len(row["input_ids"]) for row in tokenised]
    assert pack_batch(tokenised, PAD)["input_ids"].numel() < 0.8 * len(lengths) * max(lengths)


def test_what_is_learned_is_the_completion_and_its_end(tokenised, conversations):
    batch = pack_batch(tokenised, PAD)
    learned = [decode(label for label in labels if label != IGNORED) for _, labels in pieces(batch)]
    assert sorted(filter(None, learned)) == sorted(f"{row['completion'][0]['content']} {END}" for row in conversations)


def loss_and_gradients(trainer, batch):
    """As a training step has them."""
    trainer.model.zero_grad()
    loss = trainer.compute_loss(trainer.model, dict(batch))
    loss.backward()
    return loss.item(), {name: parameter.grad.clone() for name, parameter in trainer.model.named_parameters()}


def test_packing_changes_neither_loss_nor_gradients(trainer, tokenised):
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    columns = [{key: row[key] for key in ("input_ids", "labels")} for row in tokenised]
    packed = pack_batch(columns, PAD)
    padded = DataCollatorForLanguageModeling(pad_token_id=PAD)(columns)
    assert packed["input_ids"].shape[0] < padded["input_ids"].shape[0]
    loss, gradients = loss_and_gradients(trainer, packed)
    expected_loss, expected = loss_and_gradients(trainer, padded)
    assert loss == pytest.approx(expected_loss, abs=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-4, msg=name)
    # the model does notice when rows see each other
    leaking, _ = loss_and_gradients(trainer, {key: packed[key] for key in ("input_ids", "labels")})
    assert abs(leaking - expected_loss) > 1e-3
