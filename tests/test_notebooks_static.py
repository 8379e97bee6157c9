"""Rules that every notebook keeps, checked without running it."""

import ast
import functools
import io
import re
import tokenize
import tomllib

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rsft_utils import paths

FILES = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
LONGEST_CELL = 40  # lines
MARKDOWN_SHARE = (0.45, 0.70)  # of all cells
BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]+\)\]\(https://colab\.research\.google\.com/github/([^)\s]+)\)")


def check_is_valid(notebook, where):
    nbformat.validate(notebook)


def check_has_no_outputs(notebook, where):
    for cell in code_cells(notebook):
        assert cell.outputs == [], f"a cell has outputs:\n{cell.source}"
        assert cell.execution_count is None, f"a cell has an execution count:\n{cell.source}"


def check_parameters(notebook, where):
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.cell_type for cell in tagged] == ["code"], "there must be one code cell tagged `parameters`"
    source = tagged[0].source
    trailing, standing = comment_lines(source)
    statements = ast.parse(source).body
    assert statements, "the parameters cell is empty"
    for statement in statements:
        text = ast.unparse(statement)
        assert isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name), f"not annotated: {text}"
        assert statement.value is not None, f"no value: {text}"
        try:
            ast.literal_eval(statement.value)
        except ValueError:
            raise AssertionError(f"not a literal: {text}") from None
        lines = set(range(statement.lineno, statement.end_lineno + 1))
        assert lines & trailing or statement.lineno - 1 in standing, f"no comment: {text}"


def check_cells_are_short(notebook, where):
    for cell in code_cells(notebook):
        length = len(cell.source.splitlines())
        assert length <= LONGEST_CELL, f"{length} lines in the cell that starts with\n{cell.source[:200]}"


def check_tells_a_story(notebook, where):
    share = sum(cell.cell_type == "markdown" for cell in notebook.cells) / len(notebook.cells)
    low, high = MARKDOWN_SHARE
    assert low <= share <= high, f"{share:.0%} of the cells are markdown, {low:.0%} to {high:.0%} are wanted"


def check_parses(notebook, where):
    for cell in code_cells(notebook):
        ast.parse(cell.source)


def check_repeats_no_mechanism(notebook, where):
    for cell in code_cells(notebook):
        repeated = public_names() & {name for name, _ in definitions(ast.walk(ast.parse(cell.source)))}
        assert not repeated, f"defined again, import from the package instead: {', '.join(sorted(repeated))}"


def check_badge(notebook, where):
    first = notebook.cells[0]
    assert first.cell_type == "markdown", "the first cell must be markdown"
    targets = BADGE.findall(first.source)
    assert len(targets) == 1, "the first cell must hold one Colab badge"
    home = repository().removeprefix("https://github.com/")
    assert re.fullmatch(rf"{re.escape(home)}/blob/[^/]+/{re.escape(where)}", targets[0]), (
        f"the badge opens {targets[0]}"
    )


def check_setup_clones_the_project(notebook, where):
    (clones,) = [cell.source for cell in code_cells(notebook) if '"clone"' in cell.source]
    assert f'home = "{repository()}"' in clones, f"the setup cell clones another address than {repository()}"


def check_ends_with_its_result(notebook, where):
    *others, last = notebook.cells
    assert re.fullmatch(r"notebook\.end\(NAME.*\)", last.source), "the last cell must write the notebook's result"
    assert others[-1].cell_type == "markdown" and "result.json" in others[-1].source, "a line before it must say so"


CHECKS = [
    check_is_valid,
    check_has_no_outputs,
    check_parameters,
    check_cells_are_short,
    check_tells_a_story,
    check_parses,
    check_repeats_no_mechanism,
    check_badge,
    check_setup_clones_the_project,
    check_ends_with_its_result,
]


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def comment_lines(source):
    """Line numbers of comments behind code, and of comments that stand alone."""
    trailing, standing = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            (trailing if token.line[: token.start[1]].strip() else standing).add(token.start[0])
    return trailing, standing


def definitions(nodes):
    """(name, node) of the functions and classes among these syntax nodes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [(node.name, node) for node in nodes if isinstance(node, kinds)]


@functools.cache
def repository():
    """The project's address, from its only home."""
    return tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


@functools.cache
def public_names():
    """Functions and classes that the package offers, read from its source: importing it all would load torch."""
    names = set()
    for file in (paths.ROOT / "rsft_utils").rglob("*.py"):
        names |= {name for name, _ in definitions(ast.parse(file.read_text()).body)}
    return {name for name in names if not name.startswith("_")}


def sample():
    """The smallest notebook that keeps all rules, and its place."""
    where = "notebooks/sample.ipynb"
    home = repository().removeprefix("https://github.com/")
    link = f"https://colab.research.google.com/github/{home}/blob/main/{where}"
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"
    tags = {"tags": ["parameters"]}
    cells = [
        new_markdown_cell(f"# A title\n\n{badge}"),
        new_code_cell("# how often\nseeds: int = 1\nlr: float = 2e-4  # peak learning rate", metadata=tags),
        new_markdown_cell("What we see."),
        new_code_cell(f'home = "{repository()}"\nsubprocess.run(["git", "clone", home])'),
        new_markdown_cell("The last cell writes `result.json`."),
        new_code_cell("notebook.end(NAME)"),
    ]
    return new_notebook(cells=cells), where


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_notebook(file, check):
    check(nbformat.read(file, as_version=nbformat.NO_CONVERT), file.relative_to(paths.ROOT).as_posix())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_notebook_passes(check):
    check(*sample())


@pytest.mark.parametrize(
    ("check", "cell", "source"),
    [
        (check_parameters, 1, ""),
        (check_parameters, 1, "seeds: int = 1"),
        (check_parameters, 1, "seeds = 1  # how often"),
        (check_parameters, 1, "seeds: int  # how often"),
        (check_parameters, 1, "seeds: int = max(1, 2)  # how often"),
        (check_parameters, 1, "seeds: int = 1  # how often\nlr: float = 2e-4"),
        (check_parameters, 1, "import os  # how often"),
        (check_cells_are_short, 3, "1\n" * 41),
        (check_parses, 3, "published.load("),
        (check_repeats_no_mechanism, 3, "def load():\n    pass"),
        (check_badge, 0, "# A title"),
        (check_badge, 0, sample()[0].cells[0].source.replace("sample", "other")),
        (check_badge, 0, sample()[0].cells[0].source.replace("/blob/", "-fork/blob/")),
        (check_ends_with_its_result, 4, "Goodbye."),
        (check_ends_with_its_result, 5, "print('done')"),
        (check_setup_clones_the_project, 3, 'home = "https://github.com/a/b"\nsubprocess.run(["git", "clone", home])'),
    ],
)
def test_a_bad_cell_is_caught(check, cell, source):
    notebook, where = sample()
    notebook.cells[cell].source = source
    with pytest.raises((AssertionError, SyntaxError)):
        check(notebook, where)


def test_a_bad_notebook_is_caught():
    notebook, where = sample()
    notebook.cells[3].execution_count = 1
    notebook.cells[1].metadata.tags = []
    notebook.cells.append(new_markdown_cell("More."))
    notebook.cells += [new_markdown_cell("And more.") for _ in range(4)]
    for check in (check_has_no_outputs, check_parameters, check_tells_a_story):
        with pytest.raises(AssertionError):
            check(notebook, where)
    notebook.cells[0].pop("source")
    with pytest.raises(nbformat.ValidationError):
        check_is_valid(notebook, where)
