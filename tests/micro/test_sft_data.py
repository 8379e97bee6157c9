"""What stands in the sets that a run may train on."""

import re
from collections import Counter

import pytest
from conversations import texts

from rsft_utils import evaluate
from rsft_utils.micro import benchmarks, families, flawed, safety
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


def test_fingerprint_follows_text_and_order():
    data = rows("math-cot", 100, 0)
    altered = rows("math-cot", 100, 0)
    altered[7]["completion"][0]["content"] += " so"
    prints = [fingerprint(version) for version in (data, data[::-1], data[:-1], altered)]
    prints += [fingerprint(rows(other, 100, 0)) for other in COMPLETIONS if other != "math-cot"]
    prints.append(fingerprint(rows("math-cot", 100, 0, mirrored=True)))
    assert len(set(prints)) == len(prints)
    assert fingerprint(rows("math-cot", 100, 0)) == prints[0]
