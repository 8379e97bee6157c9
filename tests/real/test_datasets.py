import json
import re
import time
from dataclasses import replace

import pytest

from rsft_utils import jsonl, paths
from rsft_utils.real import datasets, hub
from rsft_utils.real.datasets import DATASETS, chat, fingerprint, rows

INSTRUCTION = "\nPlease reason step by step, and put your final answer within \\boxed{}."


@pytest.fixture
def tokenizer(qwen_like_tokenizer):
    return qwen_like_tokenizer


def length(tokenizer, row):
    text = chat(tokenizer, row["prompt"][0]["content"], row["completion"][0]["content"])
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


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


@pytest.fixture
def own_file(tmp_path):
    def write(content):
        file = tmp_path / "mine.jsonl"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write


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


def test_one_s_own_rows_are_read_in_either_form(own_file, tokenizer):
    lines = [
        {"prompt": "a", "completion": " <think>\n</think> b\u2028c\n"},
        {"question": "d", "response": "e", "source": "elsewhere"},
    ]
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    found = rows(own_file("\ufeff" + text.replace("\n", "\r\n\r\n") + "\n"), 2, 0, max_length=100, tokenizer=tokenizer)
    pairs = {row["prompt"][0]["content"]: row["completion"][0]["content"] for row in found.rows}
    assert pairs == {"a": lines[0]["completion"], "d": "e"}
    assert found.lengths == [length(tokenizer, row) for row in found.rows]


def test_a_row_that_stands_twice_is_taken_once_and_counted(own_file, tokenizer):
    line = '{"prompt": "a", "completion": "b"}\n'
    found = rows(own_file(line * 3 + line.replace("b", "c")), 2, 0, max_length=100, tokenizer=tokenizer)
    assert [row["completion"][0]["content"] for row in found.rows] == ["b", "c"]  # another answer is another row
    assert found.duplicates == 2
    with pytest.raises(ValueError, match=r"at most 1 of its 1 rows"):
        rows(own_file(line * 3), 2, 0, max_length=100, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ('{"prompt": "a"}', r"found \{'prompt': 'a'\}"),
        ('{"prompt": "a", "completion": " "}', "found .*'completion': ' '"),
        ('{"prompt": "a", "completion": ["b"]}', r"found .*'completion': \['b'\]"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "found .*'messages'"),
        ('{"prompt": "a", "completion": "b"', 'found \'{"prompt": "a"'),
        ("prompt,completion", "found 'prompt,completion'"),
        ("3", "found 3"),
        ("[" * 100_000, r"found '\[\[\["),  # deeper than can be read
        ('{"prompt": ' + "9" * 5000 + "}", "found '{.prompt.: 999"),  # longer than a number may be
        ('{"prompt": "%s"}' % ("long" * 1000), ".{200}…"),
    ],
)
def test_a_line_of_another_form_is_named_with_an_example(own_file, tokenizer, bad, found):
    file = own_file('{"prompt": "a", "completion": "b"}\n\n' + bad + "\n")
    with pytest.raises(ValueError, match=r"line 3 of mine.jsonl must be a JSON object") as refused:
        rows(file, 1, 0, max_length=100, tokenizer=tokenizer)
    assert re.search(found, str(refused.value))
    assert str(refused.value).endswith(jsonl.EXAMPLE)
    assert len(str(refused.value)) < 600


def test_the_example_in_the_error_is_a_row(own_file, tokenizer):
    assert len(rows(own_file(jsonl.EXAMPLE), 1, 0, max_length=200, tokenizer=tokenizer).rows) == 1


def test_a_file_that_is_empty_missing_or_not_utf8_is_named(own_file, tmp_path, tokenizer):
    for content in ("", "\n\n"):
        with pytest.raises(ValueError, match=r"has no rows. A row is a line such as"):
            rows(own_file(content), 1, 0, max_length=100, tokenizer=tokenizer)
    line = '{"prompt": "é", "completion": "b"}'
    for content in (line.encode("latin-1"), line.encode("utf-16"), line.replace("é", "\\ud800").encode()):
        with pytest.raises(ValueError, match=r"line 1 of mine.jsonl is not UTF-8 text: save the file as UTF-8"):
            rows(own_file(content), 1, 0, max_length=100, tokenizer=tokenizer)
    with pytest.raises(ValueError, match=r"dataset is '.*none.jsonl', and there is no such file"):
        rows(str(tmp_path / "none.jsonl"), 1, 0, max_length=100, tokenizer=tokenizer)


def test_the_chat_is_qwen_s_without_a_system_prompt_and_ends_with_the_end_of_text(tokenizer):
    assert chat(tokenizer, "Hi") == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert chat(tokenizer, "Hi", "Ho") == chat(tokenizer, "Hi") + "Ho<|endoftext|>"
    assert chat(tokenizer, "", "") == chat(tokenizer, "") + "<|endoftext|>"


@pytest.mark.parametrize(
    "completion",
    [
        "<think>\nSo.\n</think>\n\nDone.",
        "no thoughts",
        "</think> first <think> then </think>\n",
        "\n\n  <think>\n\n</think>\n\n  spaces and ends  \n\n",
        "{{ 1 + 1 }} {% if true %} {# x #} <b> & é \u2028 \r\n",
    ],
)
def test_the_text_of_prompt_and_completion_is_left_as_it_is(tokenizer, completion):
    text = chat(tokenizer, completion, completion)
    assert text == f"<|im_start|>user\n{completion}<|im_end|>\n<|im_start|>assistant\n{completion}<|endoftext|>"


def test_a_tokenizer_s_own_template_is_neither_used_nor_changed(tokenizer, monkeypatch):
    own = "{%- for m in messages %}system: be brief {{ m['content'].split('</think>')[-1] }}{% endfor %}"
    monkeypatch.setattr(tokenizer, "chat_template", own)
    assert chat(tokenizer, "Hi", "<think>a</think>b").endswith("assistant\n<think>a</think>b<|endoftext|>")
    assert tokenizer.chat_template == own


def test_the_end_of_the_turn_is_the_last_token_of_a_row_and_the_prompt_its_beginning(tokenizer):
    """What TRL builds on: it trains on what follows the prompt, and adds no end itself."""
    whole, prompt = (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in (chat(tokenizer, "Hi", "<think>\nSo.\n</think>\n\nDone."), chat(tokenizer, "Hi"))
    )
    assert whole[: len(prompt)] == prompt
    assert tokenizer.decode(whole[len(prompt) :]) == "<think>\nSo.\n</think>\n\nDone.<|endoftext|>"
    assert whole[-1] == tokenizer.eos_token_id


def test_the_fingerprint_changes_with_every_text_and_the_order(tokenizer):
    pairs = [("a", "b"), ("c", "d")]
    variants = [pairs, pairs[::-1], pairs[:1], [("a", "b"), ("c", "e")], [("ab", ""), ("c", "d")], [("a", "bcd")]]
    prints = [fingerprint([datasets._as_turns(*pair) for pair in variant]) for variant in variants]
    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint([datasets._as_turns(*pair) for pair in pairs])
    assert re.fullmatch("[0-9a-f]{64}", prints[0])
