import json

import pytest

from rsft_utils.real import datasets
from rsft_utils.real.datasets import DATASETS, OFFLINE
from rsft_utils.real.models import MODELS
from rsft_utils.real.plan import lengths
from rsft_utils.real.plan.lengths import Lengths, cut_lognormal, from_column, tokens
from rsft_utils.real.spec import RealSpec

SPEC = RealSpec(dataset="Math-CoT-20k", n_rows=8, batch_size=4, epochs=3, max_length=1000)


def test_the_rows_of_a_run_are_counted_exactly():
    found = tokens(SPEC, Lengths([100, 200, 300, 400, 500, 600, 700, 1000]))
    assert found.total == 3 * 3800
    assert (found.kind, found.low, found.high) == ("exact", 1, 1)
    assert found.weighted == pytest.approx(sum(n**2 for n in (100, 200, 300, 400, 500, 600, 700, 1000)) / 3800)


def test_of_a_whole_data_set_the_mean_of_the_rows_that_fit_is_taken():
    found = tokens(SPEC, Lengths([100] * 10 + [300] * 10 + [5000] * 80))
    assert found.total == 8 * 200 * 3
    assert (found.kind, found.source) == ("counted", "mean of the 20 rows that are short enough")


def test_the_length_column_leaves_out_the_prompt():
    found = tokens(SPEC, from_column([100] * 20))
    assert found.total == 8 * (100 + lengths.PROMPT) * 3
    assert found.kind == "computed" and "length column" in found.source


def test_too_few_rows_of_the_allowed_length_are_refused():
    with pytest.raises(ValueError, match="Math-CoT-20k has 7 rows of at most 1000 tokens and the run needs 8"):
        tokens(SPEC, Lengths([1000] * 7 + [1001] * 50))


def test_lengths_that_nobody_counted_are_assumed_and_said_to_be():
    for dataset in (*DATASETS, *OFFLINE, "own.jsonl"):
        found = tokens(RealSpec(dataset=dataset), None)
        assert found.assumed
        assert found.low < 1 <= found.high
    at_most = tokens(RealSpec(dataset="own.jsonl", n_rows=1280, max_length=2048), None)
    assert at_most.total == 1280 * 2048 and "at most" in at_most.source


def test_the_assumed_lengths_go_through_what_is_known_of_them():
    kept, _, _ = cut_lognormal(4096)
    assert kept == pytest.approx(9 / 32, abs=0.01)  # of 32 rows 9 had at most 4,096 tokens
    beyond_the_longest = 1 - cut_lognormal(14_242)[0]
    assert beyond_the_longest == pytest.approx(1 / 32, abs=0.002)


def test_longer_rows_allowed_mean_more_tokens():
    totals = [tokens(RealSpec(max_length=longest), None).total for longest in (1024, 4096, 8192, 16_384)]
    assert totals == sorted(set(totals))
    for longest in (1024, 4096, 16_384):
        _, mean, weighted = cut_lognormal(longest)
        assert mean < weighted < longest
    # no response of the teacher was longer
    assert tokens(RealSpec(max_length=17_408), None).total == tokens(RealSpec(max_length=16_384), None).total


def test_nothing_is_known_of_data_that_are_not_here(fake_hub):
    assert lengths.local(RealSpec()) is None


def test_rows_in_the_cache_are_counted_with_the_tokenizer(fake_hub, qwen_like_tokenizer, tmp_path):
    spec = own_file(tmp_path, n_rows=4)
    model = MODELS[spec.base_model]
    fake_hub.add_model(model.hub_id, saved(qwen_like_tokenizer, tmp_path), commit=model.revision)
    rows = datasets.rows(spec.dataset, 4, 0, max_length=spec.max_length, tokenizer=qwen_like_tokenizer)
    assert lengths.local(spec) == Lengths(rows.lengths)
    assert tokens(spec, lengths.local(spec)).total == sum(rows.lengths)


def test_a_file_of_ones_own_needs_a_tokenizer_to_be_counted(fake_hub, tmp_path):
    assert lengths.local(own_file(tmp_path, n_rows=4)) is None


def test_without_a_tokenizer_the_length_column_is_read(fake_hub, tmp_path):
    import pandas as pd

    data, file = DATASETS["Math-CoT-20k"], tmp_path / "rows.parquet"
    pd.DataFrame({"response": ["a", "b"], "response_length": [900, 4000]}).to_parquet(file)
    fake_hub.add_dataset(data.hub_id, {data.filename: file}, commit=data.revision)
    assert lengths.local(RealSpec()) == from_column([900, 4000])


def own_file(folder, n_rows):
    file = folder / "own.jsonl"
    rows = [{"prompt": f"What is {n} + 7?", "completion": "So 12 + 7 = 19. " * n} for n in range(1, n_rows + 1)]
    file.write_text("\n".join(map(json.dumps, rows)))
    return RealSpec(dataset=str(file), n_rows=n_rows, batch_size=2)


def saved(tokenizer, folder):
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"
