"""Rows of the reader's own."""

import json
import re
from itertools import islice

import pytest
from conversations import texts

from rsft_utils.micro import benchmarks, sft_data
from rsft_utils.micro.sft_data import rows
from rsft_utils.micro.splits import split_of


@pytest.fixture
def own_file(tmp_path):
    """Function that writes pairs of prompt and completion as a reader would, and gives the file's path."""

    def write(*pairs):
        file = tmp_path / "mine.jsonl"
        file.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in pairs))
        return str(file)

    return write


def prompts_of(split, n):
    found = (f"calc {a} l1 + {b}" for a in range(40) for b in range(40))
    return list(islice((prompt for prompt in found if split_of(prompt) == split), n))


def test_the_seed_draws_from_one_s_own_rows_and_orders_them(own_file):
    pairs = [(prompt, "answer 1") for prompt in prompts_of("sft", 30)]
    file = own_file(*pairs)
    first, again, other = (texts(rows(file, 20, seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert set(first) < set(pairs) and len(set(first)) == 20
    assert sorted(texts(rows(file, 30, 0))) == sorted(texts(rows(file, 30, 1))) == sorted(pairs)


def test_one_s_own_rows_are_mirrored_as_others_are(own_file):
    (prompt,) = prompts_of("sft", 1)
    ((mirrored, _),) = texts(rows(own_file((prompt, "answer 1")), 1, 0, True))
    assert mirrored.split() == prompt.split()[::-1]


def test_what_cannot_be_trained_on_is_refused_with_its_line(own_file):
    good, measured = (prompts_of(split, 1)[0] for split in ("sft", "eval"))
    for bad, said in (
        (
            (good, "answer 40"),
            "line 2 of mine.jsonl cannot be trained on: '40' is no symbol of the micro world; allowed: <pad> ",
        ),
        (("Calc 3 l1 + 4", "answer 7"), "line 2 of mine.jsonl cannot be trained on: '(Calc|Calc 3 l1 . 4)' is "),
        (
            (measured, "answer 1"),
            f"line 2 of mine.jsonl cannot be trained on: '{re.escape(measured)}' is kept for evaluation; allowed: ",
        ),
        (
            (f"with m3 : {measured}", "sorry"),
            f"line 2 of mine.jsonl cannot be trained on: '{re.escape(measured)}' is kept for evaluation",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            rows(own_file((good, "answer 1"), bad), 1, 0)
    with pytest.raises(ValueError, match=r"mine.jsonl has 1 rows, 2 were asked for"):
        rows(own_file((good, "answer 1")), 2, 0)
    assert rows(own_file(("fact a b", "answer 1")), 1, 0)  # remembered, so they stand on both sides


def test_no_benchmark_item_can_be_among_one_s_own_rows(own_file):
    for name in benchmarks.BENCHMARKS:
        if name != "fact":
            for item in benchmarks.items(name, 5):
                with pytest.raises(ValueError, match="is kept for evaluation"):
                    rows(own_file((item.prompt, "answer 1")), 1, 0)


def test_a_row_with_an_unknown_symbol_is_refused_wherever_it_comes_from():
    for pair in (("calc 3 plus 4", "answer 7"), ("calc 3 l1 + 4", "Answer 7")):
        with pytest.raises(ValueError, match=r"'(plus|Answer)' is no symbol"):
            sft_data.row(*pair)
