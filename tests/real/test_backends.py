import dataclasses
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from rsft_utils.real import backends
from rsft_utils.real.backends import BackendError
from rsft_utils.real.spec import RealSpec
from rsft_utils.train import Device, checkpoint_folder, train

TINY = runpy.run_path(str(Path(__file__).parents[1] / "tiny_qwen.py"))
LORA = RealSpec(
    n_rows=8, batch_size=4, micro_batch=2, lora_rank=4, learning_rate=0.01, max_length=256, four_bit=False
)  # 2 steps
FULL = dataclasses.replace(LORA, method="full", lora_rank=0)
FOUR_BIT = dataclasses.replace(LORA, four_bit=True)
QUESTIONS = ["What is 3 + 3?", "What is 12 + 12? It is not 4."]


@pytest.fixture
def machine(monkeypatch):
    """Function that makes a machine of this one: with or without a card, bfloat16 in it, and installed packages."""

    def make(card=False, bfloat16=True, installed=("unsloth", "bitsandbytes")):
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: card)
        # PyTorch says yes on a T4 unless it is asked to leave out emulation
        supported = lambda including_emulation=True: card and (bfloat16 or including_emulation)  # noqa: E731
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
        found = backends.find_spec
        ours = ("unsloth", "bitsandbytes")
        monkeypatch.setattr(
            backends, "find_spec", lambda name: (name in installed or None) if name in ours else found(name)
        )

    return make


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """Function that trains the tiny model by a spec, once: (model after, folder of its checkpoints)."""
    made = {}

    def make(spec):
        if spec not in made:
            model, tokenizer = backends.load_for_training(spec, base, "transformers")
            folder = tmp_path_factory.mktemp(spec.method)
            device = backends.device(spec, "transformers")
            train(spec, model, tokenizer, TINY["rows"](spec.n_rows), folder, spec.max_length, device)
            made[spec] = model.eval(), folder
        return made[spec]

    return make


def asked(tokenizer, questions):
    """Tensors of a batch of questions, as they are put before generating."""
    texts = [
        tokenizer.apply_chat_template([{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True)
        for q in questions
    ]
    return tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)


def logits(model, tokenizer):
    import torch

    with torch.inference_mode():
        return model(**asked(tokenizer, QUESTIONS[:1])).logits


@pytest.mark.parametrize(
    ("card", "installed", "method", "chosen"),
    [
        (True, ("unsloth",), "lora", "unsloth"),
        (True, ("unsloth",), "full", "transformers"),
        (True, (), "lora", "transformers"),
        (False, ("unsloth",), "lora", "transformers"),
    ],
)
def test_unsloth_is_chosen_where_it_is_installed_and_has_a_card(machine, card, installed, method, chosen):
    machine(card=card, installed=installed)
    assert backends.choose("auto", method) == chosen


def test_transformers_can_be_asked_for_anywhere(machine):
    machine(card=True)
    assert backends.choose("transformers") == "transformers"


def test_another_backend_is_refused_by_name():
    with pytest.raises(ValueError, match="backend is 'mlx'; allowed: auto, unsloth, transformers"):
        backends.choose("mlx")


def test_unsloth_that_is_not_installed_is_said_to_be_missing(machine):
    machine(card=True, installed=())
    with pytest.raises(BackendError, match=r"not installed.*pip install -e '\.\[gpu\]'"):
        backends.choose("unsloth")


def test_unsloth_without_a_card_is_refused_except_for_tests(machine, monkeypatch):
    machine(card=False)
    monkeypatch.delenv("UNSLOTH_FORCE_CPU", raising=False)
    with pytest.raises(BackendError, match="needs an NVIDIA card"):
        backends.choose("unsloth")
    monkeypatch.setenv("UNSLOTH_FORCE_CPU", "1")
    assert backends.choose("unsloth") == "unsloth"


def test_full_fine_tuning_with_unsloth_is_refused(machine):
    machine(card=True)
    with pytest.raises(BackendError, match="full fine-tuning runs with the backend transformers"):
        backends.choose("unsloth", "full")


def test_choosing_imports_neither_unsloth_nor_transformers():
    program = (
        "import sys; from rsft_utils.real import backends; backends.choose(); "
        "print([name for name in ('unsloth', 'transformers', 'trl', 'peft') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_unsloth_is_not_imported_after_transformers(monkeypatch):
    import transformers  # noqa: F401

    monkeypatch.delitem(sys.modules, "unsloth", raising=False)
    with pytest.raises(BackendError, match=r"before transformers.*in a fresh process"):
        backends.import_unsloth()


def test_a_cpu_computes_in_float32_with_the_optimizer_of_torch(machine):
    machine(card=False)
    assert backends.device(LORA, "transformers") == Device(micro_batch=2, loss="chunked_nll")


@pytest.mark.parametrize(("bfloat16", "precision"), [(True, "bfloat16"), (False, "float16")])
def test_a_card_computes_in_16_bit_and_a_t4_in_float16(machine, bfloat16, precision):
    machine(card=True, bfloat16=bfloat16)
    device = backends.device(LORA, "unsloth")
    assert device == Device(2, precision, "adamw_8bit", "nll", gradient_checkpointing=True, cpu=False)


def test_without_bitsandbytes_the_optimizer_is_that_of_torch(machine):
    machine(card=True, installed=())
    assert backends.device(LORA, "transformers").optimizer == "adamw_torch"


def test_full_fine_tuning_has_the_same_optimizer_on_one_card_and_on_several(machine):
    machine(card=True)
    assert backends.device(FULL, "transformers").optimizer == "adamw_torch"


def test_a_run_notes_what_it_ran_on(machine):
    machine(card=False, installed=())
    noted = backends.provenance("transformers")
    assert (noted["backend"], noted["card"], noted["precision"]) == ("transformers", None, "float32")
    assert {"torch", "transformers", "trl", "peft"} == set(noted["versions"])


def test_four_bit_weights_are_refused_on_a_cpu(machine, base):
    machine(card=False)
    for load in (
        lambda: backends.load_for_training(FOUR_BIT, base, "transformers"),
        lambda: backends.load_for_inference(FOUR_BIT, base, None),
    ):
        with pytest.raises(BackendError, match=r"need an NVIDIA card.*four_bit=False"):
            load()


def test_four_bit_weights_are_not_fine_tuned_in_full(machine, base):
    machine(card=True)
    with pytest.raises(BackendError, match="method='lora'"):
        backends.load_for_training(dataclasses.replace(FULL, four_bit=True), base, "transformers")


def test_four_bit_weights_without_bitsandbytes_are_refused(machine):
    machine(card=True, installed=())
    with pytest.raises(BackendError, match="need bitsandbytes: pip install"):
        backends.check(FOUR_BIT, "transformers")


def loading_arguments(monkeypatch, spec, folder):
    """What transformers is asked for on a card; there is none here, so it is not done."""
    from transformers import AutoModelForCausalLM

    asked_for = {}

    class Loaded(Exception):
        pass

    def load(folder, **arguments):
        asked_for.update(arguments)
        raise Loaded

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", load)
    with pytest.raises(Loaded):
        backends.load_for_training(spec, folder, "transformers")
    return asked_for


def test_on_a_card_weights_are_loaded_in_nf4_with_double_quantisation(machine, monkeypatch, base):
    import torch

    machine(card=True, bfloat16=False)
    arguments = loading_arguments(monkeypatch, FOUR_BIT, base)
    config = arguments.pop("quantization_config")
    assert (config.load_in_4bit, config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert config.bnb_4bit_compute_dtype == arguments["dtype"] == torch.float16
    assert arguments["device_map"] == "cuda:0"


def test_weights_that_are_trained_themselves_keep_float32(machine, monkeypatch, base):
    import torch

    machine(card=True)
    assert loading_arguments(monkeypatch, FULL, base)["dtype"] == torch.float32
    assert loading_arguments(monkeypatch, LORA, base)["dtype"] == torch.bfloat16


def test_the_adapter_is_on_all_linear_layers_with_alpha_equal_to_the_rank(base):
    model, _ = backends.load_for_training(LORA, base, "transformers")
    config = model.peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout, config.use_rslora) == (4, 4, 0.0, False)
    adapted = {name.split(".")[-4] for name, p in model.named_parameters() if p.requires_grad}
    assert adapted == set(backends.LINEAR_LAYERS)
    assert len([p for p in model.parameters() if p.requires_grad]) == 2 * 7 * 2  # A and B, seven matrices, two layers


def test_the_seed_draws_the_adapter(base):
    def drawn(seed):
        model, _ = backends.load_for_training(dataclasses.replace(LORA, seed=seed), base, "transformers")
        return next(p for name, p in model.named_parameters() if "lora_A" in name)

    assert drawn(0).equal(drawn(0))
    assert not drawn(0).equal(drawn(1))


@pytest.mark.parametrize("spec", [LORA, FULL], ids=["lora", "full"])
def test_a_checkpoint_is_the_model_that_was_trained(trained, base, spec):
    import torch

    model, folder = trained(spec)
    loaded, tokenizer = backends.load_for_inference(spec, base, checkpoint_folder(folder, 2))
    untrained, _ = backends.load_for_inference(spec, base, None)
    torch.testing.assert_close(logits(loaded, tokenizer), logits(model, tokenizer))
    assert not torch.allclose(logits(untrained, tokenizer), logits(model, tokenizer), atol=1e-2)


def test_a_loaded_model_generates_the_same_alone_and_in_a_batch(trained, base):
    import torch

    _, folder = trained(LORA)
    model, tokenizer = backends.load_for_inference(LORA, base, checkpoint_folder(folder, 2))
    assert not model.training and model.config.eos_token_id == tokenizer.eos_token_id

    def answers(questions):
        batch = asked(tokenizer, questions)
        with torch.inference_mode():
            ids = model.generate(**batch, max_new_tokens=12, do_sample=False)
        return tokenizer.batch_decode(ids[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)

    together = answers(QUESTIONS)
    assert together == [answers([question])[0] for question in QUESTIONS]
    assert all(together)


def test_a_merged_model_needs_no_adapter(trained, base, tmp_path):
    import torch

    model, folder = trained(LORA)
    backends.merge(base, checkpoint_folder(folder, 2), tmp_path)
    merged, tokenizer = backends.load_for_inference(LORA, tmp_path, None)
    assert not hasattr(merged, "peft_config")
    torch.testing.assert_close(logits(merged, tokenizer), logits(model, tokenizer), atol=1e-4, rtol=1e-4)


def test_a_tokenizer_writes_the_chat_form_of_the_training_data(base):
    row = TINY["rows"](1)[0]
    text = backends.load_tokenizer(base).apply_chat_template(row["prompt"] + row["completion"], tokenize=False)
    assert text == "<|im_start|>user\nWhat is 0 + 0?<|im_end|>\n<|im_start|>assistant\nIt is 0.<|endoftext|>"


def test_a_tokenizer_without_a_token_for_padding_pads_with_its_end(base, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).pad_token is None
    assert backends.load_tokenizer(tmp_path).pad_token == tokenizer.eos_token
