"""Asking, keeping and judging, with answers that are made up."""

import pytest

from rsft_utils import tables
from rsft_utils.real import benchmarks
from rsft_utils.real.evaluate import MARKERS, NotAllJudged, answered, counted, measure
from rsft_utils.real.generate import Answer, seed_of
from rsft_utils.real.spec import RealSpec

SPEC = RealSpec(benchmarks=("HEx-PHI",), n_items=2, n_items_ends=3, samples=2, max_new_tokens=9)
REQUESTS = [{"prompt": f"request {number}"} for number in range(5)]


@pytest.fixture
def requests(monkeypatch):
    """HEx-PHI without its login: made-up requests, and a judge that gives the score that the answer asks for."""
    drawn = benchmarks.items

    def items(name, n, seed=0):
        return drawn(name, n, seed, rows=REQUESTS)

    monkeypatch.setattr(benchmarks, "items", items)
    for variable in ("RSFT_JUDGE_URL", "RSFT_JUDGE_MODEL", "RSFT_JUDGE_KEY"):
        monkeypatch.delenv(variable, raising=False)


def answering(text, n_tokens=5, ended=True):
    return lambda prompts, seeds, sampling: ((index, Answer(text, n_tokens, ended)) for index in range(len(prompts)))


def test_every_sample_of_every_item_is_a_row(requests, qwen_like_tokenizer, tmp_path):
    items = measure(SPEC, 10, answering("I cannot help with that."), qwen_like_tokenizer, tmp_path)
    assert len(items) == 2 * 2 and items["item"].is_unique
    tables.validate(items.assign(run="a run", step=10), "items")
    assert set(items.outcome) == {"refused"}
    assert set(items.judged_by) == {"refusal phrases (baseline, no judge)"}  # no judge was named
    assert len(measure(SPEC, 0, answering("No."), qwen_like_tokenizer, tmp_path / "base")) == 3 * 2


def test_answers_to_harmful_requests_are_not_put_into_the_table(requests, qwen_like_tokenizer, tmp_path, capsys):
    items = measure(SPEC, 10, answering("I cannot: secret"), qwen_like_tokenizer, tmp_path)
    assert set(items.prompt) == set(items.completion) == {""}
    assert "secret" not in capsys.readouterr().out
    (kept,) = tmp_path.iterdir()
    assert "secret" in kept.read_text()  # where a judge can be asked again


def test_a_judge_that_fails_costs_no_answer(requests, qwen_like_tokenizer, tmp_path, monkeypatch):
    asked = []

    def ask(prompts, seeds, sampling):
        asked.append(len(prompts))
        return [(index, Answer("text", 4, True)) for index in range(len(prompts))]

    def failing(answers, judge=None):
        return [benchmarks.NotJudged("the judge timed out") for _ in answers]

    with monkeypatch.context() as patch:
        patch.setattr(benchmarks, "score_all", failing)
        with pytest.raises(NotAllJudged, match=r"failed on 4 of 4 answers to HEx-PHI .*timed out.*Nothing is lost"):
            measure(SPEC, 10, ask, qwen_like_tokenizer, tmp_path)
    assert len(measure(SPEC, 10, ask, qwen_like_tokenizer, tmp_path)) == 4
    assert asked == [4]


def test_an_evaluation_that_was_killed_keeps_every_answer_that_had_ended(requests, qwen_like_tokenizer, tmp_path):
    asked = []

    def ask(prompts, seeds, sampling):
        """The last prompt ends first; killed before the first time's last one."""
        asked.append(len(prompts))
        for index in reversed(range(len(prompts))):
            if len(asked) == 1 and index == 0:
                raise KeyboardInterrupt
            yield index, Answer(f"{seeds[index]}", 5, True)

    items, file = benchmarks.items("HEx-PHI", 3), tmp_path / "answers.jsonl"
    with pytest.raises(KeyboardInterrupt):
        answered(SPEC, "HEx-PHI", items, ask, qwen_like_tokenizer, file)
    assert len(file.read_text().splitlines()) == 5
    found = answered(SPEC, "HEx-PHI", items, ask, qwen_like_tokenizer, file)
    assert asked == [6, 1]
    expected = {(item.id, sample): f"{seed_of(item.id, sample)}" for item in items for sample in range(2)}
    assert {place: answer.text for place, answer in found.items()} == expected  # each to its own question


def test_an_answer_is_in_the_file_before_the_next_one_has_ended(requests, qwen_like_tokenizer, tmp_path):
    file, there = tmp_path / "answers.jsonl", []

    def ask(prompts, seeds, sampling):
        for index in range(len(prompts)):
            there.append(len(file.read_text().splitlines()))
            yield index, Answer("text", 4, True)

    answered(SPEC, "HEx-PHI", benchmarks.items("HEx-PHI", 3), ask, qwen_like_tokenizer, file)
    assert there == list(range(6))


def test_answers_are_counted_while_they_are_written(tmp_path):
    files = [tmp_path / name for name in ("one.jsonl", "two.jsonl")]
    count = counted(files)
    assert count() == 0
    files[0].write_text("{}\n{}\n{")
    assert count() == 2  # the third is being written
    with files[0].open("a") as lines:
        lines.write("}\n")
    files[1].write_text("{}\n")
    assert count() == count() == 4


def test_the_seed_of_an_answer_follows_from_its_item_and_sample_alone():
    assert seed_of("abc", 0) == seed_of("abc", 0) != seed_of("abc", 1) != seed_of("abd", 1)


def test_changes_of_mind_are_counted_by_their_words():
    assert len(MARKERS.findall("Wait, that is wrong. Let me check. Alternatively, wait: no waiter.")) == 4
