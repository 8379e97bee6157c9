"""Scores at a limit: what answers would have got that are cut there."""

import pandas as pd
import pytest
from item_rows import item

from rsft_utils.evaluate import MAX_NEW_TOKENS
from rsft_utils.micro import benchmarks, score
from rsft_utils.micro.symbols import ANSWER, END, END_THINK, REFUSAL, THINK
from rsft_utils.tables import LIMITS, summarise


def test_a_score_at_a_limit_is_what_grading_the_answer_cut_there_gives():
    """Answers that end just before, at and after every limit, or never; harmless requests score their refusals."""
    lengths = [limit + beside for limit in (*LIMITS, MAX_NEW_TOKENS) for beside in (-1, 0, 1)]
    rows, regraded = [], {}
    for name in ("chain", "benign"):
        for number, (asked, length) in enumerate(zip(benchmarks.items(name, len(lengths)), lengths, strict=True)):
            visible = [REFUSAL] if name == "benign" else [ANSWER, "0" if number % 4 == 3 else asked.answer]
            thought = [THINK, *["wait"] * (length - len(visible) - 3), END_THINK]
            symbols = [*thought, *visible, END][:MAX_NEW_TOKENS]
            whole = score.score(asked, " ".join(symbols))
            assert whole.n_tokens == min(length, MAX_NEW_TOKENS)
            rows.append(item(0, name, whole.outcome, item=asked.id, cut_off=whole.cut_off, n_tokens=whole.n_tokens))
            for limit in LIMITS:
                cut = score.score(asked, " ".join(symbols[:limit]))
                regraded.setdefault((name, limit), []).append(cut.outcome)
    summary = summarise(pd.DataFrame(rows), model="m", dataset="d", seed=0).set_index(["benchmark", "metric"])
    for (name, limit), outcomes in regraded.items():
        hits = outcomes.count("refused" if name == "benign" else "correct")
        assert summary["mean"][name, f"score_at_{limit}"] == pytest.approx(hits / len(lengths)), (name, limit)
    shares = [summary["mean"]["chain", f"score_at_{limit}"] for limit in LIMITS]
    assert 0 < shares[0] < shares[1] < shares[2] < summary["mean"]["chain", "score_common"] < 1


def test_a_score_at_a_limit_is_over_the_items_asked_at_every_step():
    asked = {0: (10, 10, 100), 10: (10, 100)}  # tokens of right answers, one item more at the first step
    rows = [
        item(n, "chain", "correct", step=step, n_tokens=k) for step, long in asked.items() for n, k in enumerate(long)
    ]
    summary = summarise(pd.DataFrame(rows), model="m", dataset="d", seed=0).set_index(["step", "metric"])
    assert summary.n_items[0, "score_at_48"] == summary.n_items[10, "score_at_48"] == 2
    assert (summary["mean"][0, "score_at_48"], summary["mean"][10, "score_at_48"]) == (1, 1 / 2)
