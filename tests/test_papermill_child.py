from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rsft_utils import papermill_child


def printed(*texts, name="stdout"):
    return [new_output("stream", name=name, text=text) for text in texts]


def kept(*outputs):
    executed = new_notebook(cells=[new_markdown_cell("text"), new_code_cell(outputs=list(outputs))])
    papermill_child._keep_last_states(executed)
    return [(output.get("name"), output.get("text")) for output in executed.cells[1].outputs]


def test_of_a_progress_line_its_last_state_is_kept():
    assert kept(*printed("begins\n\r1 %", "\r2 %", "\r100 %\n", "ends\n")) == [("stdout", "begins\n100 %\nends\n")]


def test_lines_that_end_as_on_windows_stay():
    assert kept(*printed("one\r\ntwo\r\n")) == [("stdout", "one\ntwo\n")]


def test_what_is_printed_to_another_stream_or_shown_in_between_keeps_its_place():
    picture = new_output("display_data", data={"text/plain": "a picture"})
    outputs = [*printed("a", "b"), picture, *printed("c"), *printed("d", name="stderr")]
    assert kept(*outputs) == [("stdout", "ab"), (None, None), ("stdout", "c"), ("stderr", "d")]


def test_a_very_long_line_takes_no_time():
    text = "x" * 2_000_000
    assert kept(*printed(text)) == [("stdout", text)]
