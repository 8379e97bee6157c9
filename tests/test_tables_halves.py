"""The halves of the items of a benchmark: the same in every run, each with a score and a length of its own."""

import pandas as pd
import pytest
from item_rows import item

from rsft_utils.micro import benchmarks
from rsft_utils.tables import HALVES, summarise


@pytest.fixture
def halved():
    """Sixty answers at two steps (twenty more at the first one) of two runs, and the summary of each run.

    Ids are real ones; answer n is right and 10 + n tokens long at step 0, wrong and 100 + n tokens at step 20.
    """
    ids = [asked.id for asked in benchmarks.items("chain", 80)]
    rows = [
        item(0, "chain", "correct" if step == 0 else "wrong", item=id, step=step, n_tokens=start + n)
        for step, start, asked in ((0, 10, 80), (20, 100, 60))
        for n, id in enumerate(ids[:asked])
    ]
    first = pd.DataFrame(rows)
    second = first.sample(frac=1, random_state=0).assign(run="other", outcome="no_answer")
    return first, {
        run.run.iloc[0]: summarise(run, model="S-seed0", dataset="math-cot", seed=0) for run in (first, second)
    }


def test_the_halves_share_no_item_and_are_together_the_items_asked_at_every_step(halved):
    _, summaries = halved
    for summary in summaries.values():
        found = summary.set_index(["step", "metric"])
        for step in (0, 20):
            n = {metric: found.n_items[step, metric] for metric in ("score_common", "score_a", "score_b")}
            assert n["score_a"] + n["score_b"] == n["score_common"] == 60
            assert min(n["score_a"], n["score_b"]) > 15
            for kind, whole in (("score", found["mean"][step, "score_common"]), ("length", {0: 39.5, 20: 129.5}[step])):
                parts = [found["mean"][step, f"{kind}_{half}"] * n[f"score_{half}"] for half in HALVES]
                assert sum(parts) == pytest.approx(60 * whole), (step, kind)


def test_the_halves_are_the_same_in_every_run_and_at_every_step(halved):
    """Each item's length tells it from the others, so a half that lost or swapped any would have another mean."""
    _, summaries = halved
    lengths = pd.concat(summaries.values()).query("metric in ['length_a', 'length_b']")
    above_start = lengths["mean"] - lengths.step.map({0: 10, 20: 100})
    for half in HALVES:
        of_half = above_start[lengths.metric == f"length_{half}"]
        assert len(of_half) == 4
        assert of_half.tolist() == pytest.approx([of_half.iloc[0]] * 4)


def test_a_half_has_its_own_score(halved):
    """What is right on the half that `score_a` reads leaves no trace in `score_b`."""
    first, _ = halved
    alone = {
        asked: summarise(first[first["item"] == asked], model="m", dataset="d", seed=0).set_index("metric")
        for asked in first.query("step == 20")["item"].unique()[:10]
    }
    in_a = {asked for asked, summary in alone.items() if summary.n_items["score_a"].max()}
    assert 0 < len(in_a) < 10
    some = first[first["item"].isin(list(alone))]
    right = some.assign(outcome=["correct" if asked in in_a else "wrong" for asked in some["item"]])
    found = summarise(right, model="m", dataset="d", seed=0)
    for step in (0, 20):
        means = found[found.step == step].set_index("metric")["mean"]
        assert (means["score_a"], means["score_b"]) == (1, 0)
        assert means["score_common"] == pytest.approx(len(in_a) / 10)
