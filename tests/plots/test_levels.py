import pandas as pd
from contrast import contrast
from drawing import LABEL, changes, legend, of_kinds, points
from matplotlib.colors import same_color

from rsft_utils import plots
from rsft_utils.micro.benchmarks import BENCHMARKS
from rsft_utils.plots.style import TITLES


def heat_map(figure):
    """Texts of the cells by line and benchmark, and the titles above them by place."""
    (axis,) = figure.axes
    lines, benchmarks = ([tick.get_text() for tick in getattr(axis, f"get_{side}ticklabels")()] for side in "yx")
    texts, titles = {}, {}
    for text in axis.texts:
        x, y = text.get_position()
        if y < 0:
            titles[x] = text.get_text()
        else:
            texts[lines[int(y)], benchmarks[int(x)]] = text
    assert len(texts) + len(titles) == len(axis.texts)
    return texts, titles


def test_a_change_is_written_in_its_cell_as_rounded_points_with_a_sign(drawn):
    texts, _ = heat_map(drawn("changes"))
    assert {place: text.get_text() for place, text in texts.items()} == {
        ("long CoT", "fact"): "-12",
        ("long CoT", "word"): "+9",
        ("long CoT", "chain"): "+30",
        ("long CoT", "lock"): "-3",
        ("long CoT", "harmful"): "+2",
        ("a game", "word"): "-21",
        ("a game", "chain"): "+4",
        ("a game", "fact"): "-65",
        ("a game", "harmful"): "+73",
    }


def test_a_sure_change_is_bold_and_an_unsure_one_smaller(drawn):
    texts, _ = heat_map(drawn("changes"))
    sizes = {sure: set() for sure in (True, False)}
    for row in changes().itertuples():
        text = texts[row.line, row.benchmark]
        assert (text.get_fontweight() == "bold") == row.sure
        sizes[row.sure].add(text.get_fontsize())
    assert max(sizes[False]) < min(sizes[True])


def test_every_number_stands_out_from_its_cell(drawn):
    (axis,) = drawn("changes").axes
    cells = axis.collections[0]
    filled = [color for color in cells.get_facecolors() if color[3]]
    numbers = [text for text in axis.texts if text.get_position()[1] > 0]
    for text, color in zip(numbers, filled, strict=True):
        assert contrast(text.get_color(), color) > 4


def test_where_no_change_is_sure_none_is_bold():
    texts, _ = heat_map(plots.changes(changes().assign(sure=False), label=LABEL))
    assert {text.get_fontweight() == "bold" for text in texts.values()} == {False}


def test_lines_keep_their_order_and_benchmarks_are_grouped_by_role(drawn):
    figure = drawn("changes")
    (axis,) = figure.axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["long CoT", "a game"]
    benchmarks = [tick.get_text() for tick in axis.get_xticklabels()]
    assert benchmarks == ["chain", "word", "lock", "fact", "harmful"]
    _, titles = heat_map(figure)
    middles = {0.5: "ID", 2: "OOD", 3.5: "GEN", 4.5: "SAFE"}
    assert titles == {middle: TITLES[role] for middle, role in middles.items()}
    assert [list(line.get_xdata()) for line in axis.get_lines()] == [[1, 1], [3, 3], [4, 4]]  # between the roles


def test_roles_without_a_benchmark_have_neither_title_nor_border():
    figure = plots.changes(changes().query("role == 'OOD'"), label=LABEL)
    assert heat_map(figure)[1] == {1: TITLES["OOD"]}
    assert len(figure.axes[0].get_lines()) == 0


def test_what_was_not_measured_stays_empty(drawn):
    texts, _ = heat_map(drawn("changes"))
    assert ("a game", "lock") not in texts
    (mesh,) = drawn("changes").axes[0].collections
    assert mesh.get_array().mask.sum() == 1 and mesh.get_array().mask[1, 2]


def test_the_colours_of_changes_are_mirrored_at_zero_and_end_where_they_are_told_to():
    def colors(**options):
        mesh = plots.changes(changes(), label=LABEL, **options).axes[0].collections[0]
        return mesh, mesh.to_rgba([-80, -50, -20, 0, 20, 50, 80])

    mesh, usual = colors()
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-50, 50)
    assert same_color(usual[0], usual[1]) and same_color(usual[5], usual[6])
    assert usual[5][2] > usual[5][0] and usual[1][0] > usual[1][2]  # a gain is blue, a loss red
    _, wider = colors(largest=100)
    assert not same_color(wider[0], wider[1])


def test_every_line_and_benchmark_of_a_large_map_of_changes_is_named():
    rows = [
        (f"line {place}", name, benchmark.role, float(place), True)
        for place in range(14)
        for name, benchmark in BENCHMARKS.items()
    ]
    figure = plots.changes(pd.DataFrame(rows, columns=changes().columns), label=LABEL)
    assert len(heat_map(figure)[0]) == len(rows)
    assert {tick.get_text() for tick in figure.axes[0].get_xticklabels()} == set(BENCHMARKS)
    assert len(figure.axes[0].get_yticklabels()) == 14


def test_there_is_a_panel_for_each_role_in_which_runs_were_measured(drawn):
    assert [axis.get_title() for axis in drawn("base_and_final").axes] == [TITLES[r] for r in ("ID", "OOD", "GEN")]


def test_every_run_is_a_point_at_its_base_and_last_score(drawn):
    for axis, role in zip(drawn("base_and_final").axes, ("ID", "OOD", "GEN"), strict=True):
        here = points()[points().role == role]
        assert list(of_kinds(axis)) == list(dict.fromkeys(here.kind))
        for kind, line in of_kinds(axis).items():
            own = here[here.kind == kind]
            assert line.get_linestyle() == "None"  # points are not joined
            assert not line.get_clip_on()  # one at zero is seen whole
            assert list(line.get_xdata()) == own.base.tolist()
            assert list(line.get_ydata()) == own["last"].tolist()
        assert axis.get_xlim() == axis.get_ylim() == (0, 1)
        (diagonal,) = (line for line in axis.get_lines() if line.get_label().startswith("_"))
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]


def test_every_kind_of_run_has_a_marker_and_a_colour_of_its_own(drawn):
    for axis in drawn("base_and_final").axes:
        lines = of_kinds(axis).values()
        assert len({line.get_marker() for line in lines}) == len({line.get_color() for line in lines}) == 3
    assert legend(drawn("base_and_final")) == ["S", "XS", "S, Qwen2"]


def test_a_kind_looks_the_same_in_every_panel_and_is_explained_wherever_it_was_measured():
    figure = plots.base_and_final(points().query("not (kind == 'S' and role == 'ID')"), label=LABEL)
    looks = {}
    for axis in figure.axes:
        for kind, line in of_kinds(axis).items():
            looks.setdefault(kind, set()).add((line.get_marker(), line.get_color()))
    assert all(len(seen) == 1 for seen in looks.values())
    assert set(legend(figure)) == {"S", "XS", "S, Qwen2"}
