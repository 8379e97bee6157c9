"""A row of an items table."""


def item(number, benchmark, outcome, **others):
    return {
        "run": "r",
        "step": 10,
        "benchmark": benchmark,
        "item": f"item{number}",
        "mode": "free",
        "decoding": "greedy",
        "outcome": outcome,
        "cut_off": False,
        "long_format": False,
        "n_tokens": 3,
        "steps": 0,
        "right_steps": 0,
        "markers": 0,
        "valid_backtracks": 0,
        "refusal_mass": float("nan"),
        "prompt": "",
        "completion": "",
        **others,
    }
