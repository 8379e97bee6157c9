"""The pre-training recipe of the micro base models: one pass over freshly drawn documents, next-symbol loss."""

import math
import time
from dataclasses import dataclass
from itertools import islice

from rsft_utils.micro.corpus import blocks
from rsft_utils.micro.models import SIZES, new_model

BFLOAT16_FROM_WIDTH = 128  # narrower models lose more by the casts than the products gain (0.7x for XS, 1.3x for S)


@dataclass(frozen=True)
class PretrainConfig:
    """Optimiser settings, the same for every size and seed. A step sees `batch_size * block_size` symbols."""

    tokens: int = 6_000_000
    block_size: int = 256
    batch_size: int = 8
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    weight_decay: float = 0.05


def pretrain(size: str, seed: int, world: "World", config: PretrainConfig, log=print):  # noqa: F821
    """Train a base model from scratch on the CPU and return it in evaluation mode.

    The matrix products run in bfloat16 (autocast) where weights and optimiser stay in float32. A rebuilt base equals
    the shipped one bit for bit only on the same kind of CPU with the same versions and one thread.
    """
    import torch

    torch.manual_seed(seed)
    model = new_model(size, world.architecture)
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True
    )
    stream = blocks(world.corpus, seed, config.block_size)
    steps = config.tokens // (config.block_size * config.batch_size)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(step, steps, config.warmup_steps)
        ids, labels = torch.tensor(list(islice(stream, config.batch_size))).unbind(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=SIZES[size].width >= BFLOAT16_FROM_WIDTH):
            loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 99:
            speed = (step + 1) * config.block_size * config.batch_size / (time.monotonic() - started)
            log(f"{size} seed {seed}: step {step + 1}/{steps}, loss {loss.item():.3f}, {speed:,.0f} symbols/s")
    return model.eval()


def _schedule(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then a cosine to 5 % of the peak."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
