import pandas as pd
import pytest
import seaborn as sns
from drawing import LABEL, card

from rsft_utils import plots
from rsft_utils.claims.statements import STATEMENTS
from rsft_utils.plots.scorecard import COLUMNS as EVIDENCE


def on_the_page(figure):
    """What stands beside a claim (number, statement), in its cells (text, colour or None), and above them."""
    (axis,) = figure.axes
    heads = [text.get_text() for text in axis.texts if text.get_position()[1] < 0]
    lines = {}
    for text in axis.texts:
        if text.get_position()[1] >= 0:
            lines.setdefault(text.get_position()[1], []).append(text)
    boxes = {}
    for box in axis.patches:
        boxes[round(box.get_y() + box.get_height() / 2), round(box.get_x() + box.get_width() / 2, 3)] = box
    said, cells = [], {}
    for place, (claim, statement, *texts) in sorted(lines.items()):
        said.append((claim.get_text(), statement.get_text()))
        for name, text in zip(EVIDENCE, texts, strict=True):
            box = boxes.pop((place, round(text.get_position()[0], 3)), None)
            cells[claim.get_text(), name] = (text.get_text(), box and box.get_facecolor()[:3])
    assert not boxes  # nothing is coloured but cells
    return said, cells, heads


def test_every_claim_stands_on_the_page_with_its_statement_in_the_order_given(drawn):
    said, cells, heads = on_the_page(drawn("scorecard"))
    assert said == [
        ("C1", "a first thing"),
        ("C3", "a second thing"),
        ("C8", "a third thing"),
        ("C9", "a fourth thing"),
        ("C18", "a fifth thing"),
    ]
    assert heads == list(EVIDENCE.values()) and list(EVIDENCE) == ["micro", "lora", "released", "published"]
    assert len(cells) == 5 * len(EVIDENCE)


def test_a_cell_says_the_verdict_in_its_colour_and_what_was_not_run_has_none(drawn):
    _, cells, _ = on_the_page(drawn("scorecard"))
    colors = sns.color_palette("colorblind")
    green, red, grey, yellow = (colors[place] for place in (2, 3, 7, 8))
    shades = {"held": green, "did not hold": red, "mixed": yellow, "inconclusive": grey, "too few bases": grey}
    for row in card().itertuples():
        for name in ("micro", "lora", "released"):
            text, color = cells[row.claim.split()[0], name]
            assert text == getattr(row, name)
            assert color == shades.get(text)
    assert cells["C1", "released"] == ("not run", None)


@pytest.mark.parametrize(
    ("agree", "text", "color"),
    [
        (1.0, "100% agree", 2),
        (0.89, "89% agree", 2),
        (0.75, "75% agree", 8),
        (0.5, "50% agree", 8),
        (0.25, "25% agree", 8),
        (0.2, "20% agree", 3),
        (0.0, "0% agree", 3),
        (float("nan"), "not public", None),
    ],
)
def test_the_paper_s_numbers_have_no_verdict_but_the_share_of_signs_that_agree(agree, text, color):
    _, cells, _ = on_the_page(plots.scorecard(card().head(1).assign(agree=agree), label=LABEL))
    colors = sns.color_palette("colorblind")
    assert cells["C1", "published"] == (text, None if color is None else colors[color])


def test_on_the_page_of_all_claims_nothing_runs_into_anything_else():
    claims = [name for id in STATEMENTS for name in ([f"{id} ID", f"{id} OOD"] if id in ("C3", "C4") else [id])]
    full = pd.DataFrame(
        {
            "claim": claims,
            "statement": [": ".join([*claim.split()[1:], STATEMENTS[claim.split()[0]]]) for claim in claims],
            "micro": "too few bases",
            "lora": "did not hold",
            "released": "inconclusive",
            "agree": 1.0,
        }
    )
    figure = plots.scorecard(full, label=LABEL)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [text.get_window_extent() for text in axis.texts]
    for place, box in enumerate(boxes):
        assert not [text for text, other in zip(axis.texts, boxes[:place], strict=False) if box.overlaps(other)]
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    columns = [box for box in axis.patches if box.get_y() < 0]
    for box in columns:
        texts = [text for text in axis.texts if box.get_x() < text.get_position()[0] < box.get_x() + box.get_width()]
        assert len(texts) == len(claims) + 1  # with the head of the column
        area = box.get_window_extent()
        assert all(area.x0 <= text.get_window_extent().x0 and text.get_window_extent().x1 <= area.x1 for text in texts)
