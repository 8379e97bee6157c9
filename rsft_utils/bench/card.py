"""Training speed and memory on an NVIDIA card: Unsloth beside transformers, PEFT and bitsandbytes.

Every preset's model that fits the card is trained for a few steps by both, with random weights of its shape (see
real/plan/probe.py): the same rows, the same adapter, the same 4-bit or 16-bit weights. Was never run: no card was at
hand.
"""

from rsft_utils import paths

BACKENDS = ("unsloth", "transformers")


def main() -> None:
    """Print a table and write data/bench/card.csv. Raises ValueError where there is no card."""
    import pandas as pd

    from rsft_utils.real.plan import hours, presets
    from rsft_utils.real.plan.memory import shape, training_peak
    from rsft_utils.real.plan.probe import probe

    card = hours.find_card()
    if card is None:
        raise ValueError("bench card needs an NVIDIA card, and PyTorch sees none here; bench speed needs no card")
    rows = []
    for name, preset in presets.PRESETS.items():
        spec = preset.main
        sizes = {"rank": spec.lora_rank, "tokens": spec.max_length, "four_bit": spec.four_bit, "card": card.memory}
        for backend in BACKENDS if name != presets.CPU else ():
            planned = training_peak(shape(spec.base_model), **sizes, backend=backend).total
            if planned > card.memory:
                print(f"{name} with {backend} needs about {planned:.0f} GB: left out", flush=True)
                continue
            found = probe(spec, backend)
            rows.append((name, spec.base, spec.max_length, backend, found.tokens_per_second, found.peak, planned))
            print(*rows[-1], flush=True)  # what was measured is not lost if the next one fails
    columns = ["preset", "model", "row_tokens", "backend", "tokens_per_second", "peak_gb", "planned_gb"]
    table = pd.DataFrame(rows, columns=columns).round(1).assign(card=card.name)
    print(table.to_string(index=False))
    paths.BENCH.mkdir(parents=True, exist_ok=True)
    table.to_csv(paths.BENCH / "card.csv", index=False)
