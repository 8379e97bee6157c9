import pytest

from rsft_utils import jsonl


@pytest.fixture
def file(tmp_path):
    """Function that writes a file of these bytes and gives its path as a reader types it."""

    def write(content: bytes):
        path = tmp_path / "mine.jsonl"
        path.write_bytes(content)
        return str(path)

    return write


def test_every_line_is_a_row_in_either_form_and_says_where_it_stands(file):
    rows = b'{"prompt": "a", "completion": "b"}\n\n{"question": "c", "response": "d", "more": 1}'
    assert jsonl.read(file(rows)) == [("line 1 of mine.jsonl", "a", "b"), ("line 3 of mine.jsonl", "c", "d")]


@pytest.mark.parametrize("line", [b"[]", b'{"prompt": "a"}', b'{"prompt": "a", "completion": " "}', b"a, b"])
def test_a_line_of_another_form_is_refused_with_an_example_that_is_a_row(file, line):
    with pytest.raises(
        ValueError, match=r"line 2 of mine.jsonl must be a JSON object with prompt and completion"
    ) as no:
        jsonl.read(file(jsonl.EXAMPLE.encode() + b"\n" + line))
    assert str(no.value).endswith(jsonl.EXAMPLE)


def test_a_file_that_is_missing_empty_or_no_utf_8_is_refused(file):
    with pytest.raises(ValueError, match=r"dataset is .*none.jsonl.*, and there is no such file"):
        jsonl.read("none.jsonl")
    with pytest.raises(ValueError, match="has no rows"):
        jsonl.read(file(b"\n \n"))
    with pytest.raises(ValueError, match=r"line 1 of mine.jsonl is not UTF-8 text"):
        jsonl.read(file(b'{"prompt": "\xff", "completion": "b"}'))


def test_a_file_that_is_not_there_was_never_written(file):
    assert jsonl.written("none.jsonl") == 0 < jsonl.written(file(b""))
