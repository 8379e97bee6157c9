"""What a page holds: links lead on, nothing that an output says can run, figures and tables can be read."""

import re
import tomllib

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rsft_utils import paths
from rsft_utils.site import build, clean, markup, pages, widgets
from rsft_utils.site.cells import WIDGET, cells

KNOWN = {page.source for page in pages.pages()}
REPOSITORY = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
HOSTILE = (
    "<script>alert(1)</script>",
    '<img src="x" onerror="alert(1)">',
    "<svg onload=alert(1)>",
    '<a href="javascript:alert(1)">here</a>',
    '<iframe src="https://example.org"></iframe>',
    '<link rel="stylesheet" href="https://example.org/x.css">',
    '<style>@import "https://example.org/x.css"</style>',
    '<div style="background:url(https://example.org/x)" onclick="alert(1)">text</div>',
    "</div></main><script src=https://example.org/x.js>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<meta http-equiv="refresh" content="0; url=https://example.org">',
    '<form action="https://example.org"><input autofocus onfocus=alert(1)></form>',
    "<table><tr><td onmouseover=alert(1)>3</td></tr></table>",
)


def rendered(tmp_path, *notebook_cells, name="01_dip_and_recovery", profile="published", metadata=None) -> str:
    """The content of the page of a notebook."""
    notebook = new_notebook(cells=list(notebook_cells), metadata=metadata or {})
    environment = build._environment(build._built(profile), pages.pages())
    parts = cells(notebook, name, profile, tmp_path / name)
    content = environment.get_template("cells.html.j2").render(cells=parts)
    return str(markup.finished(content, f"notebooks/{name}.ipynb", KNOWN)[0])


# Links


@pytest.mark.parametrize(
    ("source", "link", "leads"),
    [
        ("docs/teaching.md", "glossary.md", "glossary.html"),
        ("docs/teaching.md", "#45-minutes", "#45-minutes"),
        ("docs/teaching.md", "../README.md#two-commands", "../README.html#two-commands"),
        ("docs/teaching.md", "../notebooks/00_micro_world.ipynb", "../notebooks/00_micro_world.html"),
        ("README.md", "notebooks/PREREG.md", "notebooks/PREREG.html"),
        ("README.md", "README.ko.md", "README.ko.html"),
        ("README.md", "CITATION.cff", f"{REPOSITORY}/blob/main/CITATION.cff"),
        ("docs/glossary.md", "../rsft_utils/tables.py", f"{REPOSITORY}/blob/main/rsft_utils/tables.py"),
        ("docs/teaching.md", "../data/reference", f"{REPOSITORY}/tree/main/data/reference"),
        ("docs/teaching.md", "../figures/micro/x.png", "../figures/micro/x.png"),
        ("notebooks/05_scorecard.ipynb", "https://arxiv.org/abs/2604.06628", "https://arxiv.org/abs/2604.06628"),
        ("docs/teaching.md", "missing.md", "missing.md"),
        ("README.md", "../elsewhere.md", "../elsewhere.md"),
    ],
)
def test_links_lead_to_pages_figures_or_the_repository(source, link, leads):
    assert pages.destination(link, source, KNOWN) == leads


def test_a_section_that_a_link_names_is_where_it_leads():
    content = markup.from_markdown("[01, section 7](../notebooks/01_dip_and_recovery.ipynb)")
    html, _ = markup.finished(content, "docs/glossary.md", KNOWN)
    assert 'href="../notebooks/01_dip_and_recovery.html#7-what-would-an-early-stop-have-shown-c1-c2"' in html


def test_every_notebook_and_document_is_a_page_of_its_own():
    documents = {f"docs/{file.name}" for file in (paths.ROOT / "docs").glob("*.md")}
    notebooks = {f"notebooks/{file.name}" for file in paths.NOTEBOOKS.iterdir() if file.suffix in (".ipynb", ".md")}
    assert {"README.md", "README.ko.md", *documents, *notebooks} <= KNOWN
    assert len({page.target for page in pages.pages()}) == len(KNOWN)
    assert {page.lang for page in pages.pages()} == {"en", "ko"}


# What may be shown


@pytest.mark.parametrize("html", HOSTILE)
@pytest.mark.parametrize("door", [clean.output, clean.widget, clean.text])
def test_nothing_hostile_gets_through(problems_of, door, html):
    """A picture that leads nowhere may stand in a document, and fails the build."""
    found = problems_of(door(html))
    assert [problem for problem in found if not re.search("leads nowhere|a picture without", problem)] == []


@pytest.mark.parametrize("html", HOSTILE)
def test_a_hostile_output_is_harmless_on_its_page(tmp_path, problems_of, html):
    view = {"model": {"model_name": "HTMLModel", "state": {"_model_name": "HTMLModel", "value": html}}}
    page = rendered(
        tmp_path,
        new_code_cell(
            "display()",
            outputs=[
                new_output("stream", text=html),
                new_output("display_data", {"text/html": html, "text/plain": html}),
                new_output("display_data", {"application/javascript": "alert(1)", "image/svg+xml": html}),
                new_output("display_data", {WIDGET: {"model_id": "model"}, "text/plain": html}),
                new_output("error", ename="Error", evalue=html, traceback=[f"\x1b[31m{html}\x1b[0m"]),
            ],
        ),
        metadata={"widgets": {widgets.STATES: {"state": view}}},
    )
    assert problems_of(page) == []
    assert "\x1b" not in page
    assert page.count("Live in JupyterLab") == 1


def test_what_a_model_wrote_is_shown_as_it_is(tmp_path):
    said = "<think> 3 < 4 & 5 </think> answer <b>1</b> <end>"
    page = rendered(tmp_path, new_code_cell("print()", outputs=[new_output("stream", text=said)]))
    assert "&lt;think&gt; 3 &lt; 4 &amp; 5 &lt;/think&gt; answer &lt;b&gt;1&lt;/b&gt; &lt;end&gt;" in page


def test_a_stray_tag_in_a_document_is_text_and_answers_fold():
    html = markup.from_markdown("a <think> b\n\n<details><summary>Answers</summary>\n\n1. one\n\n</details>\n")
    assert "&lt;think&gt;" in html
    assert re.search(r"<details><summary>Answers</summary>\s*<ol>\s*<li>one</li>\s*</ol>\s*</details>", html)


def test_a_badge_from_elsewhere_is_a_link_with_its_text():
    html, _ = markup.finished(
        markup.from_markdown("[![Open in Colab](https://x.org/b.svg)](https://x.org)"), "README.md", KNOWN
    )
    assert '<a href="https://x.org">Open in Colab</a>' in html


def test_code_keeps_its_indentation_and_is_coloured(tmp_path):
    page = rendered(tmp_path, new_code_cell("for x in y:\n    print(x)  # why"))
    assert '<span class="k">for</span>' in page
    assert re.sub("<[^>]+>", "", page).strip() == "for x in y:\n    print(x)  # why"


def test_columns_of_numbers_stand_to_the_right_and_headers_say_what_for():
    table = (
        "<table><thead><tr><th></th><th>name</th><th>score</th></tr></thead>"
        "<tbody><tr><th>0</th><td>3</td><td>0.5</td></tr><tr><th>1</th><td>chain</td><td>-1</td></tr></tbody></table>"
    )
    html, _ = markup.finished(clean.output(table), "README.md", KNOWN)
    assert re.findall(r'<t[hd] class="number"[^>]*>([^<]+)', html) == ["score", "0.5", "-1"]
    assert html.count('scope="col"') == 3 and html.count('scope="row"') == 2
    assert html.startswith('<div aria-label="Table" class="scroll"')


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel


def test_figures_are_files_with_names_and_words(tmp_path):
    shown = new_output("execute_result", {"image/png": PNG}, metadata={"image/png": {"alt": "what is seen"}})
    page = rendered(tmp_path, new_code_cell('notebook.show(study, NAME, "claims")', outputs=[shown]))
    assert (tmp_path / "01_dip_and_recovery" / "claims.png").read_bytes().startswith(b"\x89PNG")
    assert 'src="01_dip_and_recovery/claims.png"' in page and 'alt="Figure: claims. what is seen"' in page
    assert "reference runs" not in page


def test_the_papers_figure_and_a_missing_one_have_the_committed_one_beside_them(tmp_path):
    drawn = new_output("execute_result", {"image/png": PNG})
    missing = new_output("stream", text="limits: not drawn; there are no numbers for it here (another profile).\n")
    page = rendered(
        tmp_path,
        new_code_cell('notebook.show(pictures, NAME, "dip_and_recovery")', outputs=[drawn]),
        new_code_cell('notebook.show(pictures, NAME, "limits")', outputs=[missing]),
    )
    assert 'src="../figures/micro/01_dip_and_recovery/dip_and_recovery.png"' in page
    assert 'src="../figures/micro/01_dip_and_recovery/limits.png"' in page
    assert "not drawn" not in page


def test_with_runs_of_ones_own_a_figure_stands_alone(tmp_path):
    drawn = new_output("execute_result", {"image/png": PNG})
    cell = new_code_cell('notebook.show(pictures, NAME, "dip_and_recovery")', outputs=[drawn])
    assert "figures/micro" not in rendered(tmp_path, cell, profile="micro")


def test_setup_is_folded_and_what_papermill_put_in_is_named(tmp_path):
    injected = new_code_cell('profile = "published"', metadata={"tags": ["injected-parameters"]})
    page = rendered(
        tmp_path,
        injected,
        new_markdown_cell("## Setup (skip)"),
        new_code_cell("import sys"),
        new_markdown_cell("## 1. A"),
    )
    assert re.findall("<summary>([^<]+)", page) == ["Parameters of this page", "Setup code"]


def test_a_widget_shows_what_was_chosen():
    states = {
        "box": {"children": ["IPY_MODEL_step", "IPY_MODEL_view"]},
        "step": {"_options_labels": ["0", "640"], "index": 1, "description": "step"},
        "view": {"_model_name": "HTMLModel", "value": '<b style="color:#029e73; position:fixed">ok</b>'},
    }
    view = widgets.view(states, "box")
    assert "<b>step</b> 640" in view
    assert "<b>ok</b>" in view
    assert widgets.view(states, "gone") == ""
