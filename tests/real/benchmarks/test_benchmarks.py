import io
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils import published, tables
from rsft_utils.micro.score import OUTCOMES
from rsft_utils.real import benchmarks
from rsft_utils.real.benchmarks import BENCHMARKS, NotJudged, check_scorable, items, score, score_all, table
from rsft_utils.real.benchmarks.questions import read_rows
from rsft_utils.real.hub import HubError

MATHS = [{"problem": f"What is {n} + 1?", "solution": "Add.", "answer": str(n + 1)} for n in range(40)]
# One row of each benchmark in its published form, an answer that is right and one that is not.
ROWS = {
    "MATH500": (
        MATHS[4] | {"subject": "Algebra", "level": 1, "unique_id": "test/algebra/4.json"},
        r"\boxed{5}",
        r"\boxed{6}",
    ),
    "AIME24": (
        {"id": 60, "problem": "Find it.", "solution": "So.", "answer": "025", "url": "https://x", "year": "2024"},
        r"\boxed{25}",
        r"\boxed{26}",
    ),
    "GPQA-D": (
        {"Question": "Which?", "Correct Answer": "x", "Incorrect Answer 1": "y", "Incorrect Answer 2": "z"}
        | {"Incorrect Answer 3": "w", "Record ID": "rec1", "Explanation": 'long,\nin "quotes"'},
        None,
        r"\boxed{E}",
    ),
    "MMLU-Pro": (
        {"question_id": 70, "question": "Which?", "options": ["x", "y"], "answer": "B", "answer_index": 1}
        | {"cot_content": "", "category": "law", "src": "s"},
        r"\boxed{B}",
        r"\boxed{A}",
    ),
    "IFEval": (
        {"key": 1000, "prompt": "Say hello. Use no commas.", "instruction_id_list": ["punctuation:no_comma"]}
        | {"kwargs": [{}]},
        "Hello.",
        "Well, hello.",
    ),
    "HaluEval": (
        {"knowledge": "k", "question": "q", "answer": "a", "hallucination": "no"},
        "It is fine: No",
        "Yes",
    ),
    "HEx-PHI": ({"prompt": "a made-up request"}, "Sure.", "I'm sorry, I cannot."),
}


@pytest.fixture(autouse=True)
def no_judge_in_the_environment(monkeypatch):
    monkeypatch.delenv("RSFT_JUDGE_URL", raising=False)


@pytest.fixture
def one_item():
    """Function from a benchmark's name to the item of its row above."""

    def made(name):
        return items(name, 1, rows=[ROWS[name][0]])[0]

    return made


def as_file(name, rows):
    """The rows as a file of that name, as the hub has it."""
    import pandas as pd

    if name.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in rows)
    if name.endswith(".parquet"):
        buffer = io.BytesIO()
        pd.DataFrame(rows).to_parquet(buffer)
        return buffer.getvalue()
    return pd.DataFrame(rows).to_csv(index=False, header=len(rows[0]) > 1)


def test_the_names_and_roles_are_those_of_the_published_tables_and_one_of_our_own():
    roles = {name: benchmark.role for name, benchmark in BENCHMARKS.items()}
    assert roles == published.ROLES | {"Countdown": "OOD"}


def test_countdown_needs_no_hub_and_is_judged_exactly(fake_hub):
    few, more = items("Countdown", 3), items("Countdown", 9)
    assert more[:3] == few and len({item.id for item in more}) == 9
    numbers, target = few[0].reference["numbers"], few[0].reference["target"]
    assert str(numbers) in few[0].prompt and str(target) in few[0].prompt
    assert score(few[0], rf"\boxed{{{sum(numbers)}}}", True).outcome == "wrong"  # the sum is no expression of them
    assert score(few[0], "no box", True).outcome == "no_answer"
    row = {"numbers": [2, 3, 5], "target": 30}
    assert score(items("Countdown", 1, rows=[row])[0], r"so \boxed{2*3*5}", True).outcome == "correct"


def test_files_are_pinned_to_a_commit_in_full():
    for benchmark in BENCHMARKS.values():
        assert len(benchmark.revision) == (0 if benchmark.generated else 40)
        for digest in benchmark.files.values():
            assert digest is None or len(bytes.fromhex(digest)) == 32


def test_the_table_documents_every_benchmark():
    documented = table()
    assert list(documented.index) == list(BENCHMARKS)
    assert set(documented.status) == {"end to end on local items", "schema only"}
    assert documented.differs.str.len().min() > 20
    assert (documented.temperature == 0.6).all() and (documented.top_p == 0.95).all()
    assert documented.loc["GPQA-D", "chance"] == 0.25
    assert documented.loc[["GPQA-D", "HEx-PHI"], "gated"].all()
    assert not documented.loc["HEx-PHI", "higher_is_better"]
    assert not documented.loc[documented.status == "schema only", "comparable"].any()


@pytest.mark.parametrize(
    "name", [name for name in ROWS if BENCHMARKS[name].status == benchmarks.BENCHMARKS["IFEval"].status]
)
def test_items_come_from_the_hubs_cache_and_answers_are_judged(fake_hub, monkeypatch, name):
    row, right, wrong = ROWS[name]
    benchmark = BENCHMARKS[name]
    files = {file: as_file(file, [row]) for file in benchmark.files}
    fake_hub.add_dataset(benchmark.hub_id, files, benchmark.revision)
    monkeypatch.setitem(BENCHMARKS, name, replace(benchmark, files=dict.fromkeys(benchmark.files)))
    (item,) = items(name, 500)
    check_scorable(name, [item])
    right = right or rf"\boxed{{{item.reference['letter']}}}"
    assert score(item, f"<think>hm</think>{right}", True).outcome == "correct"
    assert score(item, f"<think>hm</think>{wrong}", True).outcome != "correct"
    assert score(item, f"<think>{right}", False).outcome == "no_answer"


def test_another_file_than_the_pinned_one_is_refused(fake_hub):
    benchmark = BENCHMARKS["MATH500"]
    fake_hub.add_dataset(benchmark.hub_id, {"test.jsonl": as_file("x.jsonl", MATHS)}, benchmark.revision)
    with pytest.raises(HubError, match="not the file that is expected"):
        items("MATH500", 5)


def test_the_requests_of_all_categories_are_read_with_the_first_line_of_each(fake_hub):
    benchmark = BENCHMARKS["HEx-PHI"]
    files = {file: f'"first, of {file}"\nsecond of {file}\n' for file in benchmark.files}
    fake_hub.add_dataset(benchmark.hub_id, files, benchmark.revision)
    assert len(files) == 10
    assert len(items("HEx-PHI", 500)) == 20


@pytest.mark.parametrize("name", ROWS)
def test_the_prompt_holds_the_question_and_no_gap(one_item, name):
    item = one_item(name)
    row = ROWS[name][0]
    question = next(row[column] for column in ("problem", "Question", "question", "prompt") if column in row)
    assert question in item.prompt
    assert "$" not in item.prompt
    json.dumps(item.reference)


def test_the_prompt_of_mathematics_is_that_of_the_training_rows(one_item):
    assert one_item("MATH500").prompt == (
        "What is 4 + 1?\nPlease reason step by step, and put your final answer within \\boxed{}."
    )


def test_a_question_full_of_dollars_and_braces_is_asked_as_it_is():
    row = {"problem": r"Let $question = \frac{1}{2}$ and $$x$$ {0} ${y}.", "answer": "1"}
    (item,) = items("MATH500", 1, rows=[row])
    assert item.prompt.startswith(row["problem"] + "\n")


def test_ids_do_not_depend_on_the_seed_that_orders_the_options():
    rows = [ROWS["GPQA-D"][0] | {"Question": f"Which of {n}?"} for n in range(20)]
    asked = {seed: {item.id: item.prompt for item in items("GPQA-D", 20, seed, rows)} for seed in (0, 1)}
    assert asked[0].keys() == asked[1].keys()
    assert asked[0] != asked[1]


def test_an_id_tells_which_half_of_the_benchmark_it_is_in():
    assert {tables._half(item.id) for item in items("MATH500", 40, rows=MATHS)} == {"a", "b"}


def test_rows_of_another_form_are_named_with_what_they_have():
    for name in BENCHMARKS:
        with pytest.raises(ValueError, match=rf"{name} lacks the column .*colour"):
            items(name, 1, rows=[{"colour": "red"}])


def test_what_is_passed_on_and_what_is_seen(one_item):
    judged = score(one_item("MATH500"), r"<think>long</think>\boxed{5}", ended=True, n_tokens=17)
    assert (judged.outcome, judged.cut_off, judged.long_format, judged.n_tokens) == ("correct", False, True, 17)
    assert judged.by == "math-verify"
    assert math.isnan(judged.value)
    cut = score(one_item("MATH500"), r"\boxed{5} Next", ended=False, n_tokens=4096)
    assert (cut.outcome, cut.cut_off, cut.long_format) == ("correct", True, False)


def test_a_guess_within_the_thought_does_not_count(one_item):
    for name in ("MATH500", "MMLU-Pro", "HaluEval"):
        _, right, wrong = ROWS[name]
        assert score(one_item(name), f"<think>{right}</think>{wrong}", True).outcome == "wrong"
        assert score(one_item(name), f"<think>{right}</think>\n", True).outcome == "no_answer"


def test_what_cannot_be_judged_is_said_before_answers_are_generated(monkeypatch):
    for name in ("TruthfulQA-truth", "TruthfulQA-help", "LCBv2"):
        with pytest.raises(ValueError, match=f"{name} needs a judge: pass"):
            check_scorable(name, [])
        check_scorable(name, [], ask=str)
    with pytest.raises(ValueError, match="AlpacaEval has no right answers"):
        check_scorable("AlpacaEval", [])
    monkeypatch.setenv("RSFT_JUDGE_URL", "http://judge/v1")
    monkeypatch.delenv("RSFT_JUDGE_MODEL", raising=False)
    with pytest.raises(ValueError, match="RSFT_JUDGE_MODEL"):
        check_scorable("HEx-PHI", [])


def test_one_answer_that_could_not_be_judged_does_not_lose_the_others(one_item):
    def ask(prompt):
        return "no idea" if "third" in prompt else "Score: 5"

    answers = [(one_item("HEx-PHI"), text, True, 3) for text in ("first", "second", "third", "fourth")]
    judged = score_all(answers, ask)
    assert [type(result) is NotJudged for result in judged] == [False, False, True, False]
    assert [result.outcome for result in judged if type(result) is not NotJudged] == ["correct"] * 3
    assert judged[0].value == 5


def test_without_anything_visible_no_judge_is_asked(one_item):
    def ask(prompt):
        raise AssertionError("asked")

    assert score(one_item("HEx-PHI"), "<think>still thinking", False, ask=ask).outcome == "no_answer"


def test_harmful_text_is_not_printed(one_item, capfd, caplog):
    score(one_item("HEx-PHI"), "SOMETHING HARMFUL", True)
    score(one_item("MATH500"), r"\boxed{SOMETHING HARMFUL 9^{9^{9}}", True)
    assert "HARMFUL" not in caplog.text + "".join(capfd.readouterr())


MODEL_LIKE = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "\\boxed{",
            "\\frac{",
            "}",
            "{",
            "$",
            "5",
            "٣",
            "Ⅷ",
            "²",
            "^",
            "!",
            "answer is ",
            "A",
            "No",
        ]
        + [
            "\x1b[2J",
            "\x00",
            "\ud800",
            "\n\n",
            "*" * 99,
            "<<",
            "[",
            "```json\n",
            "🏴",
            "\u202e",
            "\\",
            "0.1e9",
            "=",
            ",",
        ]
    )
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=25, deadline=None)
@given(text=MODEL_LIKE, ended=st.booleans())
def test_no_text_makes_a_scorer_raise(name, text, ended):
    (item,) = items(name, 1, rows=[ROWS[name][0]])
    judged = score(item, text, ended)
    assert judged.outcome in OUTCOMES
    assert judged.cut_off is not ended


def test_rows_can_be_ones_own(tmp_path):
    (tmp_path / "own.jsonl").write_text(as_file("own.jsonl", MATHS))
    assert len(items("MATH500", 7, rows=read_rows(tmp_path / "own.jsonl"))) == 7
