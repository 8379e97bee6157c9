"""The data under a run that change."""

from dataclasses import replace

import pytest
from drilling import contents, write_rows
from pandas.testing import assert_frame_equal

from rsft_utils.real import identity, run, store


def test_a_data_file_that_changed_is_another_run_and_never_mixed_with_the_first(spec, new_runs, made, tmp_path):
    rows = tmp_path / "sums.jsonl"
    write_rows(rows, 7)
    mine = replace(spec, dataset=str(rows))
    first = run.results([mine], "transformers")
    folder = store.run_folder(mine)
    before = contents(folder, "**/*.*")
    content = rows.read_bytes()
    write_rows(rows, 5)
    second = run.results([mine], "transformers")
    other = store.run_folder(mine)
    assert other != folder and other.name.rpartition("-")[0] == folder.name.rpartition("-")[0]
    assert made == ["training", 0, 10, 12, "training", 10, 12]  # the base's answers do not depend on it
    assert contents(folder, "**/*.*") == before
    assert not set(contents(other, "**/adapter_model.safetensors").values()) & set(before.values())
    rows.write_bytes(content)
    assert_frame_equal(run.results([mine], "transformers").items, first.items, check_exact=True)
    assert not second.items.equals(first.items)
    assert len(made) == 7


@pytest.mark.parametrize("when", ["training", 10])
def test_data_that_change_while_a_run_is_made_stop_it_and_it_goes_on_when_they_are_back(
    spec, new_runs, made, tmp_path, monkeypatch, when
):
    rows = tmp_path / "sums.jsonl"
    write_rows(rows, 7)
    mine, content = replace(spec, dataset=str(rows)), rows.read_bytes()
    call = run._in_child

    def somebody_saves_the_file(function, *arguments, shown=None):
        if when in (function.__name__.strip("_").replace("train", "training"), *arguments[1:2]):
            write_rows(rows, 5)
            identity.look_again()  # a child knows nothing of what its runner found
        return call(function, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run, "_in_child", somebody_saves_the_file)
        with pytest.raises(run.RunError, match=r"the data or the base model of .* changed while it was made"):
            run.results([mine], "transformers")
    rows.write_bytes(content)
    made.clear()
    run.results([mine], "transformers")
    assert made == (["training", 0, 10, 12] if when == "training" else [10, 12])
