"""What untrusted or hand-written markup may hold. nbconvert's sanitiser does the work; here stand its lists."""

import re
from functools import cache

# Of an output: a table and marked text. No link, no picture, no style: a model may have written it.
OUTPUT_TAGS = "table thead tbody tfoot tr th td caption div p br hr b i em strong code pre sub sup ul ol li".split()
OUTPUT_ATTRIBUTES = {"th": ["colspan", "rowspan", "scope"], "td": ["colspan", "rowspan"]}
# How the explorer marks backtracks.
UNDER_A_WORD = ("decoration", "decoration-skip-ink", "underline-offset")
# Of the project's own Markdown: more, and still nothing that runs.
TEXT_TAGS = OUTPUT_TAGS + "a img h1 h2 h3 h4 h5 h6 blockquote del details summary kbd".split()
TEXT_ATTRIBUTES = {
    **{tag: [*OUTPUT_ATTRIBUTES[tag], "style"] for tag in OUTPUT_ATTRIBUTES},  # Markdown aligns columns with a style
    "a": ["href", "title"],
    "img": ["src", "alt", "title"],
    "code": ["class"],
    "ol": ["start"],
}
# Tags that mean nothing without what stands in them, or whose content is no text to be read.
WITH_CONTENT = re.compile(r"<(style|script|template|noscript)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)


def output(html: str) -> str:
    """The tables and the text of an HTML output; every other tag is shown as text."""
    return _sanitizer("output").sanitize_html_tags(WITH_CONTENT.sub("", html))


def widget(html: str) -> str:
    """The text of an HTML widget with its colours."""
    return _sanitizer("widget").sanitize_html_tags(WITH_CONTENT.sub("", html))


def text(html: str) -> str:
    """HTML made of the project's Markdown, in which a stray tag such as <think> is shown as text."""
    return _sanitizer("text").sanitize_html_tags(html)


@cache
def _sanitizer(kind: str):
    from nbconvert.preprocessors.sanitize import SanitizeHTML

    lists = {
        "output": {"tags": OUTPUT_TAGS, "attributes": OUTPUT_ATTRIBUTES, "styles": []},
        "widget": {
            "tags": [*OUTPUT_TAGS, "span"],
            "attributes": {**OUTPUT_ATTRIBUTES, "span": ["style"]},
            "styles": ["font-weight", "opacity", *(f"text-{name}" for name in UNDER_A_WORD)],
        },
        "text": {"tags": TEXT_TAGS, "attributes": TEXT_ATTRIBUTES, "styles": ["text-align"]},
    }
    return SanitizeHTML(**lists[kind])
