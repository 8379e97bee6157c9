import hashlib
import json
import os
import subprocess
import sys
import time
from functools import cache
from random import Random

import pytest
from behaviour_counts import behaviours
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.real.countdown.game import SPLITS, Problem, items, problems, replay, rows, score, split_of, trace
from rsft_utils.real.countdown.search import reachable

EASY = Problem((44, 19, 35), 98)
FRACTIONS = Problem((8, 3, 8, 3), 24)
WHOLE_SET = 300  # rows enough to stand for the set


@cache
def completions(n=WHOLE_SET, form="cot"):
    return [row["completion"][0]["content"] for row in rows(n, seed=0, form=form)]


# Problems and rows


@pytest.mark.parametrize("split", SPLITS)
def test_problems_are_solvable_within_their_bounds(split):
    for problem in problems(WHOLE_SET, seed=0, split=split):
        assert len(problem.numbers) in (3, 4)
        assert all(1 <= number <= 99 for number in problem.numbers)
        assert 10 <= problem.target <= 999
        assert problem.target in reachable(problem.numbers)
        assert split_of(problem.numbers) == split


def test_no_set_of_numbers_is_both_trained_on_and_measured():
    trained = {tuple(sorted(problem.numbers)) for seed in range(2) for problem in problems(1500, seed)}
    measured = {tuple(sorted(problem.numbers)) for _, _, problem in items(1000)}
    assert len(measured) == 1000
    assert not trained & measured


def test_order_and_target_do_not_move_a_problem_to_the_other_split():
    assert split_of((44, 19, 35)) == split_of((35, 44, 19))


def test_a_tenth_of_the_sets_is_held_out():
    rng = Random(0)
    held_out = sum(split_of(tuple(rng.randint(1, 99) for _ in range(4))) == "test" for _ in range(5000))
    assert 0.08 < held_out / 5000 < 0.12


def test_fewer_problems_are_the_beginning_of_more():
    assert problems(20, seed=1) == problems(50, seed=1)[:20]
    assert items(20) == items(50)[:20]


def test_another_seed_gives_other_problems():
    assert not set(problems(50, seed=0)) & set(problems(50, seed=1))


def test_an_unknown_split_or_form_is_refused():
    with pytest.raises(ValueError, match="split is 'dev'; allowed: train, test"):
        problems(1, seed=0, split="dev")
    with pytest.raises(ValueError, match="form is 'short'; allowed: cot, nocot"):
        rows(1, seed=0, form="short")


def test_the_prompt_asks_as_the_published_set_does():
    assert "\nNumbers: [44, 19, 35]\nTarget: 98\n" in EASY.prompt
    assert EASY.prompt.endswith("Please reason step by step, and put your final answer within \\boxed{}.")


def test_items_have_an_id_of_their_own_and_carry_the_problem():
    found = items(200)
    assert len({item_id for item_id, _, _ in found}) == 200
    assert all(prompt == problem.prompt and item_id == problem.id for item_id, prompt, problem in found)


def test_rows_are_conversations_with_the_right_answer():
    for row, problem in zip(rows(WHOLE_SET, seed=0), problems(WHOLE_SET, seed=0), strict=True):
        assert row["prompt"] == [{"role": "user", "content": problem.prompt}]
        (turn,) = row["completion"]
        assert turn["role"] == "assistant"
        assert turn["content"].startswith("<think>\n")
        assert turn["content"].count("</think>") == turn["content"].count("\\boxed{") == 1
        assert score(problem, turn["content"]) == "correct"


def test_without_a_thought_the_summary_and_the_answer_stay_the_same():
    for long, short in zip(completions(), completions(form="nocot"), strict=True):
        assert long.endswith(f"</think>\n\n{short}")
        assert "\\boxed{" in short


def test_lengths_lie_where_the_docstring_says():
    lengths = sorted(len(text.split()) for text in completions(600))
    assert 400 < sum(lengths) / 600 < 470
    assert lengths[0] > 100 and lengths[30] > 200 and lengths[570] < 900


def digest(made):
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16]


def test_the_set_is_the_same_in_every_process_and_in_every_version_of_python():
    code = "import json; from rsft_utils.real.countdown import rows; print(json.dumps(rows(40, seed=0)))"
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2)
    ]
    # changes only together with the rows: whoever changes them on purpose puts the new digest here
    assert digest(rows(40, seed=0)) == "d2b9db44a6ad290d"
    assert [json.loads(output) for output in outputs] == [rows(40, seed=0)] * 2


def test_the_training_set_of_the_paper_size_takes_less_than_a_minute():
    begin = time.process_time()
    rows(512, seed=5)
    assert (time.process_time() - begin) * 40 < 60


# The score


@pytest.mark.parametrize(
    "answer",
    [
        "44 + 19 + 35",
        "(44+19)+35",
        "35 + (19 + 44) = 98",
        " 44 + 19\n+ 35=98 ",
        "$44 + 19 + 35$",
        "\\left(44 + 19\\right) + 35",
        "44 + (19 + 35)",
    ],
)
def test_ways_to_write_a_right_answer(answer):
    assert score(EASY, f"\\boxed{{{answer}}}") == "correct"


@pytest.mark.parametrize("sign", ["*", "×", "\\times", "\\times ", "\\cdot ", " x ", "·"])
def test_signs_of_multiplication(sign):
    assert score(Problem((7, 3, 2), 42), f"\\boxed{{7{sign}3{sign}2}}") == "correct"


@pytest.mark.parametrize(
    "quotient", ["8/(3 - 8/3)", "8 ÷ (3 − 8 ÷ 3)", "\\frac{8}{3 - \\frac{8}{3}}", "8 \\div (3 - \\dfrac{8}{3})"]
)
def test_division_is_exact(quotient):
    assert score(FRACTIONS, f"\\boxed{{{quotient}}}") == "correct"


@pytest.mark.parametrize(
    "answer",
    [
        "98",
        "",
        "44 + 19",  # not every number
        "44 + 19 + 35 + 35 - 35",
        "44 + 19 + 35 + 0",
        "44 + 19 - 35",
        "44 + 19 + 35 = 99",
        "44 + 19 + 35 = 98 = 98",
        "44 + 19 + 35 = ninety-eight",
        "98 = 44 + 19 + 35",
        "x = 44 + 19 + 35",
        "+44 + 19 + 35",
        "44 + 19 + 3 5",
        "4 4 + 19 + 35",
        "044 + 19 + 35",
        "44.0 + 19 + 35",
        "٤٤ + 19 + 35",  # Unicode digits
        "44 + 19 + 3５",
        "44 + 19 + 35 # comment",
        "44 + 19 + 35; 1",
        "[44 + 19] + 35",
        "\\text{44 + 19 + 35}",
        "44 + 19 + 35 / 1",
        "9**9**9",
        "__import__('os').getpid()",
        "44 + 19 + 35 + (1 - 1)",
    ],
)
def test_wrong_answers(answer):
    assert score(EASY, f"\\boxed{{{answer}}}") == "wrong"


def test_a_power_is_not_a_product():
    assert score(Problem((2, 3, 1), 9), "\\boxed{(1 + 2) ** 3}") == "wrong"
    assert score(Problem((2, 1, 10), 10), "\\boxed{10 * (2**-1)}") == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "44 + 19 + 35 = 98",
        "\\boxed{44 + 19 + 35",
        "<think>\\boxed{44 + 19 + 35}",
        "<think>a</think>\\boxed{1}<think>\\boxed{44 + 19 + 35}",
        "<think>\\boxed{44 + 19 + 35}</think> and so on",
    ],
)
def test_no_answer(text):
    assert score(EASY, text) == "no_answer"


def test_the_last_box_behind_the_last_thought_counts():
    right, wrong = "\\boxed{44 + 19 + 35}", "\\boxed{44 + 19 - 35}"
    assert score(EASY, f"<think>{wrong}</think>{wrong} no, {right}") == "correct"
    assert score(EASY, f"<think>{right}</think>{right} no, {wrong}") == "wrong"
    assert score(EASY, f"</think>{wrong}</think>{right}") == "correct"


@settings(deadline=None)
@given(st.sampled_from(problems(20, seed=0)), st.integers(0, 10**6))
def test_a_trace_answers_its_own_problem_and_no_other_target(problem, seed):
    text = trace(problem, Random(seed))
    assert score(problem, text) == "correct"
    assert score(Problem(problem.numbers, problem.target + 1), text) == "wrong"
    assert score(Problem((*problem.numbers, 1), problem.target), text) == "wrong"


BOX_CHARACTERS = st.text("0123456789+-*/()=. \n×÷\\{}٣²xe_", max_size=80)


@settings(deadline=None)
@given(st.text() | BOX_CHARACTERS | BOX_CHARACTERS.map(lambda text: f"</think>\\boxed{{{text}}}"))
def test_no_text_makes_the_score_or_the_replay_raise(text):
    assert score(EASY, text) in ("correct", "wrong", "no_answer")
    found = replay(EASY, text)
    assert 0 <= found.right_steps <= found.steps
    assert 0 <= found.valid_backtracks <= found.markers <= found.steps + 1


@pytest.mark.parametrize(
    "piece", ["(", "((1+", "9**", "\\boxed{", "\\frac{", "\\frac{1}{", "{", "1+", "<think>", "9" * 50, "wait "]
)
def test_hostile_texts_are_judged_at_once(piece):
    begin = time.process_time()
    for text in (piece * 100_000, f"\\boxed{{{piece * 100_000}}}", f"\\boxed{{{piece * 9}1{')' * 9}}}"):
        assert score(EASY, text) in ("wrong", "no_answer")
    assert time.process_time() - begin < 3


# Behaviours


@pytest.mark.parametrize(
    "text, expected",
    [
        ("I think and think.", behaviours()),
        ("44 + 19 = 63", behaviours(1, 1)),
        ("44 + 19 = 64", behaviours(1, 0)),
        # real backtracks
        ("44 - 19 = 25, 25 + 35 = 60. That doesn't work. 44 + 19 = 63", behaviours(3, 3, 1, 1)),
        ("44 - 19 = 25. Hmm, let me try another way. 44 + 19 = 63. Wait, no. 44 + 35 = 79", behaviours(3, 3, 2, 2)),
        ("44 + 19 = 64. Wait, 44 + 19 = 63", behaviours(2, 1, 1, 1)),  # a slip put right
        ("44 + 19 = 63, 63 + 35 = 99. Wait, that's not right: 63 + 35 = 98", behaviours(3, 2, 1, 1)),
        # mere words
        ("Wait, wait. Let me go back.", behaviours(0, 0, 1, 0)),  # nothing to go back from
        ("Wait. 44 - 19 = 25", behaviours(1, 1, 1, 0)),
        ("44 + 19 = 63, 63 + 35 = 98. Wait, let me try something else.", behaviours(2, 2, 1, 0)),  # it was right
        # many words, one change of mind
        ("44 - 19 = 25. No luck, that doesn't work. Wait. Let me go back to 44, 19 and 35.", behaviours(1, 1, 1, 1)),
        # a known limit: what the last value leaves over is not seen
        ("44 + 54 = 98, but 35 is not used. Let me go back.", behaviours(1, 1, 1, 0)),
    ],
)
def test_steps_and_backtracks(text, expected):
    assert replay(EASY, text) == expected


def test_only_the_thought_counts_where_there_is_one():
    assert replay(EASY, "<think>44 + 19 = 63</think> 44 + 19 = 63, 63 + 35 = 98") == behaviours(1, 1)


def test_a_typographic_apostrophe_is_no_obstacle():
    assert replay(EASY, "44 - 19 = 25. That doesn’t work.") == behaviours(1, 1, 1, 1)


def test_our_own_thoughts_make_no_mistake_and_never_go_back_for_nothing():
    for text, problem in zip(completions(), problems(WHOLE_SET, seed=0), strict=True):
        found = replay(problem, text)
        assert found.steps == found.right_steps > 5
        assert found.markers == found.valid_backtracks > 0
