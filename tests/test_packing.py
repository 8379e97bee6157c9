import pytest

from rsft_utils.micro import sft_data
from rsft_utils.micro.symbols import END, decode
from rsft_utils.packing import IGNORED, rows_apart
from rsft_utils.train import tokenise

PAD = 0


@pytest.fixture(scope="module")
def conversations():
    return sft_data.rows("math-cot", 32, seed=0)


@pytest.fixture(scope="module")
def tokenised(conversations, tokenizer):
    return [tokenise(row, tokenizer) for row in conversations]


@pytest.fixture(scope="module")
def model(new_micro_model):
    return new_micro_model(lively=True)


def laid_out(tokenised, padding_free: bool):
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(PAD, padding_free=padding_free)(tokenised)


def loss_and_gradients(model, batch):
    model.zero_grad()
    loss = model(**batch, use_cache=False).loss
    loss.backward()
    return loss.item(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def test_a_line_has_every_token_of_the_batch_and_no_padding(tokenised):
    line = laid_out(tokenised, padding_free=True)
    assert line["input_ids"].tolist() == [[token for row in tokenised for token in row["input_ids"]]]
    assert line["position_ids"].tolist() == [[place for row in tokenised for place in range(len(row["input_ids"]))]]


def test_what_is_learned_is_the_completion_and_its_end(tokenised, conversations):
    labels = laid_out(tokenised, padding_free=True)["labels"][0].tolist()
    learned = decode(label for label in labels if label != IGNORED)
    assert learned == " ".join(f"{row['completion'][0]['content']} {END}" for row in conversations)


def test_packing_changes_neither_loss_nor_gradients(model, tokenised):
    import torch

    line = laid_out(tokenised, padding_free=True)
    with rows_apart(model):
        loss, gradients = loss_and_gradients(model, line)
    expected_loss, expected = loss_and_gradients(model, laid_out(tokenised, padding_free=False))
    assert loss == pytest.approx(expected_loss, abs=1e-4)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-4, msg=name)
    # the model does notice when rows see each other
    with rows_apart(model):
        leaking, _ = loss_and_gradients(model, line | {"position_ids": torch.arange(line["input_ids"].numel())[None]})
    assert abs(leaking - expected_loss) > 1e-3


def test_a_single_row_is_a_line_too(model, tokenised):
    with rows_apart(model):
        loss, _ = loss_and_gradients(model, laid_out(tokenised[:1], padding_free=True))
    assert loss == pytest.approx(loss_and_gradients(model, laid_out(tokenised[:1], padding_free=False))[0], abs=1e-5)


def test_the_model_is_left_as_it_was_even_after_an_error(model, tmp_path):
    before = model.config._attn_implementation
    with pytest.raises(KeyError), rows_apart(model):
        model.save_pretrained(tmp_path)
        raise KeyError
    assert model.config._attn_implementation == before
    assert "rows_apart" not in (tmp_path / "config.json").read_text()
