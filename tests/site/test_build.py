"""The site as a whole: the first page, what the check finds, what a build does, colours, and every page in order."""

import re
from dataclasses import replace
from itertools import product

import nbformat
import pytest
import yaml
from contrast import contrast
from typer.testing import CliRunner

from rsft_utils import cli, paths, store
from rsft_utils.site import build, check, overview, pages

# The first page


@pytest.mark.parametrize("notebook", sorted(paths.NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_every_notebook_says_what_it_is_about_and_how_long_it_takes(notebook):
    text = nbformat.read(notebook, as_version=4).cells[0].source
    assert len(overview._claim(text)) > 100
    assert "minute" in overview._time(text)


# The check finds what is wrong


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<a href="gone.html">x</a>', "'gone.html' leads nowhere"),
        ('<a href="#gone">x</a>', "'#gone' leads to no such place"),
        ('<a href="index.html#gone">x</a>', "leads to no such place"),
        ('<img src="https://x.org/a.png" alt="a">', "<img> loads"),
        ('<img src="//x.org/a.png" alt="a">', "<img> loads"),
        ('<link rel="stylesheet" href="https://x.org/a.css">', "<link> loads"),
        ('<p style="background:url(a.png)">x</p>', "a style that loads something"),
        ("<script>1</script>", "<script> must not be there"),
        ('<p onclick="x()">x</p>', "<p> has onclick"),
        ('<a href="javascript:x()">x</a>', "leads to 'javascript:x()'"),
        ('<meta http-equiv="refresh" content="0">', "<meta> must not be there"),
        ('<img src="index.html" alt="">', "a picture without a text"),
        ("<h3>x</h3>", "a level of headings is left out"),
        ("<h1>x</h1>", "must be of level 1"),
        ('<p id="top">x</p>', "two places are called 'top'"),
    ],
)
def test_the_check_finds_what_is_wrong(problems_of, body, found):
    assert problems_of('<p id="here"><a href="#here">x</a><a href="https://x.org">x</a></p>') == []
    (problem,) = problems_of(body)
    assert problem.startswith("index.html: ") and found in problem


def test_the_check_reads_style_sheets(tmp_path, problems_of):
    (tmp_path / "style.css").write_text("@import 'x.css';")
    assert problems_of("") == ["style.css: a style sheet that loads something"]


def test_notebooks_show_ones_own_runs_only_if_all_of_them_are_there(monkeypatch, tiny_spec):
    monkeypatch.setattr(store, "is_complete", lambda spec: spec == tiny_spec)
    assert build.profile_for([tiny_spec]) == "micro"
    assert build.profile_for([tiny_spec, replace(tiny_spec, seed=1)]) == "published"


def test_a_build_that_is_not_in_order_fails_with_the_list(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "SITE", tmp_path)
    monkeypatch.setattr(build, "write", lambda notebooks, profile, folder: None)
    monkeypatch.setattr(check, "problems", lambda folder: ["a.html: x", "b.html: y"])
    with pytest.raises(SystemExit, match=r"is not in order:\n  a.html: x\n  b.html: y"):
        build.build({}, "published")


# Design


def colors(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", text))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_enough_contrast(theme):
    style = (build.HERE / "templates" / "style.css").read_text()
    light, dark = re.match(r"(.*?)@media \(prefers-color-scheme: dark\)(.*?\n\})", style, re.DOTALL).groups()
    palette = colors(light) | (colors(dark) if theme == "dark" else {})
    texts = set(palette) - {"paper", "raised", "line"}
    assert len(texts) >= 11
    for text, ground in product(texts, ("paper", "raised")):
        assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)


def test_the_workflow_names_the_version_of_every_action():
    workflow = yaml.safe_load((paths.ROOT / ".github" / "workflows" / "site.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == ["make figures", "make site"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)


# The whole


@pytest.mark.slow
def test_the_whole_site_is_in_order(monkeypatch, tmp_path, new_runs):
    folder = tmp_path / "site"
    monkeypatch.setattr(paths, "SITE", folder)
    done = CliRunner().invoke(cli.app, ["site"])
    assert done.exit_code == 0, done.output
    assert check.problems(folder) == []
    written = {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in folder.rglob("*.html")}
    assert set(written) == {"index.html", *(page.target for page in pages.pages())}
    for place, text in written.items():
        assert not re.search(r"(src|href)=\"(?!https?:|mailto:)[^\"#]*\.(md|ipynb)[\"#]", text), place
        assert str(paths.ROOT) not in text and str(tmp_path) not in text, place
        assert not re.search(r"<p>\s*\|", text), f"{place}: a table that Markdown did not understand"
    for name in cli.NOTEBOOKS:
        page = written[f"notebooks/{name}.html"]
        assert "<code>published</code>" in page
        assert page.count("<img") >= 1 and 'class="warning' not in page
    front = written["index.html"]
    assert all(f">C{number}" in front for number in range(1, 19))
    assert front.count('class="card"') == len(cli.NOTEBOOKS)
    assert not list(new_runs.glob("micro-*"))
