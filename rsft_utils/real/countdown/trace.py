"""The search in English: a thought that tries, computes, misses, goes back, finds and checks; then a worked summary."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from random import Random

from rsft_utils.real.countdown import phrases
from rsft_utils.real.countdown.search import FAR, Move, Table, after, given, moves, search

REMARK_SHARE, BOUND_SHARE, INDIVISIBLE_SHARE = 0.6, 0.6, 0.25  # how often what could be said is said
NEAR = 0.25  # of the target: how close the nearest result must be to be worth a word


class _Voice:
    """Draws phrases at random, and none of a kind again before all of its kind were said."""

    def __init__(self, rng: Random):
        self.rng = rng
        self.unsaid: dict[tuple[str, ...], list[str]] = {}

    def say(self, choices: tuple[str, ...], **fields) -> str:
        unsaid = self.unsaid.get(choices) or self.rng.sample(choices, len(choices))
        self.unsaid[choices] = unsaid
        return unsaid.pop().format(**fields)

    def happens(self, share: float) -> bool:
        return self.rng.random() < share


def completion(numbers: Sequence[int], target: int, rng: Random) -> str:
    r"""`<think>` thought `</think>` summary with the expression in \boxed{}; the generator decides all of it.

    Raises ValueError when whole numbers on the way cannot reach the target.
    """
    attempts = search(numbers, target, rng)
    way, voice = attempts[-1], _Voice(rng)
    paragraphs = [_opening(numbers, target, voice), *_told(given(numbers), attempts, target, voice)]
    paragraphs.append(_check(numbers, target, way, voice))
    text = "<think>\n" + "\n\n".join(paragraphs) + "\n</think>\n\n" + _summary(target, way, voice)
    if voice.happens(0.5):
        text = text.replace(" * ", " × ").replace(" / ", " ÷ ")
    return text.replace("BOX", f"\\boxed{{{way[-1].term.made}}}")


def _opening(numbers: Sequence[int], target: int, voice: _Voice) -> str:
    text = voice.say(phrases.OPENING, state=_joined(numbers), t=target)
    total = sum(numbers)
    if total == target or not voice.happens(REMARK_SHARE):
        return text
    remarks = phrases.SUM_TOO_LOW if total < target else phrases.SUM_TOO_HIGH
    m = f"{' + '.join(map(str, numbers))} = {total}"
    return f"{text} {voice.say(remarks, m=m, total=total, gap=abs(total - target), t=target)}"


def _told(start: Table, attempts: list[tuple[Move, ...]], target: int, voice: _Voice) -> Iterator[str]:
    """A paragraph for every attempt. What it shares with the one before is not told again, but gone back to."""
    kept = 0  # moves that still stand
    for attempt, following in zip_longest(attempts, attempts[1:]):
        tables = [start]
        for move in attempt:
            tables.append(after(tables[-1], move))
        sentences = []
        for place in range(kept, len(start) - 2):
            sentences.append(_step(attempt[place], tables[place + 1], place, target, voice))
        if following is None:
            sentences.append(_success(tables[-2], attempt[-1], target, voice))
        else:
            sentences.append(_failure(tables[-1], target, voice))
            kept = next(i for i, (a, b) in enumerate(zip(attempt, following, strict=False)) if a != b)
            back = phrases.BACK if kept == len(attempt) - 1 else phrases.GIVE_UP
            state = _state(tables[kept])
            sentences.append(voice.say(back, e=attempt[kept].before, state=state, t=target))
        yield " ".join(sentences)


def _step(move: Move, table: Table, place: int, target: int, voice: _Voice) -> str:
    text = voice.say(phrases.CONTINUE if place else phrases.START, m=move.text, state=_state(table))
    return f"{text} {voice.say(phrases.ALREADY, t=target)}" if move.value == target else text


def _failure(pair: Table, target: int, voice: _Voice) -> str:
    """Why the last two terms cannot make the target: a bound where there is one, or all that they make."""
    ends = moves(pair)
    total, product, largest = ends[0], ends[2], max(ends, key=lambda move: move.value)
    far = product.value > FAR * target
    if largest.value < target and voice.happens(BOUND_SHARE):
        return voice.say(phrases.TOO_SMALL, m=largest.text, t=target, gap=target - largest.value)
    if total.value < target < product.value and not far and voice.happens(BOUND_SHARE):
        return voice.say(phrases.IN_BETWEEN, sum=total.text, product=product.text, t=target)
    if far:
        ends.remove(product)
    sentences = [voice.say(phrases.RESULTS, list=_joined(move.text for move in ends))]
    if far:
        sentences.append(voice.say(phrases.FAR_TOO_LARGE, t=target))
    low, high = sorted(term.value for term in pair)
    if low and high % low and voice.happens(INDIVISIBLE_SHARE):
        sentences.append(voice.say(phrases.INDIVISIBLE, high=high, low=low))
    near = min((move.value for move in ends), key=lambda value: abs(value - target))
    gap, way = abs(near - target), "low" if near < target else "high"
    verdicts = phrases.NEAREST if gap <= NEAR * target else phrases.NONE_FITS
    sentences.append(voice.say(verdicts, t=target, near=near, gap=gap, way=way))
    return " ".join(sentences)


def _success(pair: Table, move: Move, target: int, voice: _Voice) -> str:
    """The last step, perhaps behind others that were tried before it and miss."""
    misses = [other.text for other in moves(pair) if other.value != target and other.value <= FAR * target]
    misses = voice.rng.sample(misses, min(voice.rng.randint(0, 2), len(misses)))
    found = voice.say(phrases.FOUND, m=move.text)
    return f"{voice.say(phrases.NOT_YET, list=_joined(misses), t=target)} {found}" if misses else found


def _check(numbers: Sequence[int], target: int, way: Sequence[Move], voice: _Voice) -> str:
    steps = ", then ".join(move.text for move in way)
    check = voice.say(phrases.CHECK, steps=steps, state=_joined(numbers))
    return f"{check} {voice.say(phrases.EXPRESSION, whole=f'{way[-1].term.made} = {target}')}"


def _summary(target: int, way: Sequence[Move], voice: _Voice) -> str:
    """The way alone; BOX stands for the answer, whose signs stay as they are on a keyboard."""
    return voice.say(
        phrases.SUMMARY,
        t=target,
        n="two" if len(way) == 2 else "three",
        steps=", then ".join(move.text for move in way),
        numbered="\n".join(f"{i}. {move.text}" for i, move in enumerate(way, 1)),
        bullets="\n".join(f"- {move.text}" for move in way),
        box="BOX",
    )


def _state(table: Table) -> str:
    return _joined(term.value for term in table)


def _joined(parts: Iterable) -> str:
    """`3, 5 and 8`"""
    *most, last = map(str, parts)
    return f"{', '.join(most)} and {last}" if most else last
