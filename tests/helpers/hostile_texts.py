"""Texts as a hostile model might write them, each made from a number; and everything of ours that reads such texts.

`text(number)` gives the same text for the same number in every process, so that a text that breaks something is named
by its number. Run as a program it writes, as JSON, what Python's auditing reports while our readers read:

    python tests/helpers/hostile_texts.py FIRST COUNT [also a reader of FOUND_OUT]
"""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from random import Random

from hostile_pieces import DIGITS, FORMS, FRAGMENTS, OPERANDS, OPERATIONS, SIGNS, THOUGHTS

from rsft_utils.micro import behaviours, score
from rsft_utils.micro import countdown as micro_countdown
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.micro.benchmarks import items as micro_items
from rsft_utils.micro.item import Item
from rsft_utils.micro.symbols import SYMBOLS
from rsft_utils.micro.traces import careful_trace, careless_trace, second_teacher
from rsft_utils.printable import printable
from rsft_utils.reader import words
from rsft_utils.real import answers, countdown
from rsft_utils.real.countdown import game
from rsft_utils.real.evaluate import MARKERS
from rsft_utils.real.scoring import choice, code, hallucination, phrases, safety, truthful
from rsft_utils.real.scoring.verdict import NotJudged

OUTCOMES = score.OUTCOMES
LONGEST = 4000  # characters, unless a text is a long one on purpose

PROBLEMS = (countdown.Problem((44, 19, 35), 98), countdown.Problem((8, 3, 8, 3), 24))
ITEMS = tuple(micro_items(name, 1)[0] for name in BENCHMARKS) + (micro_countdown.countdown(Random(0)),)


@cache
def worked() -> list[str]:
    """Completions that are right: micro traces of all kinds, and Countdown in words."""
    made = []
    for seed, item in enumerate(item for item in ITEMS if item.trace):
        for kind in (careful_trace, second_teacher):
            made.append(f"{kind(item, Random(seed))} <end>")
        made.append(careless_trace(item, Random(seed), noticed_share=0.5, rambles=True))
    thoughts = [game.trace(PROBLEMS[0], Random(seed)) for seed in range(12)]
    return made + thoughts + [answers.visible(thought) for thought in thoughts]


def text(number: int) -> str:
    """A text like those that models write, made from a number: a right one spoilt, an answer, a soup, noise."""
    rng = Random(number)
    made = rng.choice((_spoilt, _answer, _soup, _soup, _noise))(rng)
    if rng.random() < 0.002:
        return (made or "9") * rng.randint(1, 50)  # a long one
    return made[:LONGEST]


def _spoilt(rng: Random) -> str:
    made = rng.choice(worked())
    for _ in range(rng.randint(1, 4)):
        made = _mutated(made, rng)
    return made


def _answer(rng: Random) -> str:
    """Perhaps a thought, then an answer in one of many forms, with an expression in it."""
    expression = _expression(rng, rng.randint(0, 4))
    made = rng.choice(THOUGHTS) + rng.choice(FORMS).replace("%s", expression)
    return _mutated(made, rng) if rng.random() < 0.5 else made


def _expression(rng: Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(OPERANDS)
    left, right = _expression(rng, depth - 1), _expression(rng, rng.randrange(depth))
    return rng.choice(OPERATIONS).format(left, rng.choice(SIGNS), right)


def _soup(rng: Random) -> str:
    source = rng.choice((FRAGMENTS, FRAGMENTS, SYMBOLS))
    return rng.choice(("", " ")).join(rng.choices(source, k=rng.randint(0, 40)))


def _noise(rng: Random) -> str:
    """Any characters at all, surrogates included."""
    top = rng.choice((0x80, 0x250, 0x3000, 0x110000))
    return "".join(chr(rng.randrange(top)) for _ in range(rng.randint(0, 120)))


def _mutated(made: str, rng: Random) -> str:
    at = rng.randint(0, len(made))
    to = min(len(made), at + int(rng.expovariate(1 / 20)))
    piece = rng.choice(FRAGMENTS)
    kind = rng.randrange(8)
    if kind == 0:
        return made[:at] + piece + made[at:]
    if kind == 1:
        return made[:at] + made[to:]
    if kind == 2:
        return made[:to] + made[at:to] * rng.randint(1, 20) + made[to:]
    if kind == 3:
        return made[:at]  # cut off
    if kind == 4:
        return made.translate(rng.choice(DIGITS))
    if kind == 5:
        return made.replace(rng.choice((" ", "=", "</think>", "}", "no")), piece)
    if kind == 6:
        return made[:at] + piece * rng.randint(1, 60) + made[at:]
    return made[to:] + made[:at]


# Everything that reads them. A reader raises if what it finds is not of the promised kind.


def _item(made: str) -> Item:
    return ITEMS[len(made) % len(ITEMS)]


def _micro_score(made: str) -> None:
    found = score.score(_item(made), made)
    assert found.outcome in OUTCOMES and found.n_tokens <= len(made)


def _micro_replay(made: str) -> None:
    found = behaviours.replay(_item(made), made)
    assert 0 <= found.right_steps <= found.steps and 0 <= found.valid_backtracks <= found.markers


def _micro_backtracks(made: str) -> None:
    symbols = made.split()
    assert {symbols[place] for place in behaviours.backtracks(_item(made), made)} <= {"wait", "no"}


def _words(made: str) -> None:
    assert all(symbol.isprintable() for symbol, _ in words(_item(made).prompt, made))


def _verify(made: str) -> None:
    modulus = (None, 10)[len(made) % 2]
    assert isinstance(micro_countdown.verify(made, (44, 19, 35), 98, modulus=modulus), micro_countdown.Verdict)


def _final_answer(made: str) -> None:
    assert made.endswith(answers.visible(made))
    box = answers.last_boxed(made)
    assert box is None or box in made
    assert answers.thinks_aloud(made) or answers.visible(made) == made


def _countdown_score(made: str) -> None:
    assert countdown.score(PROBLEMS[len(made) % 2], made) in OUTCOMES


def _countdown_replay(made: str) -> None:
    found = game.replay(PROBLEMS[len(made) % 2], made)
    assert 0 <= found.right_steps <= found.steps and found.valid_backtracks <= found.markers <= found.steps + 1


def _choice(made: str) -> None:
    letter = choice.find_letter(made, "ABCD")
    assert letter is None or letter in "ABCD"


def _yes_or_no(made: str) -> None:
    assert hallucination.judge({"hallucination": "yes"}, made, True).outcome in OUTCOMES


def _refusal(made: str) -> None:
    assert isinstance(phrases.refuses(made), bool)


def _judges_reply(made: str) -> None:
    """A judge is a model, too: what it says is the hostile text."""
    with suppress(NotJudged):
        assert 1 <= safety.five_point("request", made, lambda prompt: made) <= 5
    with suppress(NotJudged):
        assert truthful.judge_truth({"question": made}, made, True, lambda prompt: made).outcome in OUTCOMES


def _program(made: str) -> None:
    """The program is found in the text, not run."""
    assert code.judge({}, made, True, lambda reference, program: program in made).outcome in ("correct", "no_answer")


def _markers(made: str) -> None:
    assert all(found for found in MARKERS.findall(made))


def _printable(made: str) -> None:
    assert printable(made).replace("\n", "").replace("\t", "").isprintable()


READERS: dict[str, Callable[[str], None]] = {
    "micro score": _micro_score,
    "micro replay": _micro_replay,
    "micro backtracks": _micro_backtracks,
    "words of an answer": _words,
    "Countdown verifier": _verify,
    "final answer": _final_answer,
    "Countdown score": _countdown_score,
    "Countdown replay": _countdown_replay,
    "choice": _choice,
    "yes or no": _yes_or_no,
    "refusal phrases": _refusal,
    "judge's reply": _judges_reply,
    "program in a text": _program,
    "announced changes of mind": _markers,
    "text to show": _printable,
}


# Readers as nobody should write them: what the auditing must find out.


def _evaluates(made: str) -> None:
    with suppress(Exception):
        eval(made[:20].replace("\x00", ""))


def _opens(made: str) -> None:
    with suppress(OSError, ValueError):
        open(f"/nowhere/{made[:20]}").close()


def _starts(made: str) -> None:
    import subprocess

    subprocess.run([sys.executable, "-c", ""], check=True)


def _imports(made: str) -> None:
    with suppress(ImportError):
        __import__(f"nothing_{len(made)}")


FOUND_OUT: dict[str, tuple[Callable[[str], None], str]] = {  # and the event that gives it away
    "eval": (_evaluates, "compile"),
    "open": (_opens, "open"),
    "subprocess": (_starts, "subprocess.Popen"),
    "import": (_imports, "import"),
}


def audited(first: int, count: int, culprit: str = "") -> dict[str, list[str]]:
    """Events of Python's auditing (sys.audit) while each reader reads `count` texts; readers without any are left out.

    A hook stays until its process ends: call this in a process of its own.
    """
    readers = READERS if not culprit else {culprit: FOUND_OUT[culprit][0]}
    made = [text(number) for number in range(first, first + count)]
    for read in READERS.values():
        read("28 + 7 = 35")  # what is imported or compiled once, at the first use
    found: dict[str, set[str]] = {}
    now = ""

    def hook(event: str, arguments) -> None:
        if now:
            found.setdefault(now, set()).add(event)

    sys.addaudithook(hook)
    for name, read in readers.items():
        for each in made:
            now = name
            read(each)
            now = ""
    return {name: sorted(events) for name, events in found.items()}


if __name__ == "__main__":
    print(json.dumps(audited(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))
