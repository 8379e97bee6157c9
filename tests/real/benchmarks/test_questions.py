import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsft_utils.real.benchmarks.questions import draw, read_rows

ROWS = [{"question": f"q{n}", "n": n, "options": ["a", "b"]} for n in range(50)]


def test_every_form_of_file_gives_the_same_rows(tmp_path):
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.json", "rows.parquet"):
        assert list(read_rows(tmp_path / name)) == ROWS


def test_a_table_in_csv_has_a_header_and_a_list_has_none(tmp_path):
    (tmp_path / "table.csv").write_text('﻿Question,Answer\n"One, two\nor three?",two\n', encoding="utf-8")
    assert list(read_rows(tmp_path / "table.csv")) == [{"Question": "One, two\nor three?", "Answer": "two"}]
    (tmp_path / "list.csv").write_text('first line\n"second, with a comma"\n\n')
    assert list(read_rows(tmp_path / "list.csv")) == [{"prompt": "first line"}, {"prompt": "second, with a comma"}]


def test_the_draw_depends_on_content_and_seed_and_not_on_the_order():
    assert draw(ROWS, 10, 0) == draw(reversed(ROWS), 10, 0)
    assert draw(ROWS, 10, 0) != draw(ROWS, 10, 1)


def test_a_larger_draw_contains_the_smaller():
    assert draw(ROWS, 30, 0)[:10] == draw(ROWS, 10, 0)


def test_equal_rows_are_one_and_more_than_there_are_gives_all():
    drawn = draw(ROWS + ROWS, 1000, 0)
    assert len(drawn) == len({row_id for row_id, _ in drawn}) == len(ROWS)


def test_an_id_is_the_same_for_every_seed_and_hexadecimal():
    assert dict(draw(ROWS, 50, 0)) == dict(draw(ROWS, 50, 1))
    assert all(int(row_id, 16) >= 0 for row_id, _ in draw(ROWS, 50, 0))


@pytest.mark.parametrize("cell", ["x" * 200_000])
def test_long_cells_are_read(tmp_path, cell):
    (tmp_path / "table.csv").write_text(f"a,b\n1,{cell}\n")
    assert list(read_rows(tmp_path / "table.csv")) == [{"a": "1", "b": cell}]
