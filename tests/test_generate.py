from collections import Counter
from itertools import pairwise

import pytest

from rsft_utils.generate import (
    BATCH_ROWS,
    COMPACT_BELOW,
    GREEDY,
    Sampling,
    _sample,
    generate,
    generate_continuously,
    probability_of,
)
from rsft_utils.micro import bases
from rsft_utils.micro.benchmarks import BENCHMARKS, items
from rsft_utils.micro.symbols import ASSISTANT, USER, encode

LIMIT = 48


@pytest.fixture(scope="module")
def prompts():
    """Of mixed lengths, and not in the order of their lengths."""
    found = [encode(f"{USER} {item.prompt} {ASSISTANT}") for name in BENCHMARKS for item in items(name, 2)]
    assert len({len(prompt) for prompt in found}) > 5
    return found


@pytest.fixture(scope="module", params=["random", "XS-seed0"])
def model(request, new_micro_model):
    """In double precision: what is compared is the algorithm, not how a matrix product rounds in another shape."""
    return (ending(new_micro_model(lively=True)) if request.param == "random" else bases.load("XS-seed0")).double()


@pytest.fixture(scope="module")
def random_model(new_micro_model):
    return ending(new_micro_model(lively=True)).double()


def ending(model):
    """The same model with a taste for the end, so that some rows end early, some late and some never."""

    def more_likely_to_end(module, arguments, output):
        output.logits[..., module.config.eos_token_id] += 1.5

    model.register_forward_hook(more_likely_to_end)
    return model


def generated_by_transformers(model, prompts, **options):
    """Completions by `model.generate`, with everything after the end taken away."""
    import torch

    eos, pad, width = model.config.eos_token_id, model.config.pad_token_id, max(map(len, prompts))
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    with torch.inference_mode():
        output = model.generate(ids, attention_mask=mask, max_new_tokens=LIMIT, do_sample=False, **options)
    completions = output[:, width:].tolist()
    return [c[: c.index(eos) + 1] if eos in c else c for c in completions]


def continuously(model, prompts, batch_rows, sampling=GREEDY, seeds=None, ends=None):
    """Completions of `generate_continuously` in the order of the prompts."""
    found = generate_continuously(
        model,
        prompts,
        LIMIT,
        sampling=sampling,
        seeds=range(len(prompts)) if seeds is None else seeds,
        ends=[model.config.eos_token_id] if ends is None else ends,
        batch_rows=batch_rows,
    )
    return [completion for _, completion in sorted(found)]


@pytest.fixture
def shapes(new_micro_model):
    """A model as `random_model`, and (rows, tokens, columns) of everything that passes through it."""
    model, passed = ending(new_micro_model(lively=True)).double(), []

    def note(module, args, kwargs):
        passed.append((*kwargs["input_ids"].shape, kwargs["attention_mask"].shape[1]))

    model.register_forward_pre_hook(note, with_kwargs=True)
    return model, passed


def test_the_random_model_ends_some_rows_early_some_late_and_some_never(random_model, prompts):
    lengths = Counter(map(len, generate(random_model, prompts, LIMIT)))
    assert lengths[LIMIT] > 3
    assert len(lengths) > 8


@pytest.mark.parametrize("batch_rows", [1, 3, BATCH_ROWS])
def test_greedy_equals_transformers_token_for_token_in_batches_of_any_size(model, prompts, batch_rows):
    expected = generated_by_transformers(model, prompts)
    assert generate(model, prompts, LIMIT, batch_rows=batch_rows) == expected
    assert continuously(model, prompts, batch_rows) == expected


def test_banned_symbols_never_appear_and_the_rest_is_as_in_transformers(model, prompts):
    eos = model.config.eos_token_id
    counts = Counter(token for c in generate(model, prompts, LIMIT) for token in c if token != eos)
    banned = [token for token, _ in counts.most_common(3)]
    found = generate(model, prompts, LIMIT, banned=banned)
    assert not {token for c in found for token in c} & set(banned)
    assert found == generated_by_transformers(model, prompts, suppress_tokens=banned)


@pytest.mark.parametrize("sampling", [None, Sampling()])
def test_a_completion_ends_with_the_end_or_is_as_long_as_allowed(random_model, prompts, sampling):
    eos = random_model.config.eos_token_id
    for completion in generate(random_model, prompts, LIMIT, sampling=sampling):
        assert eos not in completion[:-1]
        assert completion[-1] == eos or len(completion) == LIMIT


def test_a_model_that_names_no_padding_answers_the_same(random_model, prompts, monkeypatch):
    expected = continuously(random_model, prompts, 8)
    monkeypatch.setattr(random_model.config, "pad_token_id", None)
    assert continuously(random_model, prompts, 8) == expected


def test_nothing_asked_nothing_answered(random_model):
    assert generate(random_model, [], LIMIT) == []


@pytest.mark.parametrize("sampling", [GREEDY, Sampling()])
def test_rows_that_ended_are_dropped(shapes, prompts, sampling):
    model, passed = shapes
    completions = generate(model, prompts, LIMIT, sampling=sampling)
    running = [sum(len(c) > t for c in completions) for t in range(max(map(len, completions)))]
    assert len(passed) == len(running)  # and none after the last row has ended
    for (rows, _, _), needed in zip(passed, running, strict=True):
        assert needed <= rows <= needed / COMPACT_BELOW
    assert sum(rows for rows, _, _ in passed) < 0.9 * len(prompts) * len(passed)


def test_rows_that_ended_give_their_places_to_the_next_prompts(shapes, prompts):
    model, passed = shapes
    lengths = [len(c) for c in generate(model, prompts, LIMIT, batch_rows=8)]
    in_batches = len(passed)
    passed.clear()
    continuously(model, prompts, batch_rows=8)
    asked = [rows for rows, tokens, _ in passed if tokens > 1]
    assert sum(asked) == len(prompts) and len(asked) > len(prompts) / 8
    assert len(passed) < 0.75 * in_batches
    going_on = [rows for rows, tokens, _ in passed if tokens == 1]
    first_end = min(lengths)
    assert max(going_on) == 8 and sum(going_on) <= sum(lengths) / COMPACT_BELOW + first_end


def test_answers_come_as_they_end_and_nothing_of_the_mode_stays_behind(shapes, prompts):
    import torch

    model, passed = shapes
    ask = {"sampling": GREEDY, "seeds": range(len(prompts)), "ends": [model.config.eos_token_id], "batch_rows": 8}
    found, when = {}, []
    for index, completion in generate_continuously(model, prompts, LIMIT, **ask):
        assert not torch.is_inference_mode_enabled()
        found[index] = completion
        when.append(len(passed))
    assert len(found) == len(when) == len(prompts)
    assert when[0] == min(map(len, found.values())) < 10 and when[-1] == len(passed)
    assert list(found) != sorted(found)


def test_the_cache_is_never_wider_than_the_longest_prompt_and_the_limit(shapes, prompts):
    model, passed = shapes
    promised = max(map(len, prompts)) + LIMIT
    continuously(model, prompts, batch_rows=8)
    # rows that joined late find the cache full, and go on nevertheless
    assert max(columns for _, _, columns in passed) == promised
    widths = [columns for _, tokens, columns in passed if tokens == 1]
    assert any(after < before for before, after in pairwise(widths))
    assert max(rows for rows, _, _ in passed) == 8


def test_samples_are_the_same_again_and_in_batches_of_any_size(random_model, prompts):
    first = generate(random_model, prompts, LIMIT, sampling=Sampling(), batch_rows=1)
    assert first == generate(random_model, prompts, LIMIT, sampling=Sampling(), batch_rows=3)
    assert first == generate(random_model, prompts, LIMIT, sampling=Sampling(), batch_rows=BATCH_ROWS)
    assert first != generate(random_model, prompts, LIMIT)


def test_with_seeds_of_their_own_samples_do_not_depend_on_what_else_is_asked(random_model, prompts):
    seeds = list(range(len(prompts)))
    whole = continuously(random_model, prompts, 8, Sampling(), seeds)
    for batch_rows in (3, BATCH_ROWS):
        assert continuously(random_model, prompts, batch_rows, Sampling(), seeds) == whole
    assert continuously(random_model, prompts[5:], 8, Sampling(), seeds[5:]) == whole[5:]
    assert continuously(random_model, prompts[::-1], 8, Sampling(), seeds[::-1]) == whole[::-1]
    assert continuously(random_model, prompts, 8, Sampling(), seeds[::-1]) != whole


def test_an_answer_ends_at_whichever_end_comes_first(random_model, prompts):
    eos = random_model.config.eos_token_id
    plain = generate(random_model, prompts, LIMIT)
    other = next(token for completion in plain for token in completion[:-1])
    for completion, before in zip(continuously(random_model, prompts, 8, ends=[eos, other]), plain, strict=True):
        cut = before[: before.index(other) + 1] if other in before else before
        assert completion == cut


def test_another_seed_gives_other_samples(random_model, prompts):
    first, second = (generate(random_model, prompts, LIMIT, sampling=Sampling(seed=seed)) for seed in (1, 2))
    assert sum(a != b for a, b in zip(first, second, strict=True)) > len(prompts) / 2


def test_banned_symbols_are_not_sampled_either(random_model, prompts):
    banned = sorted({token for c in generate(random_model, prompts, LIMIT, sampling=Sampling()) for token in c})[-5:]
    found = generate(random_model, prompts, LIMIT, sampling=Sampling(), banned=banned)
    assert not {token for c in found for token in c} & set(banned)


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, [0.1, 0.5, 0.05, 0.35]),
        (1.0, 0.9, [2 / 19, 10 / 19, 0, 7 / 19]),  # 0.5 + 0.35 do not reach 0.9, so 0.1 is in the nucleus
        (1.0, 0.8, [0, 10 / 17, 0, 7 / 17]),
        (1.0, 0.4, [0, 1, 0, 0]),
        (0.5, 1.0, [0.01 / 0.385, 0.25 / 0.385, 0.0025 / 0.385, 0.1225 / 0.385]),
        (0.5, 0.95, [0, 0.25 / 0.3725, 0, 0.1225 / 0.3725]),
    ],
)
def test_shares_of_sampled_symbols_follow_temperature_and_top_p(temperature, top_p, expected):
    import torch

    n = 10_000
    logits = torch.tensor([0.1, 0.5, 0.05, 0.35]).log().expand(n, 4)
    uniform = (torch.arange(n) + 0.5) / n  # every draw once, so the shares are exact
    tokens = _sample(logits, uniform, Sampling(temperature, top_p))
    assert (torch.bincount(tokens, minlength=4) / n).tolist() == pytest.approx(expected, abs=2 / n)


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24])
def test_extreme_draws_stay_within_the_nucleus(uniform):
    import torch

    logits = torch.tensor([[0.1, 0.5, 0.05, 0.35]]).log()
    assert _sample(logits, torch.tensor([uniform]), Sampling(1.0, 0.8)).item() == {0.0: 1}.get(uniform, 3)


def test_first_symbols_are_drawn_from_the_models_own_distribution(random_model, prompts):
    import torch
    from scipy.stats import chisquare

    n, sampling = 4000, Sampling(temperature=3.0, top_p=0.8)  # hot, so that there is something to draw from
    with torch.inference_mode():
        logits = random_model(torch.tensor(prompts[:1])).logits[0, -1]
    shares = torch.softmax(logits / sampling.temperature, 0).tolist()
    nucleus, total = {}, 0.0
    for token in sorted(range(len(shares)), key=lambda token: -shares[token]):
        if total < sampling.top_p:
            nucleus[token] = shares[token]
            total += shares[token]
    assert len(nucleus) > 3
    drawn = Counter(token for (token,) in generate(random_model, prompts[:1] * n, 1, sampling=sampling))
    assert set(drawn) <= set(nucleus)
    test = chisquare([drawn[token] for token in nucleus], [n * share / total for share in nucleus.values()])
    assert test.pvalue > 0.001


def test_a_probability_is_the_softmax_over_what_is_not_banned_whatever_else_is_in_the_batch(model, prompts):
    import torch

    banned = (7, 9)
    together = probability_of(20, model, prompts, banned)
    with torch.inference_mode():
        for prompt, found in zip(prompts, together, strict=True):
            logits = model(input_ids=torch.tensor([prompt])).logits[0, -1]
            allowed = [i for i in range(len(logits)) if i not in banned]
            expected = torch.softmax(logits[allowed], -1)[allowed.index(20)]
            assert found == pytest.approx(expected.item(), abs=1e-6)


def test_what_is_banned_has_no_probability_and_nothing_asked_is_nothing_found(random_model, prompts):
    assert probability_of(20, random_model, prompts[:3], banned=(20,)) == [0, 0, 0]
    assert probability_of(20, random_model, []) == []
