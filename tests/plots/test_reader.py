import html

import matplotlib.pyplot as plt
import seaborn as sns
from drawing import LABEL, written
from matplotlib.colors import same_color

from rsft_utils import plots
from rsft_utils.plots.reader import MOST_LINES, WIDTH


def texts_of(axis):
    """Title, and the words of an answer in their order."""
    title, *words = axis.texts
    return title.get_text(), words


def test_every_word_of_every_answer_is_drawn_once_under_its_title(drawn):
    answers = [answer for row in written() for answer in row]
    for axis, (title, words) in zip(drawn("answers").axes, answers, strict=True):
        found, texts = texts_of(axis)
        assert found == title
        assert [text.get_text() for text in texts] == [word for word, _ in words]


def test_words_stand_one_after_the_other_and_none_beyond_the_width(drawn):
    for axis in drawn("answers").axes:
        at, line = 0, 0
        for text in texts_of(axis)[1]:
            x, y = text.get_position()
            length = len(text.get_text())
            assert x + length <= WIDTH == axis.get_xlim()[1]
            if y > line and at:  # a new line only where the word had no room
                assert x == 0 and at + length > WIDTH
            else:
                assert x == at
            assert y >= line
            at, line = x + length + 1, y
            assert y + 0.5 < axis.get_ylim()[0]  # within the panel
    assert len({text.get_position()[1] for text in texts_of(axis)[1]}) > 5  # the last answer is a long one


def test_what_is_drawn_is_as_wide_as_it_was_laid_out(drawn):
    figure = drawn("answers")
    figure.draw_without_rendering()
    for axis in figure.axes:
        for text in texts_of(axis)[1]:
            assert text.get_window_extent().x1 <= axis.get_window_extent().x1 + 1


def test_the_kinds_of_words_are_told_apart_by_colour(drawn):
    colors, answers = sns.color_palette("colorblind"), [words for row in written() for _, words in row]
    paint = {"valid": colors[2], "empty": colors[3], "frame": "0.4", "plain": "0.1"}
    for axis, words in zip(drawn("answers").axes, answers, strict=True):
        for text, (_, kind) in zip(texts_of(axis)[1], words, strict=True):
            assert same_color(text.get_color(), paint[kind])
            assert (text.get_fontweight() == "bold") == (kind in ("valid", "empty"))


def test_what_looks_like_a_formula_or_a_tag_is_drawn_literally(tmp_path):
    words = [("$\\nonsense{$", "plain"), ("<end>", "frame"), ("$x$", "valid"), ("&", "plain")]
    figure = plots.answers([[("S", words)]], label=LABEL)
    with plt.rc_context({"svg.fonttype": "none"}):  # text as text
        plots.save(figure, tmp_path, "answer", formats=["svg"])
    written = html.unescape((tmp_path / "answer.svg").read_text())
    for word, _ in words:
        assert f">{word}</text>" in written


def test_titles_and_heads_are_no_formulas_either(tmp_path):
    figure = plots.answers([[("$\\nonsense{$", [])]], label="of $\\nonsense{$ and $x^2$")
    plots.save(figure, tmp_path, "titles", formats=["png"])  # raises where it is read as one
    assert not any(text.get_parse_math() for text in [*figure.axes[0].texts, figure._suptitle])


def test_a_word_that_is_longer_than_a_line_goes_on_in_the_next():
    (axis,) = plots.answers([[("S", [("x" * 130, "valid"), ("<end>", "frame")])]], label=LABEL).axes
    pieces = [text.get_text() for text in texts_of(axis)[1]]
    assert pieces == ["x" * WIDTH, "x" * WIDTH, "x" * (130 - 2 * WIDTH), "<end>"]


def test_of_an_endless_answer_only_the_beginning_is_drawn(tmp_path):
    figure = plots.answers([[("S", [("y" * WIDTH, "plain")] * 100_000)]], label=LABEL)
    texts = texts_of(figure.axes[0])[1]
    assert len(texts) == MOST_LINES + 1
    assert texts[-1].get_text() == "… 99,900 lines more"
    plots.save(figure, tmp_path, "endless", formats=["png"])


def test_models_stand_side_by_side_and_steps_below_each_other(drawn):
    one, other, below, last = (axis.get_position() for axis in drawn("answers").axes)
    assert one.x1 <= other.x0 and (one.y0, one.y1) == (other.y0, other.y1)
    assert below.y1 <= one.y0 + 1e-9 and (below.x0, below.x1) == (one.x0, one.x1)
    assert last.y0 >= 0 and other.x1 <= 1 and one.y1 < 1
