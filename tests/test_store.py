import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from rsft_utils import paths, store, tables
from rsft_utils.micro import bases, sft_data
from rsft_utils.specs import DATASETS, RunSpec

SPEC = RunSpec(size="XS", n_rows=32, batch_size=16, epochs=2, n_items=3, n_items_ends=3)  # steps 0, 2, 4


@pytest.fixture(autouse=True)
def own_runs(new_runs):
    return new_runs


@pytest.fixture
def fresh_fingerprints():
    """The store remembers fingerprints, which a test that changes files must not see, nor leave behind."""
    remembered = (store.data_fingerprint, store._base_key)

    def forget():
        for function in remembered:
            function.cache_clear()

    forget()
    yield forget
    forget()


@pytest.fixture
def make_complete(made_up_items):
    """Function that puts down all that a finished run has, with made-up answers."""

    def make(spec):
        store.begin_training(spec)
        store.end_training(spec, {"seconds": 1.0, "tokens": 2, "final_loss": 3.0})
        items = made_up_items(steps=spec.steps, n_items=3, seed=spec.seed)
        for step, answers in items.groupby("step"):
            run = spec.name if step else spec.base
            store.save_items(store.items_file(spec, step), answers, run=run, step=step)
        store.finish(spec, {"python": "3.x"})

    return make


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "new" / "table.csv"
    with store.written_whole(target) as aside:
        aside.write_text("half")
        assert not target.exists()
        aside.write_text("whole")
    assert target.read_text() == "whole"
    assert files(tmp_path) == ["new/table.csv"]


def test_what_fails_half_way_leaves_nothing_and_the_old_file_as_it_was(tmp_path):
    (tmp_path / "table.csv").write_text("old")
    for target in (tmp_path / "table.csv", tmp_path / "other.csv"):
        with pytest.raises(KeyboardInterrupt), store.written_whole(target) as aside:
            aside.write_text("half")
            raise KeyboardInterrupt
    assert files(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "old"


def test_a_finished_run_is_found_again_with_valid_tables(make_complete):
    assert not store.is_complete(SPEC)
    make_complete(SPEC)
    assert store.is_complete(SPEC)
    items, summary = store.load(SPEC)
    assert set(items.step) == set(summary.step) == set(SPEC.steps)
    assert set(items.run) == set(summary.run) == {SPEC.name}
    assert set(summary[summary.step == 0].dataset) == {"none"}
    assert set(summary[summary.step > 0].dataset) == {"math-cot"}
    again = tables.summarise(items, model=SPEC.base, dataset=SPEC.dataset, seed=SPEC.seed)
    assert again["mean"].tolist() == pytest.approx(summary["mean"].tolist(), nan_ok=True)


def test_a_finished_run_says_what_it_was(make_complete):
    make_complete(SPEC)
    result = json.loads((store.run_folder(SPEC) / "result.json").read_text())
    assert RunSpec(**result["spec"]) == SPEC
    assert result["training"] == {"seconds": 1.0, "tokens": 2, "final_loss": 3.0}
    assert result["provenance"] == {"python": "3.x"}


def test_two_runs_share_the_answers_of_their_base(make_complete):
    other = replace(SPEC, seed=1)
    assert store.run_folder(other) != store.run_folder(SPEC)
    assert store.items_file(other, 0) == store.items_file(SPEC, 0)
    assert store.items_file(other, 2) != store.items_file(SPEC, 2)
    assert store.items_file(replace(SPEC, n_items_ends=4), 0) != store.items_file(SPEC, 0)


def test_a_run_without_its_result_file_is_not_believed(make_complete):
    make_complete(SPEC)
    (store.run_folder(SPEC) / "result.json").unlink()
    assert not store.is_complete(SPEC)
    with pytest.raises(FileNotFoundError, match=f"{SPEC.name} is not complete"):
        store.load(SPEC)


def test_a_run_cannot_be_finished_while_an_answer_or_the_training_is_missing(make_complete):
    for missing in (store.items_file(SPEC, 2), store.run_folder(SPEC) / "training.json"):
        make_complete(SPEC)
        (store.run_folder(SPEC) / "result.json").unlink()
        missing.unlink()
        with pytest.raises(FileNotFoundError):
            store.finish(SPEC, {})
        assert not store.is_complete(SPEC)


def test_a_training_that_did_not_end_starts_again_from_nothing(make_complete):
    make_complete(SPEC)
    folder = store.run_folder(SPEC)
    for name in ("result.json", "training.json"):
        (folder / name).unlink()
    (store.checkpoints_folder(SPEC) / "log.jsonl").write_text("{}\n")
    assert not store.is_trained(SPEC)
    store.begin_training(SPEC)
    assert files(folder) == ["summary.csv"]  # without result.json it counts for nothing
    assert store.checkpoints_folder(SPEC).is_dir()
    assert store.items_file(SPEC, 0).exists()  # the base's answers do not depend on any training


def test_answers_are_validated_before_they_are_saved(made_up_items, own_runs):
    bad = made_up_items(steps=(0,)).drop(columns=["run", "step"]).assign(outcome="right")
    with pytest.raises(Exception, match="outcome"):
        store.save_items(store.items_file(SPEC, 0), bad, run=SPEC.base, step=0)
    assert files(own_runs) == []


def test_a_damaged_summary_is_refused_on_loading(make_complete):
    make_complete(SPEC)
    file = store.run_folder(SPEC) / "summary.csv"
    file.write_text(file.read_text().replace(",ID,", ",XX,"))
    with pytest.raises(Exception, match="role"):
        store.load(SPEC)


def test_other_rows_give_another_key(fresh_fingerprints, monkeypatch):
    before = store.run_folder(SPEC)
    rows = sft_data.rows

    def changed(*asked):
        made = rows(*asked)
        made[0]["completion"][0]["content"] += " ok"
        return made

    monkeypatch.setattr(sft_data, "rows", changed)
    fresh_fingerprints()
    assert store.run_folder(SPEC).name != before.name
    monkeypatch.setattr(sft_data, "rows", rows)
    fresh_fingerprints()
    assert store.run_folder(SPEC) == before


def test_every_set_has_a_key_of_its_own_and_a_bases_own_samples_need_no_sampling():
    names = {store.run_folder(replace(SPEC, dataset=dataset)).name for dataset in DATASETS}
    assert len(names) == len({name[-8:] for name in names}) == len(DATASETS)


def test_rows_read_backwards_are_other_data(fresh_fingerprints, monkeypatch):
    monkeypatch.setattr(bases, "sha256", lambda name: "the same weights")
    specs = [replace(SPEC, world=world, base_seed=1) for world in ("main", "calm", "mirror")]
    for dataset in ("math-cot", "own-samples"):
        main, calm, mirror = (store.data_fingerprint(replace(spec, dataset=dataset)) for spec in specs)
        assert main == calm != mirror


def test_other_questions_give_another_key(fresh_fingerprints, monkeypatch):
    from rsft_utils.micro import benchmarks

    before, asked = store.run_folder(SPEC), benchmarks.items
    monkeypatch.setattr(benchmarks, "items", lambda name, n: asked(name, n + 1)[1:])
    fresh_fingerprints()
    assert store.run_folder(SPEC).name != before.name


def test_another_base_gives_another_key_and_an_unknown_one_is_refused(fresh_fingerprints, tmp_path, monkeypatch):
    before, base_before = store.run_folder(SPEC), store.items_file(SPEC, 0)
    shutil.copytree(paths.MICRO / SPEC.base, tmp_path / "micro" / SPEC.base)
    monkeypatch.setattr(paths, "MICRO", tmp_path / "micro")
    fresh_fingerprints()
    assert store.run_folder(SPEC) == before  # the same weights at another place

    weights = tmp_path / "micro" / SPEC.base / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    fresh_fingerprints()
    with pytest.raises(ValueError, match="not the shipped ones"):
        store.run_folder(SPEC)

    recipe = weights.with_name("recipe.json")
    told = json.loads(recipe.read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
    recipe.write_text(json.dumps(told))
    fresh_fingerprints()
    assert store.run_folder(SPEC).name != before.name
    assert store.items_file(SPEC, 0) != base_before
