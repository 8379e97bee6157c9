"""Whatever happens to a run while it is made or afterwards, the next call ends in the tables of an undisturbed one."""

import shutil

import pytest
from drilling import SPEC, contents, here, whole
from pandas.testing import assert_frame_equal

from rsft_utils import paths, run, store


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch, one_thread):
    monkeypatch.setattr(run, "single_threaded_pool", here)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, one_thread):
    """(tables of a run, the folder with all it left)."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "RUNS", folder)
        patch.setattr(run, "single_threaded_pool", here)
        return run.results([SPEC], progress=False), folder


@pytest.fixture
def finished(undisturbed, new_runs):
    """A copy of the finished run, to be spoiled; returns its folder."""
    shutil.copytree(undisturbed[1], new_runs)
    return store.run_folder(SPEC)


@pytest.fixture
def ends_well(undisturbed, new_runs):
    """Function that makes what is missing and compares the tables, the log and the checkpoints with undisturbed ones.

    Nothing that was whole may be made again. It returns what was made: the trainings and the steps that were measured.
    """

    def check():
        done, before = [], whole(SPEC, store)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("_train", "_measure"):
                patch.setattr(run, name, noting(done, getattr(run, name)))
            found = run.results([SPEC], progress=False)
        expected, folder = undisturbed
        assert_frame_equal(found.items, expected.items, check_exact=True)
        assert_frame_equal(found.summary, expected.summary, check_exact=True)
        for kind in ("log.jsonl", "step-*/*"):
            theirs, ours = (contents(runs, f"*/checkpoints/{kind}") for runs in (folder, new_runs))
            assert theirs == ours
        assert list(new_runs.glob("*/checkpoints/trainer")) == []
        assert not before & set(done)
        return done

    return check


def noting(done, function):
    def noted(spec, *step):
        done.append(step[0] if step else "training")
        return function(spec, *step)

    return noted
