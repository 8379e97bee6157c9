"""Supervised fine-tuning with TRL: full or LoRA, the paper's schedule shape, a checkpoint at every evaluated step.

Every hyper-parameter is written out, because libraries differ in their defaults (Unsloth rewrites TRL's).
"""

import json
import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from rsft_utils.collate import IGNORED, pack_batch
from rsft_utils.specs import RunSpec

LOG_EVERY = 10  # optimiser steps


class TrainingError(RuntimeError):
    """Training cannot start, or must not go on; the message says why and what to change."""


def train(spec: RunSpec, model, tokenizer, rows: list[dict], folder: Path, max_length: int) -> dict:
    """Fine-tune `model` in place on `rows`, writing `folder/step-00010/` and so on for the steps of the spec.

    A checkpoint folder appears only when it is complete. Full fine-tuning saves the model, LoRA the adapter. Loss and
    rate are appended to `folder/log.jsonl` every 10 steps and at the last. Returns {"seconds", "tokens", "final_loss"}.

    Raises TrainingError when a row is longer than `max_length` symbols (nothing is ever cut), when a row has no label
    to learn, and when the loss is not finite.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import SFTConfig, SFTTrainer

    set_seed(spec.seed)
    model.train()
    arguments = SFTConfig(
        output_dir=str(folder / "trainer"),
        max_steps=spec.total_steps,
        per_device_train_batch_size=spec.batch_size,
        gradient_accumulation_steps=1,
        learning_rate=spec.learning_rate,
        lr_scheduler_type={"cosine": "cosine", "constant": "constant_with_warmup"}[spec.schedule],
        warmup_steps=math.ceil(spec.warmup * spec.total_steps),
        optim="adamw_torch",
        adam_beta1=0.9,
        adam_beta2=0.999,
        adam_epsilon=1e-8,
        weight_decay=0.01,
        max_grad_norm=1.0,
        train_sampling_strategy="sequential",  # as in the paper: the same row order in every epoch
        seed=spec.seed,
        max_length=None,  # rows are checked below; TRL would cut them without a word
        packing=False,  # a step is packed by the collator, so that it keeps exactly its rows
        completion_only_loss=True,
        loss_type="nll",
        neftune_noise_alpha=None,
        gradient_checkpointing=False,
        use_cpu=True,  # the micro profile is the same everywhere
        bf16=False,
        fp16=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        save_strategy="no",  # the callback saves what is evaluated
        logging_strategy="steps",
        logging_steps=LOG_EVERY,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=_lora(spec) if spec.method == "lora" else None,
        data_collator=partial(pack_batch, pad_token_id=tokenizer.pad_token_id),
    )
    check_rows(trainer.train_dataset, rows, max_length)
    trainer.remove_callback(PrinterCallback)  # the callback below keeps the log
    trainer.add_callback(_checkpoints(spec.steps, folder))
    outcome = trainer.train()
    return {
        "seconds": round(outcome.metrics["train_runtime"], 1),
        "tokens": sum(map(len, trainer.train_dataset["input_ids"])) * spec.epochs,
        "final_loss": trainer.state.log_history[-2]["loss"],
    }


def check_rows(tokenised: Iterable[dict], rows: list[dict], max_length: int) -> None:
    """Raise TrainingError if tokenisation lost a row, a row is too long, or nothing in a row would be learned."""
    tokenised = list(tokenised)
    if len(tokenised) != len(rows):
        raise TrainingError(f"{len(rows) - len(tokenised)} of {len(rows)} rows vanished in tokenisation")
    longest = max(range(len(rows)), key=lambda i: len(tokenised[i]["input_ids"]))
    if (length := len(tokenised[longest]["input_ids"])) > max_length:
        over = sum(len(row["input_ids"]) > max_length for row in tokenised)
        raise TrainingError(
            f"{over} of {len(rows)} rows are longer than max_length = {max_length} and would lose their answer "
            f"(the longest, row {longest}, has {length} tokens). Raise max_length or leave these rows out."
        )
    for i, row in enumerate(tokenised):
        if all(label == IGNORED for label in row["labels"][1:]):
            raise TrainingError(f"row {i} has no token to learn: its completion is empty ({rows[i]['prompt']})")


def _lora(spec: RunSpec):
    from peft import LoraConfig

    return LoraConfig(
        r=spec.lora_rank,
        lora_alpha=2 * spec.lora_rank,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _checkpoints(steps: tuple[int, ...], folder: Path):
    """A callback that saves the given steps, logs, and stops on a loss that is not finite."""
    from transformers import TrainerCallback

    class Checkpoints(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step in steps:
                save_checkpoint(model, folder, state.global_step)
            # a short run has a log too, and no step goes unchecked
            control.should_log |= state.global_step == steps[-1]

        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" not in logs:
                return
            if not (math.isfinite(logs["loss"]) and math.isfinite(logs["grad_norm"])):
                raise TrainingError(
                    f"the loss is {logs['loss']} (gradient norm {logs['grad_norm']}) at step {state.global_step}: "
                    f"the run diverged. A smaller learning_rate than {args.learning_rate:g} may help."
                )
            line = {"step": state.global_step, "loss": logs["loss"], "rate": logs["learning_rate"]}
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")

    return Checkpoints()


def save_checkpoint(model, folder: Path, step: int) -> None:
    """Save model or adapter as `folder/step-00010`, first beside its place and then moved into it."""
    aside = folder / f".step-{step:05d}"
    model.save_pretrained(aside)
    aside.rename(checkpoint_folder(folder, step))


def checkpoint_folder(folder: Path, step: int) -> Path:
    return folder / f"step-{step:05d}"
