"""Measuring one checkpoint of a real model: ask, keep every answer at once, judge, one row per answer.

Answers are written to a file as they come, each line with its hash, so an evaluation that is killed goes on at the next
item, a line that was damaged costs one answer, and a judge that fails none. Answers to harmful requests stay in that
file: they are never printed, nor put into the tables.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rsft_utils.generate import Sampling
from rsft_utils.real import benchmarks
from rsft_utils.real.datasets import chat
from rsft_utils.real.generate import Answer, Ask, seed_of

KEPT_COMPLETIONS = 20  # items per benchmark and step whose text is kept in the table
AT_ONCE = 1024  # prompts that are asked together; vLLM gives their answers, to be written, when it has all of them
# Announced changes of mind, counted by their words; whether one is justified cannot be told from words.
MARKERS = re.compile(r"\b(?:wait|hold on|alternatively|let me (?:re)?check|let me try again|go back)\b", re.IGNORECASE)


class NotAllJudged(RuntimeError):
    """A judge failed on some answers; the answers are kept, and measuring again asks the judge for these only."""


def measure(spec, step: int, ask: Ask, tokenizer, folder: Path, judge=None):
    """Items table (without run and step; tables.ITEM_COLUMNS, nothing replayed) of what `ask` answers at a step.

    `folder` keeps the answers, a file per benchmark. `judge` is passed on to benchmarks.score_all. Raises NotAllJudged.
    """
    import pandas as pd

    rows = []
    for name in spec.benchmarks:
        asked = benchmarks.items(name, n_items_at(spec, step))
        benchmarks.check_scorable(name, asked, judge)
        answers = answered(spec, name, asked, ask, tokenizer, answers_file(spec, name, folder))
        rows += _judged(name, asked, answers, spec.samples, judge)
    return pd.DataFrame(rows)


def n_items_at(spec, step: int) -> int:
    """How many items of each benchmark are asked for at a step: more at both ends."""
    return spec.n_items_ends if step in (0, spec.total_steps) else spec.n_items


def answers_file(spec, name: str, folder: Path) -> Path:
    """Where the answers to a benchmark lie: they depend neither on what else is asked, nor on how many items are."""
    return folder / f"{name}-limit{spec.max_new_tokens}-seed{spec.seed}.jsonl"


def counted(files: Sequence[Path]) -> Callable[[], int]:
    """A function that tells how many answers the files hold by now; of what grows, only the new part is read."""
    seen = dict.fromkeys(files, (0, 0))

    def count() -> int:
        for file, (place, lines) in seen.items():
            if file.exists():
                with file.open("rb") as answers:
                    answers.seek(place)
                    new = answers.read()
                seen[file] = place + len(new), lines + new.count(b"\n")
        return sum(lines for _, lines in seen.values())

    return count


def answered(spec, name: str, asked: Sequence, ask: Ask, tokenizer, file: Path) -> dict[tuple[str, int], Answer]:
    """The answers to every item and sample, after generating those that the file does not hold yet."""
    before = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    there = dict(_read(before))
    wanted = [(item, sample) for item in asked for sample in range(spec.samples) if (item.id, sample) not in there]
    sampling = Sampling(benchmarks.BENCHMARKS[name].temperature, benchmarks.BENCHMARKS[name].top_p, spec.seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        if before and not before.endswith("\n"):
            lines.write("\n")  # ends the line that was being written when the process was killed
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            prompts = [tokenizer(chat(tokenizer, item.prompt), add_special_tokens=False).input_ids for item, _ in part]
            seeds = [seed_of(item.id, sample) for item, sample in part]
            for index, answer in ask(prompts, seeds, sampling):
                item, sample = part[index]
                there[item.id, sample] = answer
                lines.write(_line({"item": item.id, "sample": sample, **asdict(answer)}))
                lines.flush()
    return there


def _line(row: dict) -> str:
    return json.dumps(row | {"sha256": hashlib.sha256(json.dumps(row).encode()).hexdigest()}) + "\n"


def _read(lines: str) -> Iterator[tuple[tuple[str, int], Answer]]:
    """The whole ones: a line is cut where the process was killed that wrote it."""
    for line in lines.split("\n"):
        try:
            row = json.loads(line)
            if row.pop("sha256", None) in (None, json.loads(_line(row))["sha256"]):  # older versions wrote none
                yield (row.pop("item"), row.pop("sample")), Answer(**row)
        except (ValueError, TypeError, AttributeError, KeyError):
            continue


def _judged(name: str, asked: Sequence, answers: dict, samples: int, judge) -> list[dict]:
    wanted = [(item, sample) for item in asked for sample in range(samples)]
    given = [(item, answers[item.id, sample]) for item, sample in wanted]
    verdicts = benchmarks.score_all([(item, a.text, a.ended, a.n_tokens) for item, a in given], judge)
    failed = [verdict for verdict in verdicts if isinstance(verdict, benchmarks.NotJudged)]
    if failed:
        raise NotAllJudged(
            f"the judge failed on {len(failed)} of {len(verdicts)} answers to {name} (the first: {failed[0]}). Nothing "
            "is lost: mend the judge and run the same again, and only judging is repeated."
        )
    hidden = benchmarks.BENCHMARKS[name].role == "SAFE"
    sampling = f"T{benchmarks.BENCHMARKS[name].temperature:g}"
    rows = []
    for place, ((item, sample), (_, answer), verdict) in enumerate(zip(wanted, given, verdicts, strict=True)):
        kept = place < KEPT_COMPLETIONS and not hidden
        rows.append(
            {
                "benchmark": name,
                "item": item.id if sample == 0 else f"{sample}.{item.id}",
                "mode": "free",
                "decoding": sampling,
                "outcome": verdict.outcome,
                "cut_off": verdict.cut_off,
                "long_format": verdict.long_format,
                "n_tokens": verdict.n_tokens,
                "markers": len(MARKERS.findall(answer.text)),
                "refusal_mass": float("nan"),
                "prompt": item.prompt if kept else "",
                "completion": answer.text if kept else "",
                "judged_by": verdict.by,
            }
        )
    return rows
