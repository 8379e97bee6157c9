"""The published data sets: which of their rows are taken, and in which order."""

import re
import time
from dataclasses import replace

import pytest
from conversations import length

from rsft_utils import paths
from rsft_utils.real import datasets, hub
from rsft_utils.real.datasets import DATASETS, fingerprint, rows

INSTRUCTION = "\nPlease reason step by step, and put your final answer within \\boxed{}."


def maths_row(number, response=None, length=None):
    """A row of the form of Math-CoT-20k."""
    response = response or f"<think>\nWait. {number} + 1 is {number + 1}.\n</think>\n\n\\boxed{{{number + 1}}}"
    question = f"What is {number} + 1?"
    return {
        "data_source": "openr1",
        "question": question,
        "answer": str(number + 1),
        "message": [{"role": "user", "content": question + INSTRUCTION}],
        "response": response,
        "response_length": length or len(response) // 4,
        "advantage": 1.0,
    }


MATHS = [maths_row(number) for number in range(40)]


@pytest.fixture
def add(fake_hub, tmp_path, monkeypatch):
    """Function that puts rows, as a parquet file, where a data set of the table would lie."""
    import pyarrow as pa
    from pyarrow import parquet

    def put(name, table_rows):
        file = tmp_path / "table.parquet"
        parquet.write_table(pa.Table.from_pylist(table_rows), file)
        commit = fake_hub.add_dataset(DATASETS[name].hub_id, {f"{name}.parquet": file}, commit=DATASETS[name].revision)
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], sha256=None))  # that of the real file
        (paths.RUNS / "hub-pins.json").unlink(missing_ok=True)  # a test may replace what was noted
        return commit

    return put


def questions(found):
    return [row["prompt"][0]["content"] for row in found.rows]


def test_a_row_is_the_authors_message_and_their_response_to_the_byte(add, tokenizer):
    response = "<think>\n  Let x = 1.\r\n\n</think>\n\n\tDone: é \\boxed{2} \n"
    add("Math-CoT-20k", [maths_row(1, response)])
    found = rows("Math-CoT-20k", 1, 0, max_length=500, tokenizer=tokenizer)
    assert found.rows == [
        {
            "prompt": [{"role": "user", "content": "What is 1 + 1?" + INSTRUCTION}],
            "completion": [{"role": "assistant", "content": response}],
        }
    ]
    assert found.lengths == [length(tokenizer, found.rows[0])]
    assert (found.kept, found.of, found.duplicates) == (1, 1, 0)


def test_all_five_sets_can_be_read(add, tokenizer):
    prompt = "Numbers: [1, 2]\nTarget: 3"
    countdown = {"prompt": prompt, "answer": {"numbers": [1, 2], "target": 3}, "response": "<think>1 + 2</think> 3"}
    short = [{"message": row["message"], "response": row["answer"], "advantage": 1.0} for row in MATHS]
    for name in DATASETS:
        add(name, {"Math-CoT-20k": MATHS, "Countdown-CoT-20k": [countdown]}.get(name, short))
        found = rows(name, 1, 0, max_length=500, tokenizer=tokenizer)
        assert questions(found) == [prompt] or questions(found)[0].endswith(INSTRUCTION)
    assert set(DATASETS) == {
        "Math-CoT-20k",
        "Math-NoCoT-20k",
        "NuminaMath-20k",
        "Countdown-CoT-20k",
        "DeepSeek-R1-20k",
    }


def test_where_there_is_a_message_it_is_the_prompt(add, tokenizer):
    row = {"prompt": "raw", "message": [{"role": "user", "content": "as trained"}], "response": "3"}
    add("Countdown-CoT-20k", [row])
    assert questions(rows("Countdown-CoT-20k", 1, 0, max_length=500, tokenizer=tokenizer)) == ["as trained"]


def test_a_data_set_is_read_at_the_commit_of_the_table(add):
    assert add("Math-CoT-20k", MATHS) == DATASETS["Math-CoT-20k"].revision
    assert all(re.fullmatch("[0-9a-f]{40}", data.revision) for data in DATASETS.values() if data.revision)


def test_a_smaller_set_lies_in_a_larger_one_whatever_the_order_of_the_file(add, tokenizer):
    add("Math-CoT-20k", MATHS)
    few = rows("Math-CoT-20k", 8, 0, max_length=500, tokenizer=tokenizer)
    many = rows("Math-CoT-20k", 40, 0, max_length=500, tokenizer=tokenizer)
    assert many.rows[:8] == few.rows
    assert questions(many) != [row["message"][0]["content"] for row in MATHS]  # not simply the file's order
    add("Math-CoT-20k", MATHS[::-1])
    assert rows("Math-CoT-20k", 8, 0, max_length=500, tokenizer=tokenizer) == few


def test_the_seed_changes_the_order_and_never_the_choice(add, tokenizer):
    add("Math-CoT-20k", MATHS)
    first, second, again = (rows("Math-CoT-20k", 16, seed, max_length=500, tokenizer=tokenizer) for seed in (0, 1, 1))
    assert second == again
    assert questions(first) != questions(second)
    assert sorted(questions(first)) == sorted(questions(second))
    assert second.lengths == [length(tokenizer, row) for row in second.rows]
    assert fingerprint(first.rows) != fingerprint(second.rows)


def test_sets_that_answer_the_same_questions_give_the_same_ones(add, tokenizer):
    add("Math-CoT-20k", MATHS)
    add("Math-NoCoT-20k", [{"message": row["message"], "response": row["answer"]} for row in MATHS])
    long, short = (rows(name, 8, 0, max_length=500, tokenizer=tokenizer) for name in ("Math-CoT-20k", "Math-NoCoT-20k"))
    assert questions(long) == questions(short)
    assert fingerprint(long.rows) != fingerprint(short.rows)


def test_a_row_that_is_one_token_too_long_is_left_out_whole(add, tokenizer):
    add("Math-CoT-20k", MATHS)
    everything = rows("Math-CoT-20k", 40, 0, max_length=500, tokenizer=tokenizer)
    limit = sorted(everything.lengths)[19]
    fitting = [row for row, tokens in zip(everything.rows, everything.lengths, strict=True) if tokens <= limit]
    assert 20 <= len(fitting) < 40
    found = rows("Math-CoT-20k", len(fitting), 0, max_length=limit, tokenizer=tokenizer)
    assert found.rows == fitting
    assert (found.kept, found.of) == (len(fitting), 40)
    assert max(found.lengths) == limit


def test_rows_are_looked_at_only_until_there_are_enough(add, tokenizer, monkeypatch):
    monkeypatch.setattr(datasets, "BLOCK", 5)
    add("Math-CoT-20k", MATHS)
    found = rows("Math-CoT-20k", 8, 0, max_length=500, tokenizer=tokenizer)
    assert (len(found.rows), found.kept, found.of) == (8, 10, 10)
    whole = rows("Math-CoT-20k", 40, 0, max_length=500, tokenizer=tokenizer)
    assert found.rows == whole.rows[:8]


def test_rows_of_known_length_are_left_out_before_anything_is_tokenised(add, tokenizer, monkeypatch):
    seen = []
    tokens = datasets._tokens
    monkeypatch.setattr(datasets, "_tokens", lambda _, pairs: seen.extend(pairs) or tokens(_, pairs))
    long = [maths_row(number, "so " * 300, length=400) for number in range(20)]
    add("Math-CoT-20k", [*long, *MATHS[20:]])
    found = rows("Math-CoT-20k", 20, 0, max_length=300, tokenizer=tokenizer)
    assert (found.kept, found.of) == (20, 40)
    assert len(seen) == 21  # one of them the marks alone
    with pytest.raises(
        ValueError, match=r"21 rows .* at most 20 of its 40 rows fit max_length 300: take a smaller n_ro"
    ):
        rows("Math-CoT-20k", 21, 0, max_length=300, tokenizer=tokenizer)


def test_a_length_column_that_belongs_to_other_texts_is_not_believed(add, tokenizer):
    add("Math-NoCoT-20k", [{**maths_row(number, "4"), "response_length": 9000} for number in range(10)])
    found = rows("Math-NoCoT-20k", 10, 0, max_length=300, tokenizer=tokenizer)
    assert (found.kept, found.of) == (10, 10)


def test_too_few_rows_say_how_many_fit(add, tokenizer):
    add("Math-CoT-20k", [{**row, "response_length": 1} for row in MATHS])  # so that every row must be counted
    with pytest.raises(
        ValueError, match=r"8 rows of Math-CoT-20k are asked for, but at most 0 of its 40 rows fit .* 20"
    ):
        rows("Math-CoT-20k", 8, 0, max_length=20, tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"41 rows of Math-CoT-20k are asked for, but at most 40 of its 40"):
        rows("Math-CoT-20k", 41, 0, max_length=500, tokenizer=tokenizer)


def test_twenty_thousand_rows_are_filtered_in_seconds_when_few_of_them_fit(add, tokenizer):
    text = "wait, 12 + 7 = 19. " * 300
    add("Math-CoT-20k", [maths_row(n, f"{n} {text}", 5000) if n % 10 else maths_row(n) for n in range(20_480)])
    start = time.process_time()  # not by the clock on the wall: the machine may be busy
    found = rows("Math-CoT-20k", 1280, 0, max_length=4096, tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"at most 2048 of its 20480 rows fit"):
        rows("Math-CoT-20k", 2560, 0, max_length=4096, tokenizer=tokenizer)
    assert time.process_time() - start < 8
    assert len(found.rows) == 1280
    assert found.of > 10_000


def test_missing_columns_are_named(add, tokenizer):
    add("NuminaMath-20k", [{"problem": "1 + 1", "solution": "2"}])
    with pytest.raises(ValueError, match=r"NuminaMath-20k .* columns message .* response .*; it has problem, solution"):
        rows("NuminaMath-20k", 1, 0, max_length=500, tokenizer=tokenizer)


@pytest.mark.parametrize(
    "change",
    [
        {"message": []},
        {"message": [{"role": "system", "content": "Be brief."}]},
        {"message": [{"role": "user", "content": "1"}, {"role": "user", "content": "2"}]},
        {"message": [{"role": "user", "content": " "}]},
        {"response": ""},
        {"response": None},
    ],
)
def test_a_row_of_another_form_is_named(add, tokenizer, change):
    add("Math-CoT-20k", [MATHS[0], {**MATHS[1], **change}])
    with pytest.raises(ValueError, match=r"row 1 of Math-CoT-20k must have one user turn and a response"):
        rows("Math-CoT-20k", 1, 0, max_length=500, tokenizer=tokenizer)


def test_a_data_set_that_does_not_exist_names_those_that_do(tokenizer):
    with pytest.raises(ValueError, match=r"dataset is 'Math-CoT'; allowed: Math-CoT-20k, .*or a .jsonl file"):
        rows("Math-CoT", 1, 0, max_length=500, tokenizer=tokenizer)


def test_without_network_and_cache_a_data_set_is_a_hub_error(fake_hub, tokenizer):
    for name in DATASETS:
        with pytest.raises(hub.HubError, match=f"{DATASETS[name].hub_id} is not, or not completely, in the cache"):
            rows(name, 1, 0, max_length=500, tokenizer=tokenizer)
