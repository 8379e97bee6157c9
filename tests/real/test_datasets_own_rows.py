"""Rows of the reader's own."""

import json
import re

import pytest
from conversations import length

from rsft_utils import jsonl
from rsft_utils.real.datasets import rows


@pytest.fixture
def own_file(tmp_path):
    def write(content):
        file = tmp_path / "mine.jsonl"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write


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
