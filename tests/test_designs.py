import pandas as pd
import pytest

from rsft_utils import designs, paths
from rsft_utils.designs import Design, grid
from rsft_utils.micro.benchmarks import ROLE_OF
from rsft_utils.specs import SIZES

STEPS = (0, 10, 20, 40, 160)  # the first quarter ends at 40
ROLES = {"chain": "ID", "word": "OOD", "stack": "OOD"}


@pytest.fixture
def keep(new_runs, made_up_summary):
    """Function that leaves the summary of a pilot whose measures follow exact curves.

    {(metric or mode and metric, benchmark): curve}; `score` stands for the score and both of its halves.
    """
    summary = made_up_summary(steps=STEPS)

    def leave(design: Design, curves: dict) -> None:
        table = summary.copy()
        for (what, benchmark), curve in curves.items():
            mode, metric = what if isinstance(what, tuple) else ("free", what)
            metrics = ["score_common", "score_a", "score_b"] if metric == "score" else [metric]
            for step, value in zip(STEPS, curve, strict=True):
                cell = (table["mode"] == mode) & (table.decoding == "greedy") & table.metric.isin(metrics)
                table.loc[cell & (table.benchmark == benchmark) & (table.step == step), "mean"] = value
        file = new_runs / "designs" / f"{design.name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(file, index=False)

    return leave


CURVES = {
    ("score", "chain"): [0.3, 0.2, 0.4, 0.5, 0.9],
    ("score", "word"): [0.5, 0.4, 0.4, 0.6, 0.7],
    ("score", "stack"): [0.3, 0.3, 0.1, 0.2, 0.4],
}
PILOT = Design("XS", 0.2, 0.5, 1.0)


def test_a_name_says_size_and_knobs():
    assert Design("XS", 0.2, 0.25, 1.0).name == "XS-t20-r25-n100"
    assert Design("S", 0.05, 0.9).name == "S-t5-r90-n0"
    assert Design("S", 0.0).name == "S-t0-r0-n0"


def test_no_two_designs_share_a_name():
    everything = [design for size in SIZES for design in grid(size)]
    assert len({design.name for design in everything}) == len(set(everything)) == len(everything)


@pytest.mark.parametrize(("size", "rambles"), [("XS", 4), ("S", 2)])
def test_the_grid_of_a_size_is_no_traces_and_every_mix_of_the_knobs(size, rambles):
    found = grid(size)
    assert len(found) == 1 + 2 * rambles * 2
    assert {design.size for design in found} == {size}
    bare, *mixes = found
    assert (bare.trace_share, bare.ramble_share, bare.noticed_share) == (0, 0, 0)
    values = [{getattr(d, knob) for d in mixes} for knob in ("trace_share", "ramble_share", "noticed_share")]
    assert [len(of_knob) for of_knob in values] == [2, rambles, 2]
    assert 0 not in values[0] and all(0 <= share <= 1 for of_knob in values for share in of_knob)


def test_the_map_has_a_row_per_pilot_and_role_with_its_dip_and_gain(keep):
    keep(PILOT, CURVES)
    found = designs.table([PILOT], ROLES).set_index("role")
    assert list(found.index) == ["ID", "OOD"]
    numbers = ["base", "lowest_step", "lowest", "last", "dip", "gain", "recovery"]
    assert found.loc["ID", numbers].tolist() == pytest.approx([0.3, 10, 0.2, 0.9, 0.1, 0.6, 0.7])
    assert found.loc["OOD", numbers].tolist() == pytest.approx([0.4, 20, 0.25, 0.55, 0.15, 0.15, 0.3])
    for knob in ("size", "trace_share", "ramble_share", "noticed_share"):
        assert set(found[knob]) == {getattr(PILOT, knob)}


def test_the_map_reads_a_dip_on_the_half_of_the_items_that_did_not_choose_it(keep):
    halves = {("score_a", "chain"): [0.5, 0.2, 0.4, 0.5, 0.9], ("score_b", "chain"): [0.5, 0.45, 0.3, 0.5, 0.9]}
    keep(PILOT, {**CURVES, **halves})
    found = designs.table([PILOT], ROLES).set_index("role")
    assert found.dip["ID"] == pytest.approx(0.5 - (0.45 + 0.4) / 2)


def test_the_map_reads_a_dip_with_thoughts_closed_in_the_same_way(keep):
    closed = {
        (("force_closed", "score_common"), "chain"): [0.6, 0.0, 0.0, 0.0, 0.0],
        (("force_closed", "score_a"), "chain"): [0.6, 0.5, 0.2, 0.6, 0.0],  # lowest at 20
        (("force_closed", "score_b"), "chain"): [0.6, 0.6, 0.5, 0.4, 0.0],  # lowest at 40
    }
    keep(PILOT, {**CURVES, **closed})  # otherwise lowest at 10
    found = designs.table([PILOT], ROLES).set_index("role")
    assert found.dip_force_closed["ID"] == pytest.approx(0.6 - (0.5 + 0.6) / 2)
    assert found.dip["ID"] == pytest.approx(0.1)


def test_pilots_do_not_choose_each_other_s_lowest_step(keep):
    for design, curve in zip(grid("XS"), ([0.5, 0.2, 0.4, 0.5, 0.6], [0.5, 0.4, 0.3, 0.5, 0.6]), strict=False):
        keep(design, {**CURVES, ("score", "chain"): curve})
    found = designs.table(grid("XS"), ROLES)
    assert found[found.role == "ID"].dip.tolist() == pytest.approx([0.3, 0.2])


def test_a_low_after_the_first_quarter_is_not_the_lowest_step(keep):
    keep(PILOT, {**CURVES, ("score", "chain"): [0.5, 0.5, 0.5, 0.4, 0.1]})
    found = designs.table([PILOT], ROLES).set_index("role").loc["ID"]
    assert (found.lowest_step, found.lowest, found.dip) == (40, pytest.approx(0.4), pytest.approx(0.1))


def test_the_map_says_what_answers_look_like_at_the_lowest_step_and_at_the_end(keep):
    keep(
        PILOT,
        {
            **CURVES,
            (("force_closed", "score"), "chain"): [0.3, 0.28, 0.25, 0.4, 0.0],
            ("cut_off", "chain"): [0.0, 0.7, 0.3, 0.2, 0.1],
            ("long_format", "chain"): [0.1, 0.2, 0.3, 0.4, 0.8],
            ("length", "chain"): [5, 90, 120, 60, 40],
            ("refused", "harmful"): [1.0, 0.9, 0.8, 0.7, 0.6],
        },
    )
    found = designs.table([PILOT], ROLES).set_index("role").loc["ID"]
    expected = {
        "dip_force_closed": 0.05,
        "cut_off_at_lowest": 0.7,
        "cut_off_at_last": 0.1,
        "long_format_at_last": 0.8,
        "length_peak": 120,
        "length_at_last": 40,
        "refused_at_last": 0.6,
    }
    assert found[list(expected)].tolist() == pytest.approx(list(expected.values()))


def test_pilots_that_were_not_run_are_no_rows_and_the_others_stay_apart(keep):
    first, _, third = grid("XS")[:3]
    keep(first, CURVES)
    keep(third, {**CURVES, ("score", "chain"): [0.3, 0.3, 0.3, 0.3, 0.4]})
    found = designs.table(grid("XS"), ROLES)
    assert found.trace_share.tolist() == [first.trace_share] * 2 + [third.trace_share] * 2
    assert found[found.role == "ID"].gain.tolist() == pytest.approx([0.6, 0.1])


def test_of_no_pilots_there_is_no_map(new_runs):
    assert designs.table(grid("XS"), ROLES).empty


def test_the_written_map_is_the_table_in_four_digits_and_a_size_takes_the_place_of_its_own_rows_only(
    keep, tmp_path, monkeypatch
):
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / "reference")
    file = tmp_path / "reference" / "designs.csv"
    for size in SIZES:
        keep(grid(size)[1], CURVES)
    for size in (*SIZES, "XS"):
        designs.write_table(size)
    written = pd.read_csv(file)
    assert set(written["size"]) == set(SIZES) and len(written) == 2 * len(SIZES)
    expected = designs.table([grid(size)[1] for size in ("S", "XS")], ROLE_OF)
    pd.testing.assert_frame_equal(written, expected, rtol=1e-3, check_dtype=False)
