"""Reading what models wrote: the kept answers of reference runs, step by step, with their backtracks judged."""

from rsft_utils import reference
from rsft_utils.micro.behaviours import backtracks
from rsft_utils.micro.item import Item
from rsft_utils.micro.score import visible_from
from rsft_utils.micro.symbols import ANSWER, END, END_THINK, THINK
from rsft_utils.printable import printable

STEPS = (0, 20, 80, 640)
LONGEST_SYMBOL = 200  # characters of one that are shown; those of the micro world have up to 11


def answers(arm: str, benchmark: str, run: int = 0):
    """The kept greedy answers of one run of an arm: a table with one row per prompt and one column per step."""
    table = reference.load_completions(arm)
    table = table[(table.benchmark == benchmark) & (table.decoding == "greedy")]
    runs = list(dict.fromkeys(table.run))
    rows = table[table.run == runs[run]]
    return rows.pivot(index="prompt", columns="step", values="completion")


def words(prompt: str, completion: str) -> list[tuple[str, str]]:
    """The symbols of an answer with their kind: valid or empty for a backtrack, frame around a thought, else plain.

    Symbols are made printable; whoever shows them still escapes them (see printable.py).
    """
    symbols = completion.split()
    thought = [i for i, symbol in enumerate(symbols[: visible_from(symbols)]) if symbol not in (THINK, END_THINK)]
    judged = backtracks(Item("", prompt, ""), " ".join(symbols[i] for i in thought))
    kinds = {thought[place]: "valid" if valid else "empty" for place, valid in judged.items()}
    frames = dict.fromkeys((THINK, END_THINK, END, ANSWER), "frame")
    return [
        (printable(symbol, LONGEST_SYMBOL), kinds.get(i, frames.get(symbol, "plain")))
        for i, symbol in enumerate(symbols)
    ]


def side_by_side(arms: dict[str, str], benchmark: str, prompt: int = 0, steps=STEPS):
    """What plots.answers draws: the same prompt, answered by one run of each arm at each step; and the prompt."""
    tables = {text: answers(arm, benchmark) for text, arm in arms.items()}
    shared = [p for p in next(iter(tables.values())).index if all(p in table.index for table in tables.values())]
    asked = shared[prompt]
    rows = [
        [(f"{text}, step {step}", words(asked, table.loc[asked, step])) for text, table in tables.items()]
        for step in steps
    ]
    return rows, printable(asked)
