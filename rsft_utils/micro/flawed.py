"""The same maths problems with worse completions: what takes the quality of data and its structure apart.

A *wrong* problem carries one slip that nobody notices to a wrong answer. A *corrupted* thought keeps the form of a good
one and says nothing; an *empty* one is only as long. *Skipping* solutions are written as people write them for people.
"""

from dataclasses import replace

from rsft_utils.micro.arithmetic import in_range, operate, step
from rsft_utils.micro.item import Item, Segment, slipped
from rsft_utils.micro.symbols import ANSWER, NUMBERS
from rsft_utils.micro.traces import careful_trace, closed, solution, thought

FILLER = ";"  # what an empty thought is made of
SKIPPED_SHARE = 0.5  # of the steps of a skipping solution
WRONG_SHARE = 0.1  # of skipping solutions


def wrong_trace(item: Item, rng) -> str:
    """A long trace with checks and backtracks that ends at a wrong answer; a check of the slip itself confirms it."""
    return careful_trace(wrong(item, rng), rng)


def wrong_answer(item: Item, rng) -> str:
    """A wrong answer and nothing else: the one that `wrong_trace` comes to with the same generator."""
    return f"{ANSWER} {wrong(item, rng).answer}"


def corrupted_trace(item: Item, rng) -> str:
    """A careful trace in which every number of the thought is a random one; summary and answer are right.

    After the "structure, not content" experiments of Li et al. 2025 (arXiv 2502.07374).
    """
    symbols = thought(item, rng, noticed_share=1.0).split()
    return closed(item, " ".join(rng.choice(NUMBERS) if symbol in NUMBERS else symbol for symbol in symbols))


def empty_trace(item: Item, rng) -> str:
    """A thought as long as the careful one, without a word in it; summary and answer are right."""
    length = len(thought(item, rng, noticed_share=1.0).split())
    return closed(item, " ".join([FILLER] * length))


def skipping_solution(item: Item, rng) -> str:
    """A short solution in one of three styles, half of its steps left out, a tenth of them wrong (Numina-like)."""
    if rng.random() < WRONG_SHARE:
        item = wrong(item, rng)
    written = [each for each in solution(item) if rng.random() >= SKIPPED_SHARE]
    style = rng.choice(("equations", "results", "answer"))
    if not written or style == "answer":
        return f"{ANSWER} {item.answer}"
    if style == "results":
        return f"so {' , '.join(each.result for each in written)} {ANSWER} {item.answer}"
    return f"{' , '.join(replace(each, mark='').text for each in written)} {ANSWER} {item.answer}"


def wrong(item: Item, rng) -> Item:
    """The problem with a trace, a summary and an answer that a slip has led astray."""
    return {"chain": _wrong_chain, "equation": _wrong_candidate, "sequence": _wrong_term}[item.family](item, rng)


def _wrong_chain(item: Item, rng) -> Item:
    """One step slips and the following ones go on from there, all in range."""
    right = [segment.steps[0] for segment in item.trace]
    while True:
        at = rng.randrange(len(right))
        steps = [*right[:at], slipped(right[at], rng)]
        for following in right[at + 1 :]:
            _, sign, operand = following.left.split()
            steps.append(step(int(steps[-1].result), sign, int(operand), following.mark))
        if all(in_range(int(each.result)) for each in steps):
            break
    summary = "so " + " , ".join(each.result for each in steps)
    return replace(item, trace=tuple(Segment((each,)) for each in steps), answer=steps[-1].result, summary=summary)


def _wrong_term(item: Item, rng) -> Item:
    """The last term of a sequence slips."""
    last = slipped(item.trace[-1].steps[0], rng)
    summary = " ".join([*item.summary.split()[:-1], last.result])
    return replace(item, trace=(*item.trace[:-1], Segment((last,))), answer=last.result, summary=summary)


def _wrong_candidate(item: Item, rng) -> Item:
    """A candidate that does not fit is taken, because its last step slips to the goal.

    As many attempts as before fail; the last that can is the right candidate's own, by a slip of its last step.
    """
    right, goal = item.trace[-1], item.trace[-1].steps[-1].result
    taken, *others = rng.sample([x for x in item.prompt.partition(" in ")[2].split() if x != item.answer], 2)
    failed = [*others, item.answer][: len(item.trace) - 1]
    attempts = [_attempt(right, x, goal, slips=x == item.answer, rng=rng) for x in failed]
    steps = [*_attempt(right, taken, goal, slips=False, rng=rng).steps]
    steps[-1] = replace(steps[-1], result=goal)
    attempts.append(Segment(tuple(steps), opening=f"try {taken}", verdict=f"goal {goal} ok"))
    summary = "so " + " , ".join(each.text for each in steps)
    return replace(item, trace=tuple(attempts), answer=taken, summary=summary)


def _attempt(right: Segment, candidate: str, goal: str, *, slips: bool, rng) -> Segment:
    """The steps of the right attempt for another candidate, given up at the end."""
    value, steps = int(candidate), []
    for each in right.steps:
        _, sign, operand = each.left.split()
        steps.append(step(value, sign, int(operand), each.mark))
        value = operate(value, sign, int(operand))
    if slips:
        steps[-1] = slipped(steps[-1], rng)
    return Segment(tuple(steps), opening=f"try {candidate}", verdict=f"goal {goal} no")
