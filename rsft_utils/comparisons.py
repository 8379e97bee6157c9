"""Which arms of the reference runs are drawn beside each other, and what of them."""

SCORES = [("ID", "score"), ("OOD", "score"), ("GEN", "score")]
WITH_LENGTH = [("ID", "score"), ("OOD", "score"), ("OOD", "length")]
WITH_REFUSALS = [("ID", "score"), ("OOD", "score"), ("SAFE", "refused")]
REASONING = [("ID", "score"), ("OOD", "score")]
PROCEDURE = [("OOD", "length"), ("OOD", "markers"), ("OOD", "valid_backtracks")]
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
                "random numbers, as long": "S-corrupted",
                "empty thought, as long": "S-empty",
                "without CoT": "S-nocot",
            },
            WITH_LENGTH,
        ),
        "loss_tokens": (
            {
                "without CoT, 640 steps": "S-nocot",
                "long CoT, 160 steps": "S-two-epochs",
                "answers alone, 640 steps": "S-answer-only",
                "long CoT, 40 steps": "S-half-epoch",
            },
            SCORES,
        ),
    },
    "03_model_capability": {
        "sizes": ({"S": "S", "XS": "XS"}, WITH_LENGTH),
        "procedure": ({"S": "S", "XS": "XS"}, PROCEDURE),
        "traces_seen": ({"S, 20 % traces in pre-training": "S", "S, 5 % traces": "S-sparse"}, WITH_LENGTH),
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
            {
                "XS, no refusal among the rows": "XS",
                "XS, 1 % refusals": "XS-replay1",
                "XS, 5 % refusals": "XS-replay5",
                "XS, 16 epochs, constant": "XS-constant-rate",
                "XS, 16 epochs, 5 % refusals": "XS-constant-replay5",
            },
            WITH_REFUSALS,
        ),
    },
}
WARM_UPS = {"no warm-up": "XS-no-warm-up", "10 % warm-up": "XS", "30 % warm-up": "XS-long-warm-up"}
# The paper's runs that show the same: what the legend says -> model and data set.
_SETS = {
    "long CoT": "Math-CoT-20k",
    "without CoT": "Math-NoCoT-20k",
    "human solutions": "NuminaMath-20k",
    "Countdown": "Countdown-CoT-20k",
}
PUBLISHED = {
    "01_dip_and_recovery": {"Qwen3-4B": ("Qwen3-4B", "Math-CoT-20k"), "Qwen3-1.7B": ("Qwen3-1.7B", "Math-CoT-20k")},
    "02_data_quality_and_structure": {
        f"{model}, {text}": (model, data)
        for model in ("Qwen3-14B", "Qwen3-8B", "InternLM2.5-20B")
        for text, data in _SETS.items()
    },
    "03_model_capability": {
        model: (model, "Math-CoT-20k")
        for model in ("Qwen3-1.7B", "Qwen3-4B", "Qwen3-8B", "Qwen3-14B", "InternLM2.5-20B", "Gemma3-27B")
    },
    "04_safety_asymmetry": {
        f"{model}, {text}": (model, _SETS[text])
        for model in ("Qwen3-14B", "Qwen3-8B", "Qwen3-4B")
        for text in ("long CoT", "without CoT")
    },
}
# Gain against safety: every kind of run that says something about it.
ASYMMETRY = {
    "S, long CoT": "S",
    "S, without CoT": "S-nocot",
    "S, answers alone": "S-answer-only",
    "XS, long CoT": "XS",
    "XS, 1 % refusals": "XS-replay1",
    "XS, 5 % refusals": "XS-replay5",
    "XS, answers alone": "XS-answer-only",
    "XS, LoRA 8": "XS-lora8",
    "XS, LoRA 64": "XS-lora64",
    "XS, 16 epochs, constant": "XS-constant-rate",
    "XS, the same, 5 % refusals": "XS-constant-replay5",
    "XS, constant at twice the rate": "XS-aggressive",
}
# Where refusals are lost, and where not: a column each of those whose probability of a refusal was measured.
REFUSALS = {
    "S, long CoT": "S",
    "S, without CoT": "S-nocot",
    "XS, long CoT": "XS",
    "XS, 1 % refusals": "XS-replay1",
}
# The panels of the four-panel figure that compare arms.
FOUR_FINDINGS = {
    "data": {
        "long CoT": "S",
        "second teacher": "S-teacher2",
        "Countdown": "S-countdown",
        "without CoT": "S-nocot",
        "Numina-like": "S-numina-like",
        "answers alone": "S-answer-only",
    },
    "bases": {"S, 0.87 M parameters": "S", "XS, 0.17 M parameters": "XS", "S, a quarter of the traces": "S-sparse"},
    "safety": {
        "S, long CoT": "S",
        "S, without CoT": "S-nocot",
        "XS, long CoT": "XS",
        "XS, 1 % refusals": "XS-replay1",
        "XS, LoRA 64": "XS-lora64",
    },
}
# By notebook and figure: whose answers to the same prompt are put side by side, from which benchmark, to
# which of its kept prompts.
ANSWERS = {
    "03_model_capability": {
        "answers_search": ({"XS (weak)": "XS", "S (strong)": "S"}, "lock", 0),
        "answers_tracking": ({"XS (weak)": "XS", "S (strong)": "S"}, "tracking", 0),
    },
    "04_safety_asymmetry": {
        "answers_harmful": ({"XS, full fine-tuning": "XS", "XS, LoRA 64": "XS-lora64"}, "harmful", 16),
    },
}
