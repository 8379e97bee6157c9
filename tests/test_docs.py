"""The pages for people: their links lead somewhere, their code runs and prints what they say, their quotes are true."""

import ast
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from blocks import blocks, lines, prose
from typer.testing import CliRunner

from rsft_utils import cli, notebook, paths, tables

DOCS = paths.ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
MAKE_IT_YOURS, TROUBLESHOOTING, GLOSSARY = (
    DOCS / f"{name}.md" for name in ("make_it_yours", "troubleshooting", "glossary")
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# A wrong pickle in a benchmark, an expression that is no Countdown solution: both become a judgement, nobody sees them.
FOR_NO_READER = {"_Refused", "pickle.UnpicklingError"}


CODE = [(page, block) for page in PAGES for block in blocks(page.read_text()) if block.language == "python"]
# What trains or measures a model takes its time.
SLOW_CALLS = re.compile(r"\b(results|pretrain|measure|plan)\(")


# Links


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *paths.ROOT.glob("README*.md")], ids=lambda page: page.name)
def test_every_relative_link_leads_to_a_file_and_to_a_heading(page):
    links = [link for link in LINK.findall(prose(page.read_text())) if "://" not in link]
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert target.is_relative_to(paths.ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_lists_every_page_once():
    listed = LINK.findall((DOCS / "README.md").read_text())
    assert [link for link in listed if not link.startswith("..")] == sorted(
        page.name for page in PAGES if page.name != "README.md"
    )


def test_the_glossary_is_alphabetical_and_every_term_says_where_it_is_used():
    entries = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \| (.+) \|$", GLOSSARY.read_text(), re.MULTILINE)
    terms = [term.lower() for term, _, _ in entries]
    assert len(terms) > 40
    assert terms == sorted(set(terms))
    assert all(LINK.search(where) for _, _, where in entries)


def test_the_glossary_names_what_stands_in_tables_and_nothing_else():
    from rsft_utils.claims.claim import COLUMNS

    made = "quantity yours reference low high inside finding p_holm above_chance passes elicited learned final"
    changes = "role base lowest at_step last gain low high"  # of stats.gains
    columns = {*tables.ITEM_COLUMNS, *tables.SUMMARY_COLUMNS, *COLUMNS, *made.split(), *changes.split()}
    _, _, listed = GLOSSARY.read_text().partition("## Names in tables")
    named = {
        name for row in re.findall(r"^\| (`.+?`) \|", listed, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named == columns | set(tables.METRICS)
    values = set(re.findall(r"`([\w.]+)`", listed))
    assert {value for name in ("mode", "outcome") for value in tables.DOMAINS[name]} <= values


def test_a_term_of_the_glossary_occurs_where_it_is_said_to_be_used():
    entries = re.findall(r"^\| \*\*(.+?)\*\* \| .+ \| \[(0\d), .*?\]\((.+?)\) \|$", GLOSSARY.read_text(), re.MULTILINE)
    assert len(entries) > 60
    for term, number, link in entries:
        assert Path(link).name.startswith(number)
        words = [word.removesuffix("s") for word in term.lower().replace(",", " ").split()]
        assert any(word in (GLOSSARY.parent / link).read_text().lower() for word in words), term


def test_every_drill_is_in_the_table_and_every_test_in_the_table_exists():
    for part in re.split(r"^### ", (DOCS / "reliability.md").read_text(), flags=re.MULTILINE)[1:3]:
        (folder,) = (DOCS / link for link in LINK.findall(part))
        tests = "".join(file.read_text() for file in folder.glob("test_*.py"))
        in_the_table = re.findall(r"^\|.* `(test_\w+)` \| (quick|slow) \|$", part, re.MULTILINE)
        assert len(in_the_table) > 10
        assert sorted(name for name, _ in in_the_table) == sorted(re.findall(r"^def (test_\w+)", tests, re.M))


# Code


@pytest.fixture(scope="session")
def reader(tmp_path_factory):
    """Function that runs code as a reader would, in a folder with a model of the reader's own; gives what it prints."""
    import runpy

    home = tmp_path_factory.mktemp("reader")
    runpy.run_path(str(paths.ROOT / "tests" / "tiny_qwen.py"))["save"](home / "my-model")

    def run(code: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(paths.ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=home, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def printed_here(code: str) -> str:
    """What code prints that only reads tables; it needs no process of its own."""
    with redirect_stdout(StringIO()) as said:
        exec(code, {})
    return said.getvalue()


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            block,
            id=f"{page.stem}: {block.text.splitlines()[0]}",
            marks=[pytest.mark.slow] if SLOW_CALLS.search(block.text) else [],
        )
        for page, block in CODE
    ],
)
def test_code_on_a_page_runs_and_prints_what_stands_below_it(block, request):
    run = request.getfixturevalue("reader") if SLOW_CALLS.search(block.text) else printed_here
    printed, (language, expected) = run(block.text), block.following
    if language == "text":
        assert lines(printed) == lines(expected)


def test_examples_are_short():
    lengths = [len(block.text.splitlines()) for page, block in CODE if page == MAKE_IT_YOURS]
    assert len(lengths) >= 4
    assert max(lengths) < 40


def test_what_stays_in_a_proposed_change_stands_in_the_file():
    for block in blocks(MAKE_IT_YOURS.read_text()):
        if block.language != "diff":
            continue
        source = ""
        for line in block.text.splitlines():
            if line.startswith("--- "):
                source = (paths.ROOT / line[4:]).read_text().splitlines()
            elif line.startswith((" ", "-")):
                assert line[1:] in source, line


def commands() -> list[str]:
    shown = [block.text for page in PAGES for block in blocks(page.read_text()) if block.language == "sh"]
    inline = [code for page in PAGES for code in re.findall(r"`([^`\n]+)`", prose(page.read_text()))]
    return [line for text in (*shown, *inline) for line in text.splitlines()]


def test_every_papermill_call_names_a_notebook_and_parameters_that_it_has():
    calls = [shlex.split(line) for line in commands() if re.search(r"(^|/)papermill notebooks/", line)]
    assert calls
    for call in calls:
        given = call[call.index("-p") :] if "-p" in call else []
        notebook.typed(Path(call[1]).stem, cli._pairs(given))


def test_every_command_of_the_package_and_every_make_target_exists():
    targets = set(re.findall(r"^([a-z-]+):", (paths.ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = [re.match(r"(?:\S*python -m rsft_utils|(make)) ([a-z-]+)", line) for line in commands()]
    named = [(match[1], match[2]) for match in asked if match]
    assert {name for tool, name in named if tool} <= targets
    for name in {name for tool, name in named if not tool}:
        assert CliRunner().invoke(cli.app, [name, "--help"]).exit_code == 0, name


# Errors


def text_of(node: ast.expr) -> str:
    """The text of a string in the source, with … for what is put into it."""
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


def strings_and_errors() -> tuple[set[str], set[str]]:
    """All texts in the package and the Makefile; those that errors for people are raised with."""
    texts = set(re.findall(r'echo "([^"]*)"', (paths.ROOT / "Makefile").read_text()))
    errors = set()
    for file in paths.ROOT.glob("rsft_utils/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.JoinedStr, ast.Constant)):
                texts.add(text_of(node))
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                written = text_of(node.exc.args[0])
                if ast.unparse(node.exc.func) not in FOR_NO_READER and written.strip("…"):
                    errors.add(written)
    return {re.sub(r"\$+\w+|\$+\([^)]*\)", "…", text) for text in texts}, errors


def quoted() -> list[str]:
    """What the first column of the tables quotes."""
    return re.findall(r"^\| `([^`]+)` \|", TROUBLESHOOTING.read_text(), re.MULTILINE)


def test_every_quoted_message_stands_in_the_source():
    texts, _ = strings_and_errors()
    assert [quote for quote in quoted() if not any(text.startswith(quote) for text in texts)] == []


def test_every_error_for_people_is_explained():
    _, errors = strings_and_errors()
    assert errors
    unexplained = {error for error in errors if not any(error.startswith(quote) for quote in quoted())}
    assert unexplained == set()
