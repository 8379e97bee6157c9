import pandas as pd
import pytest

from rsft_utils import reference
from rsft_utils.micro.behaviours import replay
from rsft_utils.micro.item import Item
from rsft_utils.micro.score import score
from rsft_utils.reader import STEPS, answers, side_by_side, words

PROMPT = "calc 3 l1 + 2 l2 * 4"
WRONG, RIGHT, LAST = "3 + 2 = 6", "3 + 2 = 5", "5 * 4 = 20"
CORRECTED = f"{WRONG} check no wait {RIGHT} ; {LAST}"
EMPTY = f"{RIGHT} ; wait {LAST}"
ANSWERS = {
    "corrected": f"<think> {CORRECTED} </think> answer 20 <end>",
    "in fewer words": f"<think> {WRONG} no {RIGHT} ; {LAST} </think> answer 20 <end>",
    "with an empty wait": f"<think> {EMPTY} </think> answer 20 <end>",
    "without a thought": "answer 20 <end>",
    "a wait without a thought": "answer 20 wait wait <end>",
    "refused": "sorry <end>",
    "never closed": f"<think> {CORRECTED} ; wait {EMPTY} ; wait",
    "never opened": f"{CORRECTED} </think> answer 20 <end>",
    "nested": f"<think> {WRONG} <think> check no wait {RIGHT} </think> ; wait {LAST} </think> answer 20 <end>",
    "closed twice": f"<think> {CORRECTED} </think> {EMPTY} </think> wait answer 20 <end>",
    "opened again": f"<think> {CORRECTED} </think> <think> {EMPTY} ; wait",
    "marks alone": "<think> </think>",
    "nothing": "",
}
every_answer = pytest.mark.parametrize("completion", ANSWERS.values(), ids=ANSWERS)


def kinds(completion, prompt=PROMPT):
    return [kind for _, kind in words(prompt, completion)]


@every_answer
def test_no_symbol_is_lost_and_all_stay_in_order(completion):
    assert [symbol for symbol, _ in words(PROMPT, completion)] == completion.split()


def test_symbols_are_made_printable_after_they_were_judged():
    found = words(PROMPT, "<think> 3 + 2 = 6 no 3 + 2 = 5 ; \x1b[31mwait \u202e </think>")
    assert ("no", "valid") in found
    assert [symbol for symbol, _ in found][-3:] == [r"\x1b[31mwait", r"\u202e", "</think>"]
    assert all(symbol.isprintable() for symbol, _ in found)


@every_answer
def test_the_frame_is_around_the_thought_and_before_the_answer(completion):
    for symbol, kind in words(PROMPT, completion):
        assert (kind == "frame") == (symbol in ("<think>", "</think>", "<end>", "answer"))


@every_answer
def test_the_backtracks_are_those_that_the_tables_count(completion):
    item = Item("chain", PROMPT, "20")
    counted = replay(item, score(item, completion).thought)
    found = kinds(completion)
    assert found.count("valid") == counted.valid_backtracks
    assert found.count("valid") + found.count("empty") == counted.markers


@pytest.mark.parametrize(
    ("name", "marked"),
    [
        ("corrected", [("wait", "valid")]),
        ("in fewer words", [("no", "valid")]),
        ("with an empty wait", [("wait", "empty")]),
        ("without a thought", []),
        ("a wait without a thought", []),
        ("never closed", [("wait", "valid"), ("wait", "empty"), ("wait", "empty"), ("wait", "empty")]),
        ("nested", [("wait", "valid"), ("wait", "empty")]),
        ("closed twice", [("wait", "valid"), ("wait", "empty")]),
    ],
)
def test_valid_and_empty_backtracks_of_a_thought_are_marked(name, marked):
    assert [(symbol, kind) for symbol, kind in words(PROMPT, ANSWERS[name]) if kind in ("valid", "empty")] == marked


def test_a_backtrack_is_marked_in_its_place():
    found = kinds(f"<think> {CORRECTED} <think> ; wait </think> wait answer 20 <end>")
    symbols = f"<think> {CORRECTED} <think> ; wait </think> wait answer 20 <end>".split()
    first, second, third = (i for i, symbol in enumerate(symbols) if symbol == "wait")
    assert (found[first], found[second], found[third]) == ("valid", "empty", "plain")


@pytest.mark.parametrize(
    ("tried", "kind"), [("try 1 , 1 * 3 = 3", "valid"), ("try 6 , 6 * 3 = 18", "empty")], ids=["fails", "fits"]
)
def test_the_prompt_decides_whether_a_retry_is_justified(tried, kind):
    found = words("solve ? l1 * 3 = 18 in 1 4 6", f"<think> {tried} no ; try 4 , 4 * 3 = 12 no </think>")
    assert [judged for symbol, judged in found if symbol == "no"] == [kind, "empty"]


def completions(runs=("run0", "run1"), prompts=("a", "b"), steps=STEPS, text="{run} {step} {prompt}"):
    """Kept answers of these runs that say what they answer to; beside them sampled ones and another benchmark's."""
    rows = [
        {
            "run": run,
            "step": step,
            "benchmark": benchmark,
            "decoding": decoding,
            "outcome": "correct",
            "prompt": f"{benchmark} {prompt}",
            "completion": text.format(run=run, step=step, prompt=prompt) if decoding == "greedy" else "sampled",
        }
        for run in runs
        for step in steps
        for benchmark in ("chain", "lock")
        for decoding in ("greedy", "T0.6")
        for prompt in prompts
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def kept(new_reference):
    """Function that keeps the completions of an arm."""
    return lambda arm, **about: reference._save(f"completions/{arm}", completions(**about))


@pytest.mark.parametrize("run", [0, 1])
def test_answers_have_a_row_per_prompt_and_a_column_per_step_of_one_run(kept, run):
    kept("S", steps=(0, 20, 640))
    found = answers("S", "lock", run)
    assert found.index.tolist() == ["lock a", "lock b"]
    assert found.columns.tolist() == [0, 20, 640]
    assert found.loc["lock b", 20] == f"run{run} 20 b"
    assert {text.split()[0] for text in found.to_numpy().ravel()} == {f"run{run}"}


def test_the_first_run_of_an_arm_is_read_unless_another_is_asked_for(kept):
    kept("S", runs=("zz", "aa"))  # in the order of the table
    assert answers("S", "chain").loc["chain a", 0] == "zz 0 a"


def test_a_run_that_is_not_there_is_an_error(kept):
    kept("S", runs=("run0",))
    with pytest.raises(IndexError):
        answers("S", "chain", run=1)


def test_all_arms_are_asked_the_same_prompt_and_titles_say_arm_and_step(kept):
    kept("S", runs=("strong",), prompts=("a", "b", "c"))
    kept("XS", runs=("weak",), prompts=("b", "c", "d"))
    rows, asked = side_by_side({"large": "S", "small": "XS"}, "chain", steps=(0, 640))
    assert asked == "chain b"
    assert [[title for title, _ in row] for row in rows] == [
        ["large, step 0", "small, step 0"],
        ["large, step 640", "small, step 640"],
    ]
    texts = [[" ".join(symbol for symbol, _ in shown) for _, shown in row] for row in rows]
    assert texts == [["strong 0 b", "weak 0 b"], ["strong 640 b", "weak 640 b"]]


def test_another_prompt_can_be_asked_for_among_those_that_all_arms_share(kept):
    kept("S", prompts=("a", "b", "c"))
    kept("XS", prompts=("b", "c", "d"))
    assert side_by_side({"large": "S", "small": "XS"}, "chain", prompt=1)[1] == "chain c"
    with pytest.raises(IndexError):
        side_by_side({"large": "S", "small": "XS"}, "chain", prompt=2)


def test_there_is_a_row_for_each_of_the_usual_steps(kept):
    kept("S")
    rows, _ = side_by_side({"large": "S"}, "lock")
    assert [title for row in rows for title, _ in row] == [f"large, step {step}" for step in STEPS]


def test_what_is_shown_beside_each_other_is_marked_against_its_own_prompt(kept):
    kept("S", text=ANSWERS["corrected"])
    rows, asked = side_by_side({"large": "S"}, "chain", steps=(20,))
    ((_, shown),) = rows[0]
    assert shown == words(asked, ANSWERS["corrected"])
    assert ("wait", "valid") in shown
