"""Which arms of the reference runs are drawn beside each other, and what of them."""

SCORES = [("ID", "score"), ("OOD", "score"), ("GEN", "score")]
WITH_LENGTH = [("ID", "score"), ("OOD", "score"), ("OOD", "length")]
WITH_REFUSALS = [("ID", "score"), ("OOD", "score"), ("SAFE", "refused")]
REASONING = [("ID", "score"), ("OOD", "score")]
# By notebook and figure: what the legend says -> arm, and the panels.
COMPARISONS = {
    "01_dip_and_recovery": {
        "short_runs": (
            {
                "eight epochs": "S",
                "one epoch": "S-one-epoch",
                "one epoch, a fifth of the rate": "S-slow-one-epoch",
                "two epochs, a fifth of the rate": "S-slow-two-epochs",
            },
            WITH_LENGTH,
        ),
        "teachers": ({"first teacher": "S", "second teacher": "S-teacher2"}, WITH_LENGTH),
        "repetition": (
            {
                "2,560 rows, eight times": "XS",
                "20,480 rows, once": "XS-one-pass",
                "20,480 rows, eight times, batch 256": "XS-diverse",
            },
            SCORES,
        ),
        "schedules": (
            {
                "8 epochs, cosine": "XS",
                "16 epochs, cosine": "XS-sixteen-epochs",
                "16 epochs, constant": "XS-constant-rate",
                "16 epochs, constant, twice the rate": "XS-aggressive",
            },
            WITH_LENGTH,
        ),
        "methods": (
            {"full fine-tuning": "XS", "LoRA, rank 8": "XS-lora8", "LoRA, rank 64": "XS-lora64"},
            WITH_REFUSALS,
        ),
        "controls": (
            {
                "default": "XS",
                "base that does not ramble": "XS-calm",
                "trained on its own samples": "XS-own-samples",
                "trained on answers alone": "XS-answer-only",
            },
            WITH_LENGTH,
        ),
        "worlds": (
            {"main world": "XS", "read from right to left": "XS-mirror", "Qwen2": "XS-qwen2"},
            WITH_LENGTH,
        ),
    },
    "02_data_quality_and_structure": {
        "data": (
            {
                "long CoT": "S",
                "without CoT": "S-nocot",
                "Numina-like": "S-numina-like",
                "Countdown": "S-countdown",
                "second teacher": "S-teacher2",
            },
            SCORES,
        ),
        "quality": (
            {
                "long, verified": "S",
                "long, wrong": "S-wrong-cot",
                "answer, verified": "S-answer-only",
                "answer, wrong": "S-wrong-answer",
            },
            SCORES,
        ),
        "structure": (
            {
                "long CoT": "S",
                "its numbers at random": "S-corrupted",
                "empty, as long": "S-empty",
                "without CoT": "S-nocot",
            },
            WITH_LENGTH,
        ),
        "loss_tokens": (
            {
                "without CoT, 640 steps": "S-nocot",
                "long CoT, 160 steps: as many tokens": "S-two-epochs",
                "answers alone, 640 steps": "S-answer-only",
                "long CoT, 40 steps: as many tokens": "S-half-epoch",
            },
            SCORES,
        ),
    },
    "03_model_capability": {
        "sizes": ({"S": "S", "XS": "XS"}, WITH_LENGTH),
        "traces_seen": ({"20 % traces in pre-training": "S", "5 %": "S-sparse"}, WITH_LENGTH),
        "families": ({"S, Qwen3": "S", "S, Qwen2": "S-qwen2", "XS, Qwen3": "XS", "XS, Qwen2": "XS-qwen2"}, REASONING),
        "countdown": (
            {
                "S, maths": "S",
                "S, Countdown": "S-countdown",
                "XS, maths": "XS",
                "XS, Countdown": "XS-countdown",
            },
            REASONING,
        ),
    },
    "04_safety_asymmetry": {
        "forms": (
            {
                "long CoT": "S",
                "without CoT": "S-nocot",
                "long CoT, 160 steps": "S-two-epochs",
                "answers alone": "S-answer-only",
            },
            WITH_REFUSALS,
        ),
        "replay": (
            {"no refusal among the rows": "S", "1 % refusals": "S-replay1", "5 % refusals": "S-replay5"},
            WITH_REFUSALS,
        ),
    },
}
WARM_UPS = {"no warm-up": "XS-no-warm-up", "10 % warm-up": "XS", "30 % warm-up": "XS-long-warm-up"}
