"""Speed on this machine, one thread, as ratios within one run: ours against the libraries' own ways.

Training: `train` (rows of a step packed) against TRL's SFTTrainer with its defaults except gradient checkpointing off,
and the same in float32 (its default is bfloat16). Generation: `generate` against `model.generate` in batches of 16, on
the answers of a fine-tuned model, of all lengths, and on answers that all reach the limit, where no row ends early.
Only useful tokens count: no padding, nothing after the end of an answer.
"""

import os
import statistics
import tempfile
import time
from functools import lru_cache, partial

from rsft_utils.bench.machine import keep
from rsft_utils.bench.training import trained
from rsft_utils.specs import default_spec

SIZE = "S"
STEPS = 40
PROMPTS_PER_BENCHMARK = 32
ROUNDS = 3  # every variant in turn, so that a drifting machine hits all alike; the median counts


def main() -> None:
    """Measure, print a table, and write data/bench/speed.csv."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import datasets
    import pandas as pd
    import torch
    import transformers

    torch.set_num_threads(1)
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    timings: dict[tuple[str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for (work, name), measure in _MEASURED.items():
            timings.setdefault((work, name), []).append(measure())
    rows = []
    for (work, name), speeds in timings.items():
        ours = statistics.median(next(iter(v for (w, _), v in timings.items() if w == work)))
        median = statistics.median(speeds)
        rows.append(
            {
                "work": work,
                "variant": name,
                "tokens_per_second": round(median),
                "ours_is_faster": round(ours / median, 2),
            }
        )
    table = pd.DataFrame(rows).assign(size=SIZE, threads=1, torch=torch.__version__)
    keep(table, "speed")


def _spec():
    return default_spec(SIZE, n_rows=32 * STEPS, epochs=1)


def _train_ours() -> float:
    _, outcome = trained(_spec())
    return outcome["tokens"] / outcome["seconds"]


def _train_trl(**changes) -> float:
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    from rsft_utils.micro import bases, sft_data, symbols

    spec = _spec()
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            max_steps=STEPS,
            per_device_train_batch_size=spec.batch_size,  # the same rows per step
            learning_rate=spec.learning_rate,
            gradient_checkpointing=False,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            **changes,
        )
        trainer = SFTTrainer(
            model=bases.load(spec.base),
            args=arguments,
            train_dataset=Dataset.from_list(sft_data.rows(spec.dataset, spec.n_rows, spec.seed)),
            processing_class=symbols.make_tokenizer(),
        )
        trainer.remove_callback(PrinterCallback)
        tokens = sum(map(len, trainer.train_dataset["input_ids"]))
        return tokens / trainer.train().metrics["train_runtime"]


@lru_cache(maxsize=1)
def _answers_of_all_lengths():
    """A model after 80 steps, which thinks about most problems and comes to no end in some, and the problems."""
    from rsft_utils.micro.symbols import ASSISTANT, USER

    model, _ = trained(default_spec(SIZE, n_rows=640, epochs=4))
    return model.eval(), _prompts(f"{USER} {{}} {ASSISTANT}")


@lru_cache(maxsize=1)
def _answers_at_the_limit():
    """A base that is made to think, which it was not taught to end."""
    from rsft_utils.micro import bases
    from rsft_utils.micro.symbols import ASSISTANT, THINK, USER

    return bases.load(f"{SIZE}-seed0"), _prompts(f"{USER} {{}} {ASSISTANT} {THINK}")


def _prompts(layout: str) -> list[list[int]]:
    from rsft_utils.micro.benchmarks import BENCHMARKS, items
    from rsft_utils.micro.symbols import encode

    asked = [item for name in BENCHMARKS for item in items(name, PROMPTS_PER_BENCHMARK)]
    return [encode(layout.format(item.prompt)) for item in asked]


def _generate_ours(work) -> float:
    from rsft_utils.evaluate import MAX_NEW_TOKENS
    from rsft_utils.generate import generate

    model, prompts = work()
    started = time.monotonic()
    completions = generate(model, prompts, MAX_NEW_TOKENS)
    return sum(map(len, completions)) / (time.monotonic() - started)


def _generate_transformers(work) -> float:
    import torch

    from rsft_utils.evaluate import MAX_NEW_TOKENS
    from rsft_utils.micro import symbols

    (model, prompts), tokenizer = work(), symbols.make_tokenizer()
    tokens, started = 0, time.monotonic()
    for start in range(0, len(prompts), 16):
        batch = tokenizer.pad({"input_ids": prompts[start : start + 16]}, return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**batch, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
        tokens += int((output[:, batch["input_ids"].shape[1] :] != tokenizer.pad_token_id).sum())
    return tokens / (time.monotonic() - started)


_MEASURED = {
    ("training", "ours, packed steps"): _train_ours,
    ("training", "TRL defaults"): _train_trl,
    ("training", "TRL in float32"): partial(_train_trl, bf16=False),
}
for _work, _prepare in (("all lengths", _answers_of_all_lengths), ("all at the limit", _answers_at_the_limit)):
    _MEASURED[f"generation, {_work}", "ours"] = partial(_generate_ours, _prepare)
    _MEASURED[f"generation, {_work}", "model.generate, batches of 16"] = partial(_generate_transformers, _prepare)
