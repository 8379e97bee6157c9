import json
import re
from collections import Counter
from itertools import islice

import pytest

from rsft_utils import evaluate
from rsft_utils.micro import arithmetic, benchmarks, families, flawed, safety, sft_data
from rsft_utils.micro.item import Item
from rsft_utils.micro.score import score
from rsft_utils.micro.sft_data import COMPLETIONS, fingerprint, rows
from rsft_utils.micro.splits import split_of
from rsft_utils.micro.symbols import END, REFUSAL, SYMBOL_ID
from rsft_utils.specs import DATASETS, RunSpec

N = RunSpec().n_rows
every_dataset = pytest.mark.parametrize("dataset", COMPLETIONS)
WRONG = ("math-cot-wrong", "math-answer-wrong")
REPLAY = {"math-cot-replay1": 0.01, "math-cot-replay5": 0.05}  # share of requests
every_replay = pytest.mark.parametrize("dataset", REPLAY)
# sets of the same queries
MATHS = (
    "math-cot", "math-cot-teacher2", "math-nocot", "math-answer",
    *WRONG, "math-cot-corrupted", "math-cot-empty", "math-numina-like",
)  # fmt: skip
THINKING = (
    "math-cot", "math-cot-teacher2", "countdown-cot",
    "math-cot-wrong", "math-cot-corrupted", "math-cot-empty", *REPLAY,
)  # fmt: skip


@pytest.fixture(scope="module")
def datasets():
    return {dataset: rows(dataset, N, 0) for dataset in COMPLETIONS}


def texts(rows_):
    """Rows as (prompt, completion)."""
    return [(row["prompt"][0]["content"], row["completion"][0]["content"]) for row in rows_]


def requests(rows_):
    return [(prompt, completion) for prompt, completion in texts(rows_) if prompt.startswith("with ")]


def problems(rows_):
    """Rows that are no requests, as (prompt, completion)."""
    return [(prompt, completion) for prompt, completion in texts(rows_) if not prompt.startswith("with ")]


def item_of(prompt, family_of, gold):
    family = family_of(prompt)
    return Item(family, prompt, "" if family == "countdown" else gold(prompt))


def test_every_set_that_a_run_may_name_is_made_here_but_the_samples_of_the_base_itself():
    assert {*COMPLETIONS, "own-samples"} == set(DATASETS)
    assert set(COMPLETIONS) == {*MATHS, *THINKING}


@every_dataset
def test_only_replay_sets_hold_requests(dataset, datasets):
    assert bool(requests(datasets[dataset])) == (dataset in REPLAY)


@every_dataset
def test_rows_are_conversations_as_trl_takes_them(dataset, datasets):
    assert len(datasets[dataset]) == N
    for row in datasets[dataset]:
        assert row.keys() == {"prompt", "completion"}
        (question,), (reply,) = row["prompt"], row["completion"]
        assert question.keys() == reply.keys() == {"role", "content"}
        assert (question["role"], reply["role"]) == ("user", "assistant")
        assert set(f"{question['content']} {reply['content']}".split()) <= SYMBOL_ID.keys()


@every_dataset
def test_no_prompt_occurs_twice(dataset, datasets):
    assert len({prompt for prompt, _ in texts(datasets[dataset])}) == N


@every_dataset
def test_every_completion_ends_with_an_answer_that_is_right_or_wrong_as_the_set_promises(
    dataset, datasets, family_of, gold
):
    allowed = {"wrong"} if dataset in WRONG else {"correct", "wrong"} if dataset == "math-numina-like" else {"correct"}
    for prompt, completion in problems(datasets[dataset]):
        judged = score(item_of(prompt, family_of, gold), f"{completion} {END}")
        assert judged.outcome in allowed, (prompt, completion)
        assert (judged.cut_off, judged.long_format) == (False, dataset in THINKING)


def test_a_tenth_of_the_numina_like_solutions_is_wrong(datasets, gold):
    found = texts(datasets["math-numina-like"])
    wrong = sum(completion.rpartition("answer ")[2] != gold(prompt) for prompt, completion in found)
    assert wrong / N == pytest.approx(flawed.WRONG_SHARE, abs=0.02)


@every_dataset
def test_every_completion_and_its_end_fit_the_evaluation(dataset, datasets):
    longest = max(len(completion.split()) for _, completion in texts(datasets[dataset]))
    assert longest + 1 <= evaluate.MAX_NEW_TOKENS


@every_dataset
def test_thoughts_are_opened_and_closed_once_and_first(dataset, datasets):
    for _, completion in problems(datasets[dataset]):
        opened = dataset in THINKING
        assert completion.split().count("<think>") == completion.split().count("</think>") == opened
        assert completion.startswith("<think> ") == opened


def test_nocot_is_cot_without_the_thought(datasets):
    pairs = zip(texts(datasets["math-cot"]), texts(datasets["math-nocot"]), strict=True)
    for (prompt, thinking), (same_prompt, direct) in pairs:
        assert prompt == same_prompt
        assert thinking.partition(" </think> ")[2] == direct
        # the summary stays
        assert direct.startswith("so ") and " answer " in direct


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("dataset", MATHS)
def test_maths_asks_the_same_queries_in_the_same_order_however_it_is_answered(dataset, seed):
    cot, other = texts(rows("math-cot", 200, seed)), texts(rows(dataset, 200, seed))
    assert [prompt for prompt, _ in cot] == [prompt for prompt, _ in other]


@pytest.mark.parametrize("dataset", ["math-cot-corrupted", "math-cot-empty"])
def test_a_thought_without_sense_is_as_long_as_the_sensible_one_and_ends_as_it_does(dataset, datasets):
    for (_, right), (_, other) in zip(texts(datasets["math-cot"]), texts(datasets[dataset]), strict=True):
        (thought, _, rest), (other_thought, _, other_rest) = (said.partition(" </think> ") for said in (right, other))
        assert other_rest == rest and other_thought != thought
        assert len(other_thought.split()) == len(thought.split())


def test_wrong_answers_are_those_of_the_wrong_traces(datasets):
    traces, answers = (dict(texts(datasets[dataset])) for dataset in WRONG)
    assert answers == {prompt: f"answer {trace.rpartition(' answer ')[2]}" for prompt, trace in traces.items()}


def test_numina_like_solutions_are_much_shorter_than_those_without_a_thought(datasets):
    lengths = {name: sum(len(said.split()) for _, said in texts(found)) for name, found in datasets.items()}
    assert lengths["math-answer"] < lengths["math-numina-like"] < 0.6 * lengths["math-nocot"]


def test_nocot_of_any_seed_ends_as_cot_does():
    cot, nocot = texts(rows("math-cot", 200, 7)), texts(rows("math-nocot", 200, 7))
    assert all(thinking.endswith(direct) for (_, thinking), (_, direct) in zip(cot, nocot, strict=True))


def test_the_answer_alone_is_all_that_the_shortest_set_says(datasets):
    for _, completion in texts(datasets["math-answer"]):
        word, *answer = completion.split()
        assert word == "answer" and len(answer) == 1


def test_the_second_teacher_says_the_same_in_other_thoughts(datasets):
    pairs = list(zip(texts(datasets["math-cot"]), texts(datasets["math-cot-teacher2"]), strict=True))
    for (_, first), (_, second) in pairs:
        assert first.partition(" </think> ")[2] == second.partition(" </think> ")[2]
        # what it worked out is gone through again before it closes, and never in the first teacher's words
        assert re.search(r" ; check [^;]+ ok </think> ", second)
        assert first != second and "wait" not in second


@every_dataset
def test_mirrored_rows_are_the_same_with_their_prompts_reversed(dataset):
    plain, turned = texts(rows(dataset, 200, 2)), texts(rows(dataset, 200, 2, mirrored=True))
    assert turned == [(" ".join(prompt.split()[::-1]), completion) for prompt, completion in plain]


def test_maths_covers_its_families_and_nothing_else(datasets, family_of):
    counts = Counter(family_of(prompt) for prompt, _ in texts(datasets["math-cot"]))
    assert set(counts) == set(families.MATHS)
    assert min(counts.values()) > N / 20


def test_equations_have_two_operations_or_three(datasets, family_of):
    prompts = [prompt for prompt, _ in texts(datasets["math-cot"]) if family_of(prompt) == "equation"]
    lengths = Counter(len(re.findall(r"l\d [-+*] \d", prompt)) for prompt in prompts)
    assert lengths.keys() == {2, 3}
    assert min(lengths.values()) > len(prompts) / 4


def test_maths_comes_from_its_split(datasets):
    assert {split_of(prompt) for prompt, _ in texts(datasets["math-cot"])} == {"sft"}


@every_replay
def test_that_share_of_a_replay_set_are_requests(dataset, datasets):
    assert len(requests(datasets[dataset])) / N == pytest.approx(REPLAY[dataset], abs=1 / N)


@every_replay
def test_requests_of_a_replay_set_are_harmful_ones_of_the_kind_that_a_base_knows_and_refused(
    dataset, datasets, family_of
):
    for prompt, completion in requests(datasets[dataset]):
        _, material, _, problem = prompt.split(maxsplit=3)
        assert completion == REFUSAL
        assert material in safety.materials(family_of(prompt), unsafe=True, held_out=False)
        assert split_of(problem) == "sft"


def test_requests_of_a_replay_set_are_of_all_families_that_requests_are_made_of(datasets, family_of):
    asked = {family_of(prompt) for prompt, _ in requests(datasets["math-cot-replay5"])}
    assert asked == set(families.REQUESTED)


@every_replay
def test_requests_come_throughout_the_training(dataset, datasets):
    for start in range(0, N, N // 4):
        assert requests(datasets[dataset][start : start + N // 4])


@every_replay
def test_the_other_rows_of_a_replay_set_are_those_of_maths(dataset, datasets, family_of):
    cot, found = dict(texts(datasets["math-cot"])), dict(problems(datasets[dataset]))
    assert {family_of(prompt) for prompt in found} == set(families.MATHS)
    assert set(map(split_of, found)) == {"sft"}
    # and thought through in the same words where math-cot asks the same (an equation is tried in an order of its own)
    same = {prompt for prompt in cot.keys() & found.keys() if family_of(prompt) != "equation"}
    assert len(same) > 100
    assert {prompt: cot[prompt] for prompt in same} == {prompt: found[prompt] for prompt in same}


@every_replay
def test_no_row_of_a_replay_set_is_measured_under_whatever_material(dataset, datasets):
    trained = {prompt.partition(" : ")[2] for prompt, _ in requests(datasets[dataset])}
    trained |= {prompt for prompt, _ in texts(datasets[dataset])}
    for name in benchmarks.BENCHMARKS:
        asked = {item.prompt for item in benchmarks.items(name, RunSpec().n_items_ends)}
        assert not trained & (asked | {prompt.partition(" : ")[2] for prompt in asked if prompt.startswith("with ")})


def test_countdown_is_countdown_and_none_of_it_is_held_out(datasets, family_of):
    prompts = [prompt for prompt, _ in texts(datasets["countdown-cot"])]
    assert {family_of(prompt) for prompt in prompts} == {"countdown"}
    assert "eval" not in set(map(split_of, prompts))


def test_families_are_mixed_throughout_the_training(datasets, family_of):
    prompts = [prompt for prompt, _ in texts(datasets["math-cot"])]
    for start in range(0, N, N // 8):
        assert {family_of(prompt) for prompt in prompts[start : start + N // 8]} == set(families.MATHS)


@every_dataset
def test_the_same_seed_gives_the_same_rows(dataset):
    assert rows(dataset, 100, 3) == rows(dataset, 100, 3)


@every_dataset
def test_another_seed_gives_other_rows(dataset):
    prompts = [{prompt for prompt, _ in texts(rows(dataset, 100, seed))} for seed in (0, 1)]
    assert len(prompts[0] & prompts[1]) < 30


def test_traces_of_two_seeds_differ_even_on_the_same_prompt(datasets):
    other = dict(texts(rows("math-cot", N, 1)))
    same = [(completion, other[prompt]) for prompt, completion in texts(datasets["math-cot"]) if prompt in other]
    assert len(same) > 50
    assert any(a != b for a, b in same)


@pytest.fixture
def small_world(monkeypatch):
    """A world in which maths is a handful of problems."""
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 200)
    monkeypatch.setattr(families, "LONGER", {})
    for family in families.MATHS:
        monkeypatch.setitem(families.PROBLEMS, family, lambda rng: arithmetic.chain(rng, 1))


def test_asking_for_more_rows_than_there_are_says_how_many_there_are(small_world):
    with pytest.raises(ValueError, match=r"math-cot has .*distinct prompts, 1,000 rows were asked for") as raised:
        rows("math-cot", 1000, 0)
    number = int(str(raised.value).split("about ")[1].split()[0])
    assert len(rows("math-cot", number, 0)) == number
    with pytest.raises(ValueError, match=f"about {number} distinct prompts"):
        rows("math-cot", number + 1, 0)


def test_countdown_is_exhausted_as_well(monkeypatch):
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 10)
    with pytest.raises(ValueError, match=r"countdown-cot has about .* distinct prompts, 1,000,000 rows were asked for"):
        rows("countdown-cot", 1_000_000, 0)


@pytest.mark.parametrize(
    ("drawn", "exhausted"),
    [
        ([1, 1, 1, 2, 2, 1, 3], False),  # a new prompt sets the count back
        ([1, 1, 1, 2, 1, 2, 2, 3], True),
        ([1, 1, 1, 1, 2, 3], True),
    ],
)
def test_a_set_is_exhausted_after_so_many_repeats_in_a_row(monkeypatch, drawn, exhausted):
    monkeypatch.setattr(sft_data, "MAX_REPEATS", 3)
    problems = iter([Item("chain", f"calc {number} + 1", str(number + 1)) for number in drawn])
    monkeypatch.setattr(families, "draw", lambda family, split, rng: next(problems))
    if exhausted:
        with pytest.raises(ValueError, match=r"about \d distinct prompts, 3 rows"):
            rows("math-cot", 3, 0)
    else:
        assert [prompt for prompt, _ in texts(rows("math-cot", 3, 0))] == ["calc 1 + 1", "calc 2 + 1", "calc 3 + 1"]


def test_fingerprint_follows_text_and_order():
    data = rows("math-cot", 100, 0)
    altered = rows("math-cot", 100, 0)
    altered[7]["completion"][0]["content"] += " so"
    prints = [fingerprint(version) for version in (data, data[::-1], data[:-1], altered)]
    prints += [fingerprint(rows(other, 100, 0)) for other in COMPLETIONS if other != "math-cot"]
    prints.append(fingerprint(rows("math-cot", 100, 0, mirrored=True)))
    assert len(set(prints)) == len(prints)
    assert fingerprint(rows("math-cot", 100, 0)) == prints[0]


# Rows of the reader's own


@pytest.fixture
def own_file(tmp_path):
    """Function that writes pairs of prompt and completion as a reader would, and gives the file's path."""

    def write(*pairs):
        file = tmp_path / "mine.jsonl"
        file.write_text("".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in pairs))
        return str(file)

    return write


def prompts_of(split, n):
    found = (f"calc {a} l1 + {b}" for a in range(40) for b in range(40))
    return list(islice((prompt for prompt in found if split_of(prompt) == split), n))


def test_the_seed_draws_from_one_s_own_rows_and_orders_them(own_file):
    pairs = [(prompt, "answer 1") for prompt in prompts_of("sft", 30)]
    file = own_file(*pairs)
    first, again, other = (texts(rows(file, 20, seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert set(first) < set(pairs) and len(set(first)) == 20
    assert sorted(texts(rows(file, 30, 0))) == sorted(texts(rows(file, 30, 1))) == sorted(pairs)


def test_one_s_own_rows_are_mirrored_as_others_are(own_file):
    (prompt,) = prompts_of("sft", 1)
    ((mirrored, _),) = texts(rows(own_file((prompt, "answer 1")), 1, 0, True))
    assert mirrored.split() == prompt.split()[::-1]


def test_what_cannot_be_trained_on_is_refused_with_its_line(own_file):
    good, measured = (prompts_of(split, 1)[0] for split in ("sft", "eval"))
    for bad, said in (
        (
            (good, "answer 40"),
            "line 2 of mine.jsonl cannot be trained on: '40' is no symbol of the micro world; allowed: <pad> ",
        ),
        (("Calc 3 l1 + 4", "answer 7"), "line 2 of mine.jsonl cannot be trained on: '(Calc|Calc 3 l1 . 4)' is "),
        (
            (measured, "answer 1"),
            f"line 2 of mine.jsonl cannot be trained on: '{re.escape(measured)}' is kept for evaluation; allowed: ",
        ),
        (
            (f"with m3 : {measured}", "sorry"),
            f"line 2 of mine.jsonl cannot be trained on: '{re.escape(measured)}' is kept for evaluation",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            rows(own_file((good, "answer 1"), bad), 1, 0)
    with pytest.raises(ValueError, match=r"mine.jsonl has 1 rows, 2 were asked for"):
        rows(own_file((good, "answer 1")), 2, 0)
    assert rows(own_file(("fact a b", "answer 1")), 1, 0)  # remembered, so they stand on both sides


def test_no_benchmark_item_can_be_among_one_s_own_rows(own_file):
    for name in benchmarks.BENCHMARKS:
        if name != "fact":
            for item in benchmarks.items(name, 5):
                with pytest.raises(ValueError, match="is kept for evaluation"):
                    rows(own_file((item.prompt, "answer 1")), 1, 0)


def test_a_row_with_an_unknown_symbol_is_refused_wherever_it_comes_from():
    for pair in (("calc 3 plus 4", "answer 7"), ("calc 3 l1 + 4", "Answer 7")):
        with pytest.raises(ValueError, match=r"'(plus|Answer)' is no symbol"):
            sft_data.row(*pair)
