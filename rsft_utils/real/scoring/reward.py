"""AlpacaEval prompts: how much a reward model likes the answers. A mean reward, not a share of right answers.

The paper's main reward model is allenai/Llama-3.1-8B-Instruct-RM-RB2; give any as a function.
"""

from collections.abc import Callable, Iterable

from rsft_utils.real.answers import visible


def read(row: dict, seed: int) -> tuple[dict, dict]:
    """Row with `instruction`."""
    return {"instruction": row["instruction"]}, {}


def rewards(prompts: Iterable[str], completions: Iterable[str], reward: Callable[[str, str], float]) -> list[float]:
    """The reward of each visible answer, also of an empty one. `reward` takes prompt and answer, as a chat would."""
    return [float(reward(prompt, visible(text))) for prompt, text in zip(prompts, completions, strict=True)]
