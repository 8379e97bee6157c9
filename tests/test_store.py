import hashlib
import json
import os
import shutil
from dataclasses import replace

import pytest

from rsft_utils import paths, store, tables
from rsft_utils.durable import checkpoints, sealed
from rsft_utils.micro import bases, sft_data
from rsft_utils.micro.splits import split_of
from rsft_utils.specs import DATASETS, RunSpec

SPEC = RunSpec(size="XS", n_rows=32, batch_size=16, epochs=2, n_items=3, n_items_ends=3)  # steps 0, 2, 4


@pytest.fixture(autouse=True)
def own_runs(new_runs):
    return new_runs


@pytest.fixture
def fresh_fingerprints():
    """The store remembers fingerprints, which a test that changes files must not see, nor leave behind."""
    remembered = (store._data_fingerprint, store._base_key)

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
        for step in spec.steps[1:]:
            if checkpoints.checkpoint_folder(store.checkpoints_folder(spec), step).exists():
                continue
            with sealed.written_sealed(checkpoints.checkpoint_folder(store.checkpoints_folder(spec), step)) as aside:
                aside.mkdir()
                (aside / "model").write_text(f"weights {step}")
        with sealed.written_sealed(store.checkpoints_folder(spec) / "log.jsonl") as aside:
            aside.write_text("{}\n")
        store.end_training(spec, {"seconds": 1.0, "tokens": 2, "final_loss": 3.0})
        items = made_up_items(steps=spec.steps, n_items=3, seed=spec.seed)
        for step, answers in items.groupby("step"):
            run = spec.name if step else spec.base
            store.save_items(store.items_file(spec, step), answers, run=run, step=step)
        store.finish(spec, {"python": "3.x"})

    return make


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def spoil(file, damage):
    if damage == "changed":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-1])
    elif damage == "removed":
        file.unlink()
    else:
        sealed.record(file).unlink()


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


def test_a_training_that_did_not_end_keeps_what_it_goes_on_from(make_complete):
    make_complete(SPEC)
    folder = store.run_folder(SPEC)
    sealed.remove(folder / "training.json")
    before = files(folder)
    assert not store.is_trained(SPEC)
    store.begin_training(SPEC)
    gone = "checkpoints/log.jsonl.sha256"  # the log is written anew, and sealed at the end
    assert files(folder) == [name for name in before if name != gone]


def test_answers_are_validated_before_they_are_saved(made_up_items, own_runs):
    bad = made_up_items(steps=(0,)).drop(columns=["run", "step"]).assign(outcome="right")
    with pytest.raises(Exception, match="outcome"):
        store.save_items(store.items_file(SPEC, 0), bad, run=SPEC.base, step=0)
    assert files(own_runs) == []


READ_LATER = (
    "result.json", "summary.csv", "training.json", "checkpoints/log.jsonl", "items/step-00002.parquet", "base",
)  # fmt: skip


def read_later(name):
    return store.items_file(SPEC, 0) if name == "base" else store.run_folder(SPEC) / name


@pytest.mark.parametrize("name", READ_LATER)
@pytest.mark.parametrize("damage", ["changed", "truncated", "removed", "without its record"])
def test_a_run_is_not_believed_when_something_in_it_is_damaged(make_complete, name, damage):
    make_complete(SPEC)
    file = read_later(name)
    spoil(file, damage)
    assert not store.is_complete(SPEC)
    with pytest.raises(FileNotFoundError, match=f"{SPEC.name} is not complete"):
        store.load(SPEC)


@pytest.mark.parametrize("name", READ_LATER)
def test_what_is_damaged_is_set_aside_and_nothing_else(make_complete, own_runs, capsys, name):
    make_complete(SPEC)
    file, before = read_later(name), set(files(own_runs))
    spoil(file, "changed")
    content = file.read_bytes()
    store.begin(SPEC)
    (there,) = (own_runs / "damaged").rglob(file.name)
    assert there.read_bytes() == content
    shown = file.relative_to(own_runs).as_posix()
    assert capsys.readouterr().out == (
        f"{shown} is damaged: '{file.name}' is not what was written. It now lies in {there.parent} and is made again.\n"
    )
    gone = {file, store.run_folder(SPEC) / "result.json"}  # which is written last
    if name == "checkpoints/log.jsonl":  # only a training makes it
        gone.add(store.run_folder(SPEC) / "training.json")
    gone = {path.relative_to(own_runs).as_posix() for path in gone}
    now = {path for path in files(own_runs) if not path.startswith("damaged/") and not path.endswith(".lock")}
    assert before - now == gone | {f"{path}.sha256" for path in gone}
    assert now <= before


def test_a_damaged_checkpoint_is_set_aside(make_complete):
    make_complete(SPEC)
    (store.checkpoints_folder(SPEC) / "step-00002" / "model").write_text("other")
    store.begin(SPEC)
    assert [path.name for path in store.checkpoints_folder(SPEC).glob("step-*")] == ["step-00004"]


def test_a_run_made_before_there_were_records_is_made_again(make_complete):
    make_complete(SPEC)
    for record in [*paths.RUNS.rglob("*.sha256"), *paths.RUNS.rglob("SHA256SUMS")]:
        record.unlink()
    assert not store.is_complete(SPEC)
    store.begin(SPEC)
    assert not store.is_trained(SPEC)
    left = [file for file in files(store.run_folder(SPEC)) if not file.endswith(".lock")]
    assert left == ["checkpoints/log.jsonl"]


def test_a_summary_that_is_none_is_refused_on_loading(make_complete):
    make_complete(SPEC)
    file = store.run_folder(SPEC) / "summary.csv"
    file.write_text(file.read_text().replace(",ID,", ",XX,"))
    sealed.seal(file)
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


def test_a_file_of_ones_own_is_known_by_its_rows(tmp_path):
    """What it is called and what stands in it makes the run; a file that is written again is read again."""
    lines = [json.dumps({"prompt": f"calc {n} l1 + 1", "completion": f"answer {n + 1}"}) for n in range(39)]
    allowed = [line for line in lines if split_of(json.loads(line)["prompt"]) != "eval"]
    file = tmp_path / "here" / "mine.jsonl"
    file.parent.mkdir()
    file.write_text("\n".join(allowed))
    spec = replace(SPEC, n_rows=16, dataset=str(file))
    before = store.run_folder(spec)
    copied = shutil.copytree(file.parent, tmp_path / "there") / "mine.jsonl"
    assert store.run_folder(replace(spec, dataset=str(copied))) == before
    assert store.run_folder(replace(spec, seed=1)) != before
    file.write_text("\n".join(allowed).replace("answer", "so answer"))
    os.utime(file, (1, 1))
    assert store.run_folder(spec).name[:-8] == before.name[:-8] and store.run_folder(spec) != before
    file.unlink()
    with pytest.raises(ValueError, match="there is no such file"):
        store.run_folder(spec)


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
