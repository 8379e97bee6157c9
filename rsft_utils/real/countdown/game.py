"""Word-level Countdown: combine three or four numbers to a target, the game of TinyZero and of Countdown-CoT-20k.

Everything is generated offline: a training set with long thoughts (or without them), and a benchmark whose sets of
numbers never occur in training. Not a copy of the authors' rows: their thoughts are sampled from Qwen3-32B, ours are
written by rules and much shorter.

Words (split at blanks) in 20,480 rows of seed 0: with a thought 436 on average, 260 / 406 / 720 at the 5th, 50th and
95th percentile, from 144 to 1,006 (three numbers: 361 on average, four: 508); without it 26 to 42. Tokens: unmeasured.
"""

import hashlib
import re
from dataclasses import dataclass
from itertools import chain, pairwise
from random import Random

from rsft_utils.micro.behaviours import Behaviours
from rsft_utils.micro.countdown import Verdict, verify
from rsft_utils.real.answers import last_boxed, visible
from rsft_utils.real.countdown.arithmetic import plain, statements
from rsft_utils.real.countdown.search import reachable
from rsft_utils.real.countdown.trace import completion
from rsft_utils.recipe import one_of

VERSION = 1  # raised when the same call would give other rows
SPLITS = ("train", "test")
FORMS = ("cot", "nocot")
LARGEST_NUMBER = 99
TARGETS = range(10, 1000)
_PROMPT = r"""Combine the numbers with +, -, *, / and parentheses to reach the target. Use every number exactly once.
Numbers: {numbers}
Target: {target}
Please reason step by step, and put your final answer within \boxed{{}}."""


@dataclass(frozen=True)
class Problem:
    """A game of Countdown."""

    numbers: tuple[int, ...]
    target: int

    @property
    def id(self) -> str:
        """`countdown-44-19-35-98`: the numbers, then the target."""
        return "-".join(map(str, ("countdown", *self.numbers, self.target)))

    @property
    def prompt(self) -> str:
        return _PROMPT.format(numbers=list(self.numbers), target=self.target)


def split_of(numbers: tuple[int, ...]) -> str:
    """`test` for a tenth of all sets of numbers, whatever their order and target; `train` for the rest."""
    content = ",".join(map(str, sorted(numbers)))
    return "train" if int.from_bytes(hashlib.sha256(content.encode()).digest()[:8]) % 10 else "test"


def problems(n: int, seed: int, split: str = "train") -> list[Problem]:
    """`n` solvable problems of a split, no set of numbers twice; fewer are the beginning of more.

    Three or four numbers from 1 to 99, and a target from 10 to 999 that whole numbers on the way can reach. All such
    targets of a set of numbers are equally likely. Raises ValueError for another split.
    """
    one_of("split", split, SPLITS)
    rng = Random(f"countdown-{split}-{seed}")
    found: dict[tuple[int, ...], Problem] = {}
    while len(found) < n:
        numbers = tuple(rng.randint(1, LARGEST_NUMBER) for _ in range(rng.choice((3, 4))))
        if split_of(numbers) == split and tuple(sorted(numbers)) not in found:
            targets = sorted(value for value in reachable(numbers) if value in TARGETS)
            if targets:
                found[tuple(sorted(numbers))] = Problem(numbers, rng.choice(targets))
    return list(found.values())


def items(n: int, seed: int = 0) -> list[tuple[str, str, Problem]]:
    """The benchmark: (id, prompt, problem) of `n` test problems; fewer are the beginning of more."""
    return [(problem.id, problem.prompt, problem) for problem in problems(n, seed, "test")]


def rows(n: int, seed: int, form: str = "cot") -> list[dict]:
    """`n` training rows {"prompt": [user turn], "completion": [assistant turn]}, in the order of training.

    `nocot` is `cot` without its thought: the same problems, summaries and answers, as in the authors' pair of sets.
    Raises ValueError for another form.
    """
    one_of("form", form, FORMS)
    made = []
    for problem in problems(n, seed):
        text = trace(problem, Random(f"countdown-trace-{seed}-{problem.id}"))
        if form == "nocot":
            text = visible(text).lstrip()
        made.append(
            {
                "prompt": [{"role": "user", "content": problem.prompt}],
                "completion": [{"role": "assistant", "content": text}],
            }
        )
    return made


def trace(problem: Problem, rng: Random) -> str:
    r"""`<think>` a thought that searches `</think>` a worked summary with the expression in \boxed{}.

    Raises ValueError for a problem that whole numbers on the way cannot solve.
    """
    return completion(problem.numbers, problem.target, rng)


def score(problem: Problem, text: str) -> str:
    r"""`correct`, `wrong` or `no_answer`: judges the last \boxed{} after the last `</think>`. Never raises.

    An answer is an expression with every number exactly once, + - * / or their signs in print and TeX (also \frac), and
    `= target` behind it if the model likes. It is computed exactly, within the bounds of micro.countdown.verify. Signs
    before a number, powers, juxtaposition and square brackets are refused. A thought that is never closed leaves no
    answer.
    """
    answer = last_boxed(visible(text))
    if answer is None:
        return "no_answer"
    expression, _, result = " ".join(plain(answer).split()).partition("=")
    if result and result.strip() != str(problem.target):
        return "wrong"
    return "correct" if verify(expression, problem.numbers, problem.target) is Verdict.CORRECT else "wrong"


MARKER = re.compile(
    r"\b(wait|(go|going|went|step|stepping) back|back to|backtrack\w*|give up|giving up|instead|alternatively|hmm, no"
    r"|(try|trying) (another|something else|a different|different)|another (approach|way|combination|option)"
    r"|(doesn't|does not|didn't|did not|won't|isn't) (seem to )?work\w*|not working|start(ing)? over|scratch that"
    r"|dead end|no luck|that's not (it|right|correct))\b",
    re.IGNORECASE,
)


def replay(problem: Problem, text: str) -> Behaviours:
    """Steps and backtracks of a completion's thought (of the whole text where no thought is closed). Never raises.

    Steps are arithmetic statements, as arithmetic.py finds them. A backtrack is a place between two steps (or behind
    the last) with a MARKER, however many; it is valid if there is a step before it that is false or misses the target.
    Rule-based: it does not see whether a step uses the right numbers, so giving up 63 + 35 = 98 because a number is
    left over counts as invalid; nor whether what follows is new; nor a change of mind in words that MARKER lacks.
    """
    text = plain(text.rpartition("</think>")[0] or text)
    steps = list(statements(text))
    cuts = [0, *chain.from_iterable((step.start, step.end) for step in steps), len(text)]
    marked = [bool(MARKER.search(text[start:end])) for start, end in list(pairwise(cuts))[::2]]
    valid = [
        mark and not (step.is_true and step.gives(problem.target)) for step, mark in zip(steps, marked[1:], strict=True)
    ]
    return Behaviours(len(steps), sum(step.is_true for step in steps), sum(marked), sum(valid))
