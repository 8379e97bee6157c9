"""What trains a real model: Unsloth where there is an NVIDIA card, plain transformers and PEFT anywhere.

Both give a causal language model of transformers with a LoRA adapter of PEFT and write the same folders; what is
trained is always measured with plain transformers. What they do on a card was read in the sources of the installed
versions and never run; the tests run both on a CPU, for which Unsloth 2026.10.9 has a back end.
"""

import os
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rsft_utils import paths, processes
from rsft_utils.real.datasets import CHAT_TEMPLATE
from rsft_utils.real.released import ReleasedSpec
from rsft_utils.real.spec import BACKENDS, RealSpec
from rsft_utils.recipe import one_of
from rsft_utils.train import Device

LINEAR_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class BackendError(RuntimeError):
    """What was asked for cannot run here; the message says why and what to do."""


def choose(asked: str = "auto", method: str = "lora") -> str:
    """`unsloth` or `transformers`: what trains on this machine. Nothing heavier than PyTorch is imported.

    `auto` is Unsloth where it is installed and PyTorch sees an NVIDIA card, except for full fine-tuning. For tests, it
    trains on a CPU when asked for by name with UNSLOTH_FORCE_CPU=1 in the environment (its own variable). Raises
    ValueError for another name, BackendError if Unsloth is asked for and cannot run.
    """
    one_of("backend", asked, BACKENDS)
    installed, card = find_spec("unsloth") is not None, has_card()
    if asked == "auto":
        return "unsloth" if installed and card and method == "lora" else "transformers"
    if asked == "unsloth":
        if not installed:
            raise BackendError(
                "Unsloth is not installed. Install it (Linux, NVIDIA card) with: pip install -e '.[gpu]'; "
                "or choose the backend transformers."
            )
        if not card and os.environ.get("UNSLOTH_FORCE_CPU") != "1":
            raise BackendError(
                "Unsloth needs an NVIDIA card and PyTorch sees none. Choose the backend transformers, or mend the "
                "driver: `python -c 'import torch; print(torch.cuda.is_available())'` must say True."
            )
        if method == "full":
            raise BackendError("Unsloth is for LoRA here; full fine-tuning runs with the backend transformers.")
    return asked


def device(spec: RealSpec, backend: str) -> Device:
    """How `train` passes the rows of a step through this machine with one of the backends."""
    return Device(
        micro_batch=spec.micro_batch,
        precision=_precision(),
        optimizer=_optimizer(spec.method),
        # Unsloth has a fused loss of its own, which TRL's chunks would bypass
        loss="nll" if backend == "unsloth" else "chunked_nll",
        gradient_checkpointing=has_card(),
        cpu=not has_card(),
    )


def provenance(backend: str, method: str = "lora") -> dict:
    """What a run notes of the machine: backend, card (None: CPU), type of the arithmetic, optimizer and versions."""
    import torch

    libraries = ("torch", "transformers", "trl", "peft", "bitsandbytes", "unsloth", "unsloth_zoo")
    return {
        "backend": backend,
        "card": torch.cuda.get_device_name() if has_card() else None,
        "precision": _precision(),
        "optimizer": _optimizer(method),
        "versions": {name: version(name) for name in libraries if find_spec(name)},
    }


def load_for_training(spec: RealSpec, folder: Path, backend: str):
    """(model, tokenizer) from the folder of a base model, with a new adapter where the method is LoRA.

    The adapter is on all linear layers, with alpha = rank, no dropout, and drawn by the seed of the spec. Raises
    BackendError if the spec cannot be trained on this machine.
    """
    check_trainable(spec)
    check(spec, backend)
    if backend == "unsloth":
        return _load_unsloth(spec, folder), load_tokenizer(folder)
    from transformers import set_seed

    model = _load_transformers(spec, folder, trained=True)
    if spec.method == "lora":
        from peft import LoraConfig, get_peft_model

        set_seed(spec.seed)
        settings = _lora_settings(spec)
        model = get_peft_model(model, LoraConfig(**settings, task_type="CAUSAL_LM"))
    return model, load_tokenizer(folder)


def load_for_inference(spec: RealSpec | ReleasedSpec, folder: Path, checkpoint: Path | None):
    """(model, tokenizer), ready to generate: the base model of `folder`, or that with a checkpoint of `train`.

    Always plain transformers, also after a training with Unsloth: on a card, Unsloth's models leave the caller's cache
    of keys and values empty, so that this project's decoding (see generate.py) would see one token at a time. The
    tokenizer pads on the left. An adapter stays beside the weights: added to 16-bit weights, the small changes of the
    first steps would be lost in rounding. Raises BackendError if the weights cannot be loaded on this machine.
    """
    check(spec, "transformers")
    whole = checkpoint if spec.method == "full" and checkpoint else folder
    model = _load_transformers(spec, whole)
    if checkpoint and spec.method == "lora":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, checkpoint, autocast_adapter_dtype=False)
    tokenizer = load_tokenizer(folder)
    tokenizer.padding_side = "left"
    return model.eval(), tokenizer


def merge(folder: Path, checkpoint: Path, destination: Path) -> None:
    """Write base model and adapter as one model, with its tokenizer, for use elsewhere.

    An adapter that was trained on 4-bit weights is added to the weights of `folder`, as they were before. Happens in
    the main memory, in the type of these weights: 2 bytes for each parameter.
    """
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    PeftModel.from_pretrained(model, checkpoint).merge_and_unload().save_pretrained(destination)
    load_tokenizer(folder).save_pretrained(destination)


def check_trainable(spec: RealSpec) -> None:
    """Raise BackendError if the weights that the spec asks for cannot be trained by its method."""
    if spec.four_bit and spec.method == "full":
        raise BackendError("4-bit weights cannot be trained themselves: set four_bit=False, or method='lora'.")


def check(spec: RealSpec | ReleasedSpec, backend: str) -> None:
    """Raise BackendError if the weights that the spec asks for cannot be loaded with this backend on this machine."""
    if spec.four_bit and backend == "transformers" and not has_card():
        raise BackendError("4-bit weights need an NVIDIA card and PyTorch sees none: set four_bit=False.")
    if spec.four_bit and find_spec("bitsandbytes") is None:
        raise BackendError(
            "4-bit weights need bitsandbytes: pip install -e '.[gpu]' (Linux, NVIDIA card), or set four_bit=False."
        )


def load_tokenizer(folder: Path):
    """The tokenizer of a base model with the chat form of the training data (see datasets.py), for both backends."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def _load_transformers(spec: RealSpec | ReleasedSpec, folder: Path, trained: bool = False):
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = getattr(torch, _precision())
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return AutoModelForCausalLM.from_pretrained(
        folder,
        # weights that are trained themselves keep float32: bfloat16 would swallow most steps of a small rate
        dtype=torch.float32 if trained and spec.method == "full" else dtype,
        quantization_config=four_bit if spec.four_bit else None,
        # of several processes each is given its part of the weights later, by accelerate
        device_map=None if processes.several() else "cuda:0" if has_card() else "cpu",
        attn_implementation="sdpa",
    )


def _load_unsloth(spec: RealSpec, folder: Path):
    import torch

    fast = import_unsloth()
    model, _ = fast.from_pretrained(
        model_name=str(folder),
        max_seq_length=spec.max_length,
        dtype=getattr(torch, _precision()),
        load_in_4bit=spec.four_bit,
        use_gradient_checkpointing="unsloth",
        use_exact_model_name=True,  # else a 4-bit copy of Unsloth's own is fetched from the hub
    )
    return fast.get_peft_model(
        model,
        **_lora_settings(spec),
        use_gradient_checkpointing="unsloth",
        random_state=spec.seed,
        use_rslora=False,
    )


def import_unsloth():
    """FastLanguageModel, without Unsloth's statistics and with its generated code in the folder of runs.

    Raises BackendError if transformers was imported first: Unsloth replaces parts of transformers, TRL and PEFT while
    it is imported, and whoever holds the old parts trains slower and with more memory, without a word.
    """
    if "unsloth" not in sys.modules and "transformers" in sys.modules:
        raise BackendError(
            "Unsloth must be imported before transformers, which this process has imported already. "
            "Train with Unsloth in a fresh process."
        )
    os.environ["UNSLOTH_DISABLE_STATISTICS"] = "1"  # else it counts its users by a download
    os.environ["UNSLOTH_COMPILE_LOCATION"] = str(paths.RUNS / "unsloth_compiled_cache")
    from unsloth import FastLanguageModel

    return FastLanguageModel


def _lora_settings(spec: RealSpec) -> dict:
    return {
        "r": spec.lora_rank,
        "lora_alpha": spec.lora_rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(LINEAR_LAYERS),
    }


def has_card() -> bool:
    """Whether PyTorch sees an NVIDIA card."""
    import torch

    return torch.cuda.is_available()


def _precision() -> str:
    """Name of torch's type to compute in: a T4 has no bfloat16 of its own (PyTorch would emulate it), a CPU neither."""
    import torch

    if not has_card():
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"


def _optimizer(method: str) -> str:
    # 8-bit states cannot be shared out, and full fine-tuning must not depend on the number of cards
    return "adamw_8bit" if method == "lora" and has_card() and find_spec("bitsandbytes") else "adamw_torch"
