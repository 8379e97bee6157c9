"""Supervised fine-tuning with TRL: full or LoRA, the paper's schedule shape, a checkpoint at every evaluated step.

Every hyper-parameter is written out, because libraries differ in their defaults (Unsloth rewrites TRL's).
"""

import hashlib
import json
import math
import threading
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rsft_utils import packing, processes
from rsft_utils.durable import sealed, sigterm
from rsft_utils.durable.checkpoints import checkpoint_folder, keep_state, last_state, processes_of, save_checkpoint
from rsft_utils.packing import IGNORED
from rsft_utils.recipe import Recipe

LOG_EVERY = 10  # optimiser steps


class TrainingError(RuntimeError):
    """Training cannot start, or must not go on; the message says why and what to change."""


@dataclass(frozen=True)
class Device:
    """How the rows of a step go through the hardware. The default is that of the micro models, on every machine.

    None of it is part of the recipe: a step learns from the same rows whatever is chosen here, rounding apart.
    """

    micro_batch: int | None = None  # rows at once, padded (packed, Unsloth would mix them); None: all of a step, packed
    precision: str = "float32"  # of the arithmetic: float32, bfloat16 or float16; what is trained is always float32
    optimizer: str = "adamw_torch"
    loss: str = "nll"  # chunked_nll: the same number, without the logits of all tokens in memory at once
    gradient_checkpointing: bool = False
    cpu: bool = True


def train(
    spec: Recipe,
    model,
    tokenizer,
    rows: list[dict],
    folder: Path,
    max_length: int,
    device: Device = Device(),
    resume: bool = False,
) -> dict:
    """Fine-tune `model` in place on `rows`, writing `folder/step-00010/` and so on for the steps of the spec.

    A checkpoint folder appears only when it is complete. Full fine-tuning saves the model, LoRA the adapter; a model
    that comes without an adapter is given that of the micro models. Loss and rate go to `folder/log.jsonl` every 10
    steps and at the last. With `resume`, the state of the trainer is kept in `folder/trainer` at the same steps and on
    SIGTERM, and a run that was cut short goes on from the last one: on a CPU to the same result bit for bit. Returns
    {"seconds", "tokens", "final_loss"}, the seconds those of this call. Several processes (see processes.py) all call
    it, with the same arguments; the first writes for all.

    Raises TrainingError when a row is longer than `max_length` tokens (nothing is ever cut), when a row has no label
    to learn, when the loss is not finite, and when the state is that of another number of processes; ValueError when
    they cannot share a step's rows evenly; SystemExit when SIGTERM ended it, after the state was saved.
    """
    from datasets import Dataset
    from peft import PeftModel
    from transformers import PrinterCallback, set_seed
    from trl import SFTConfig, SFTTrainer
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    raw = Dataset.from_list(rows)
    tokenised = raw.map(tokenise, fn_kwargs={"tokenizer": tokenizer}, remove_columns=raw.column_names)
    check_rows(tokenised, rows, max_length)
    set_seed(spec.seed)
    model.train()
    micro_batch = device.micro_batch or spec.batch_size
    n_processes = processes.joined(device.cpu)
    packed = device.micro_batch is None
    arguments = SFTConfig(
        output_dir=str(folder / "trainer"),
        max_steps=spec.total_steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=processes.batches_in_a_step(spec.batch_size, micro_batch, n_processes),
        average_tokens_across_devices=True,  # the loss of a step is the mean over all its tokens, wherever they are
        # gradients are put together after every micro batch, so that no card must hold those of the whole model
        accelerator_config={"gradient_accumulation_kwargs": {"sync_each_batch": True}},
        learning_rate=spec.learning_rate,
        lr_scheduler_type={"cosine": "cosine", "constant": "constant_with_warmup"}[spec.schedule],
        warmup_steps=math.ceil(spec.warmup * spec.total_steps),
        optim=device.optimizer,
        adam_beta1=0.9,
        adam_beta2=0.999,
        adam_epsilon=1e-8,
        weight_decay=0.01,
        max_grad_norm=1.0,
        train_sampling_strategy="sequential",  # as in the paper: the same row order in every epoch
        seed=spec.seed,
        max_length=None,  # rows are checked below; TRL would cut them without a word
        packing=False,  # the collator packs, so that a step keeps exactly its rows
        dataset_kwargs={"skip_prepare_dataset": True},  # rows come as tokens: Unsloth makes others of them than TRL
        loss_type=device.loss,
        neftune_noise_alpha=None,
        gradient_checkpointing=device.gradient_checkpointing,
        use_cpu=device.cpu,
        bf16=device.precision == "bfloat16",
        fp16=device.precision == "float16",
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        save_strategy="no",  # the callback saves what is evaluated, and tells the trainer when to keep its state
        logging_strategy="steps",
        logging_steps=1,  # so that the state holds the loss of every step, and the log is the same after a resumption
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # one process, one card: else a step would have its rows on each of them
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=tokenised,
        processing_class=tokenizer,
        peft_config=_lora(spec) if spec.method == "lora" and not isinstance(model, PeftModel) else None,
        data_collator=DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=packed),
    )
    # TRL makes adapters on 4-bit weights bfloat16: too coarse for small steps, and fp16 training cannot scale them
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    processes.add_up_in_float32(trainer)
    trainer.remove_callback(PrinterCallback)  # the callback below keeps the log
    key, state = None, None
    if resume:
        key = spec.key(_hash(rows))
        state = processes.of_first(partial(_state_to_go_on_from, folder, key, spec.steps))
        if state and (wrote := processes_of(state)) != n_processes:
            raise TrainingError(
                f"the training that stopped at {state} ran in {wrote} processes, this one has {n_processes}: "
                f"go on with {wrote}, or move that folder away to begin again"
            )
    with sigterm.noted(wanted=resume) as stop, packing.rows_apart(model) if packed else nullcontext():
        trainer.add_callback(_checkpoints(spec.steps, folder, key, stop))
        outcome = trainer.train(resume_from_checkpoint=str(state) if state else None)
    log = _log(trainer.state.log_history, spec.total_steps)
    if processes.is_first():
        with sealed.written_sealed(folder / "log.jsonl") as aside:
            aside.write_text(log)
    return {
        "seconds": round(outcome.metrics["train_runtime"], 1),
        "tokens": sum(map(len, tokenised["input_ids"])) * spec.epochs,
        "final_loss": json.loads(log.splitlines()[-1])["loss"],
    }


def tokenise(row: dict, tokenizer) -> dict:
    """Tokens of a row: {"input_ids", "labels"}, lists of the same length; labels are -100 up to the completion.

    `prompt` and `completion` are lists of messages, laid out by the chat template, or strings, behind which the
    end-of-text token is put. The completion begins where the tokens of the prompt alone and of the whole part.
    """
    prompt, whole = row["prompt"], row["prompt"] + row["completion"]
    if isinstance(prompt, str):
        prompt_ids = tokenizer(prompt)["input_ids"]
        ids = tokenizer(whole.removesuffix(tokenizer.eos_token) + tokenizer.eos_token)["input_ids"]
    else:
        prompt_ids = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
        ids = tokenizer.apply_chat_template(whole, return_dict=False)
    pairs = enumerate(zip(prompt_ids, ids, strict=False))
    start = next((i for i, (alone, within) in pairs if alone != within), len(prompt_ids))
    return {"input_ids": ids, "labels": [IGNORED] * start + ids[start:]}


def check_rows(tokenised: Iterable[dict], rows: list[dict], max_length: int) -> None:
    """Raise TrainingError if tokenisation lost a row, a row is too long, or nothing in a row would be learned."""
    lengths, empty = [], []
    for i, row in enumerate(tokenised):  # one at a time: as Python lists, the tokens of 20,000 long rows fill a memory
        lengths.append(len(row["input_ids"]))
        if all(label == IGNORED for label in row["labels"][1:]):
            empty.append(i)
    if len(lengths) != len(rows):
        raise TrainingError(f"{len(rows) - len(lengths)} of {len(rows)} rows vanished in tokenisation")
    if (longest := max(lengths)) > max_length:
        over = sum(length > max_length for length in lengths)
        raise TrainingError(
            f"{over} of {len(rows)} rows are longer than max_length = {max_length} and would lose their answer "
            f"(the longest, row {lengths.index(longest)}, has {longest} tokens). "
            "Raise max_length or leave these rows out."
        )
    for i in empty[:1]:
        raise TrainingError(f"row {i} has no token to learn: its completion is empty ({rows[i]['prompt']})")


def _state_to_go_on_from(folder: Path, key: str, steps: tuple[int, ...]) -> Path | None:
    sealed.set_damaged_aside(folder.glob("step-*"))
    return last_state(folder, key, steps)


def _lora(spec: Recipe):
    from peft import LoraConfig

    return LoraConfig(
        r=spec.lora_rank,
        lora_alpha=2 * spec.lora_rank,
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _checkpoints(steps: tuple[int, ...], folder: Path, key: str | None, stop: threading.Event):
    """A callback that saves the given steps, logs, and stops on a loss that is not finite.

    With a key it has the trainer keep its state at the same steps, and at the next one when it is asked to stop.
    """
    from transformers import TrainerCallback

    class Checkpoints(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step in steps:
                # it is there already where the run was cut short between the checkpoint and the trainer's state
                if not processes.of_first(checkpoint_folder(folder, state.global_step).exists):
                    save_checkpoint(model, folder, state.global_step)
                control.should_save = key is not None
            self.leaving = processes.any_of(stop.is_set())  # it may come to them in different steps, or to one alone
            control.should_save |= self.leaving

        def on_save(self, args, state, control, **kwargs):
            processes.of_first(partial(keep_state, folder, state.global_step, key))
            if self.leaving:
                sigterm.leave()

        def on_log(self, args, state, control, logs=None, **kwargs):
            if "loss" not in logs:
                return
            # with fp16 a gradient that is not finite is nothing new: the scaler leaves that step out
            if not (math.isfinite(logs["loss"]) and (args.fp16 or math.isfinite(logs["grad_norm"]))):
                raise TrainingError(
                    f"the loss is {logs['loss']} (gradient norm {logs['grad_norm']}) at step {state.global_step}: "
                    f"the run diverged. A smaller learning_rate than {args.learning_rate:g} may help."
                )
            if processes.is_first() and _is_logged(state.global_step, steps[-1]):
                with sealed.written_whole(folder / "log.jsonl") as aside:
                    aside.write_text(_log(state.log_history, steps[-1]))

    return Checkpoints()


def _is_logged(step: int, last: int) -> bool:
    return step % LOG_EVERY == 0 or step == last  # a short run has a log too


def _log(history: list[dict], last: int) -> str:
    """The lines of log.jsonl, from what the trainer noted of every step: a line has the mean loss since the one before.

    It is added up in float32, as the trainer itself does when it is told to log less often.
    """
    import numpy as np

    lines, losses = [], []
    for step in history:
        if "loss" in step:
            losses.append(step["loss"])
            if _is_logged(step["step"], last):
                mean = float(np.cumsum(losses, dtype=np.float32)[-1]) / len(losses)
                lines.append(json.dumps({"step": step["step"], "loss": mean, "rate": step["learning_rate"]}) + "\n")
                losses = []
    return "".join(lines)


def _hash(rows: list[dict]) -> str:
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps(row, sort_keys=True).encode())
    return found.hexdigest()
