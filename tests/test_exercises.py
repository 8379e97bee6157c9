"""The exercises of the notebooks: each is graded and answered, and what an answer says that it prints is printed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from blocks import Block, blocks, lines, prose

from rsft_utils import paths

FILES = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
HEADING = re.compile(r"^### Exercise (\d+) \((easy|medium|hard), (\d+) minutes\): \S", re.MULTILINE)
ANSWER = re.compile(r"<details><summary>Answer</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
HINT = "<details><summary>Hint</summary>\n\n"
TEACHING = paths.ROOT / "docs" / "teaching.md"
LONGEST_ANSWER = 20  # lines of code
every_notebook = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

# One process for all answers of a notebook, each in a namespace of its own. Given with -c, as processes that an answer
# starts would otherwise run this again; a kernel has no file of its own either.
RUN_ALL = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO

printed = []
for code in json.load(sys.stdin):
    with redirect_stdout(StringIO()) as said:
        exec(code, {"__name__": "__main__"})
    printed.append(said.getvalue())
print(json.dumps(printed))
"""


def exercises(file: Path) -> list[str]:
    cells = nbformat.read(file, as_version=nbformat.NO_CONVERT).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown" and HEADING.match(cell.source)]


def code_of(exercise: str) -> list[Block]:
    """The blocks of Python in an exercise's answer."""
    (answer,) = ANSWER.findall(exercise)
    return [block for block in blocks(answer) if block.language == "python"]


@every_notebook
def test_a_notebook_ends_with_graded_exercises_from_easy_to_hard(file):
    heads = [HEADING.match(exercise) for exercise in exercises(file)]
    assert [int(head[1]) for head in heads] == list(range(1, len(heads) + 1))
    grades = [("easy", "medium", "hard").index(head[2]) for head in heads]
    assert len(grades) >= 3 and grades == sorted(grades) and {0, 2} <= set(grades)
    assert all(1 <= int(head[3]) <= 15 for head in heads)


@every_notebook
def test_every_exercise_has_an_answer_with_short_code_its_output_and_what_it_does_not_show(file):
    for exercise in exercises(file):
        for block in code_of(exercise):
            assert block.following[0] == "text", exercise[:80]
            assert len(block.text.splitlines()) <= LONGEST_ANSWER, exercise[:80]
            assert max(map(len, block.text.splitlines())) <= 120, exercise[:80]
        (answer,) = ANSWER.findall(exercise)
        assert code_of(exercise) and "*Not shown*: " in prose(answer), exercise[:80]


@every_notebook
def test_a_hard_exercise_has_a_hint_and_no_question_gives_its_answer_away(file):
    for exercise in exercises(file):
        question = exercise.partition("<details>")[0]
        assert HEADING.match(exercise)[2] != "hard" or HINT in exercise, exercise[:80]
        assert "```" not in question, exercise[:80]


@pytest.mark.slow
@every_notebook
def test_every_answer_runs_and_prints_what_stands_below_it(file, tmp_path):
    """As pasted into a new notebook: in a folder of the reader's, with nothing defined before."""
    answers = [block for exercise in exercises(file) for block in code_of(exercise)]
    environment = os.environ | {
        "PYTHONPATH": str(paths.ROOT),
        "OMP_NUM_THREADS": "1",
        "RSFT_RUNS": str(tmp_path / "runs"),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps([block.text for block in answers]),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = json.loads(done.stdout.splitlines()[-1])
    assert [lines(text) for text in printed] == [lines(block.following[1]) for block in answers]


def numbered() -> dict[tuple[str, int], str]:
    """Every exercise, by its notebook (two digits) and number."""
    return {
        (file.stem[:2], int(HEADING.match(exercise)[1])): exercise for file in FILES for exercise in exercises(file)
    }


def test_the_teaching_page_lists_every_exercise_with_its_grade():
    rows = re.findall(
        r"^\| \[(\d\d), exercise (\d)\]\(\S+\) \| (.+?) \| (\w+) \| (\d+) \|", TEACHING.read_text(), re.MULTILINE
    )
    listed = {(notebook, int(number)): tuple(told) for notebook, number, *told in rows}
    heads = {place: exercise.partition("\n")[0] for place, exercise in numbered().items()}
    assert listed == {
        place: (title, grade, minutes)
        for place, head in heads.items()
        for grade, minutes, title in re.findall(r"\((\w+), (\d+) minutes\): (.*)", head)
    }


def test_every_exercise_that_a_page_names_is_there():
    texts = [page.read_text() for page in (paths.ROOT / "docs").glob("*.md")]
    named = {
        (notebook, int(number))
        for text in texts
        for notebook, number in re.findall(r"\b(0\d)(?:\]\(\S+\))?(?:, exercise |\.)(\d)\b", prose(text))
    }
    assert named and named <= set(numbered())
