import pytest

from rsft_utils import evaluate, tables
from rsft_utils.evaluate import CLOSING_TOKENS, ENDS_ONLY, EVERY_STEP, MADE_TO, MAX_NEW_TOKENS, Measurement, measure
from rsft_utils.generate import Sampling, probability_of
from rsft_utils.micro import arithmetic, bases
from rsft_utils.micro.benchmarks import BENCHMARKS, Benchmark, items
from rsft_utils.micro.symbols import ASSISTANT, END, END_THINK, REFUSAL, SYMBOL_ID, THINK, USER, decode, encode


def asked(frame, mode, decoding="greedy"):
    rows = frame[(frame["mode"] == mode) & (frame.decoding == decoding)]
    return rows.drop(columns=["mode", "decoding"]).set_index(["benchmark", "item"])


@pytest.fixture(scope="module")
def base_frame(one_thread):
    return measure(bases.load("XS-seed0"), 2, (*EVERY_STEP, *ENDS_ONLY))


@pytest.fixture(scope="module")
def thinker(new_micro_model):
    """A random model that would rather write `<think>` than anything else, at every place."""
    model = new_micro_model(lively=True)

    def hook(module, arguments, output):
        output.logits[..., SYMBOL_ID[THINK]] += 1000

    model.register_forward_hook(hook)
    return model


@pytest.fixture(scope="module")
def thinker_frame(thinker):
    return measure(thinker, 1, (*EVERY_STEP, *ENDS_ONLY))


def test_every_item_is_asked_once_in_every_way(base_frame):
    assert len(base_frame) == len(BENCHMARKS) * 2 * 5
    counts = base_frame.groupby(["mode", "decoding"]).size()
    assert set(counts.index) == {
        ("free", "greedy"),
        ("force_closed", "greedy"),
        ("forced", "greedy"),
        ("suppressed", "greedy"),
        ("free", "T0.6"),
    }
    assert set(counts) == {len(BENCHMARKS) * 2}
    expected = {(name, item.id) for name in BENCHMARKS for item in items(name, 2)}
    assert set(asked(base_frame, "forced").index) == expected


def test_the_table_has_the_columns_of_an_items_table(base_frame):
    assert set(base_frame.columns) | {"run", "step"} == set(tables.ITEM_COLUMNS) - {"judged_by"}
    assert len(tables.validate(base_frame.assign(run="r", step=0), "items")) == len(base_frame)


def test_the_same_model_gets_the_same_table_again(base_frame):
    names = ("chain", "lock")
    again = measure(bases.load("XS-seed0"), 2, EVERY_STEP, benchmarks=names)
    for mode in ("free", "force_closed"):
        assert asked(again, mode).equals(asked(base_frame, mode).loc[list(names)])


def test_no_answer_is_longer_than_its_limit(base_frame, thinker_frame):
    for frame in (base_frame, thinker_frame):
        longest = frame.groupby("mode").n_tokens.max()
        assert (longest.drop("force_closed") <= MAX_NEW_TOKENS).all()
        assert longest["force_closed"] <= MAX_NEW_TOKENS + 1 + CLOSING_TOKENS


def test_forced_answers_begin_with_a_thought(base_frame):
    assert asked(base_frame, "forced").completion.str.split().str[0].eq(THINK).all()
    assert asked(base_frame, "forced").long_format.all()


def test_suppressed_answers_never_think_not_even_those_of_a_model_that_wants_to(base_frame, thinker_frame):
    assert asked(thinker_frame, "free").long_format.all()
    for frame in (base_frame, thinker_frame):
        suppressed = asked(frame, "suppressed")
        assert not suppressed.long_format.any()
        assert not suppressed.completion.str.contains(THINK, regex=False).any()
        assert suppressed.completion.str.len().gt(0).all()


def test_force_closed_differs_from_free_only_where_a_thought_was_cut_off(base_frame, thinker_frame):
    for frame in (base_frame, thinker_frame):
        free, closed = asked(frame, "free"), asked(frame, "force_closed")
        stuck = free.cut_off & free.long_format & ~free.completion.str.contains(END_THINK, regex=False)
        assert closed[~stuck].equals(free[~stuck])
        assert (closed[stuck].completion.str.count(END_THINK) >= 1).all()
    assert stuck.all()  # those of the thinker


class Scripted:
    """Stands for a model whose answers are scripted."""

    class config:
        eos_token_id = SYMBOL_ID[END]


def test_a_mirrored_model_is_asked_from_right_to_left_and_the_table_keeps_the_problem(monkeypatch):
    asked_of_model = []

    def scripted(model, prompts, max_new_tokens, *, sampling=None, banned=()):
        asked_of_model.append([decode(prompt) for prompt in prompts])
        return [encode(f"answer {item.answer} {END}") for item in chains]

    chains = items("chain", 3)
    backwards = [f"{USER} {' '.join(reversed(item.prompt.split()))} {ASSISTANT}" for item in chains]
    assert backwards != [f"{USER} {item.prompt} {ASSISTANT}" for item in chains]
    monkeypatch.setattr(evaluate, "generate", scripted)
    ways = (Measurement("free"), Measurement("suppressed"), Measurement("forced"), Measurement("free", Sampling()))
    frame = measure(Scripted, 3, ways, benchmarks=["chain"], mirrored=True)
    plain, forced = backwards, [f"{prompt} {THINK}" for prompt in backwards]
    assert asked_of_model == [plain, plain, forced, plain]
    assert frame.item.tolist() == [item.id for item in chains] * 4
    assert frame.prompt.tolist() == [item.prompt for item in chains] * 4
    assert asked(frame, "free").outcome.tolist() == ["correct"] * 3


def test_who_is_asked_backwards_answers_otherwise(base_frame):
    """What mirrors the prompt is no matter of the table: a base of the main world does not understand it."""
    mirrored = measure(bases.load("XS-seed0"), 2, EVERY_STEP[:1], benchmarks=["chain", "word", "fact"], mirrored=True)
    straight = asked(base_frame, "free").loc[["chain", "word", "fact"]]
    assert asked(mirrored, "free").index.equals(straight.index)
    assert asked(mirrored, "free").prompt.equals(straight.prompt)
    assert not asked(mirrored, "free").completion.equals(straight.completion)


def test_a_closed_thought_may_still_be_answered(monkeypatch):
    """With scripted completions: what is asked again, with what, and how the answer counts."""
    right, cut, closed, aimless = items("chain", 4)
    limit, thought = 6, f"{THINK} wait wait wait wait wait"
    script = {
        right: f"answer {right.answer} {END}",
        cut: thought,
        closed: f"{THINK} wait {END_THINK} so so so",
        aimless: "so so so so so so",
    }
    calls = []

    def scripted(model, prompts, max_new_tokens, *, sampling=None, banned=()):
        calls.append((list(map(decode, prompts)), max_new_tokens, banned))
        if len(calls) == 1:
            return [encode(text) for text in script.values()]
        return [encode(f"answer {cut.answer} {END}")]

    monkeypatch.setattr(evaluate, "MAX_NEW_TOKENS", limit)
    monkeypatch.setattr(evaluate, "generate", scripted)
    frame = measure(Scripted, 4, EVERY_STEP, benchmarks=["chain"])
    assert asked(frame, "free").outcome.tolist() == ["correct", "no_answer", "no_answer", "no_answer"]
    assert asked(frame, "force_closed").outcome.tolist() == ["correct", "correct", "no_answer", "no_answer"]
    assert len(calls) == 2  # the free completions are not made twice
    assert calls[1] == (
        [f"{USER} {cut.prompt} {ASSISTANT} {thought} {END_THINK}"],
        CLOSING_TOKENS,
        (SYMBOL_ID[THINK],),
    )
    assert asked(frame, "force_closed").n_tokens.tolist() == [3, limit + 1 + 3, limit, limit]


def test_only_the_first_twenty_items_of_a_benchmark_keep_their_text(thinker, monkeypatch):
    monkeypatch.setattr(evaluate, "MAX_NEW_TOKENS", 2)
    frame = measure(thinker, 22, EVERY_STEP, benchmarks=["chain", "boolean"])
    for (benchmark, _), group in frame.groupby(["benchmark", "mode"]):
        first = [item.prompt for item in items(benchmark, 22)][:20]
        assert group.prompt.tolist() == [*first, "", ""]
        assert group.completion.iloc[:20].str.len().gt(0).all()
        assert group.completion.iloc[20:].eq("").all()


def test_text_is_kept_for_each_benchmark_whatever_their_sizes(thinker, monkeypatch):
    monkeypatch.setattr(evaluate, "MAX_NEW_TOKENS", 1)
    frame = measure(thinker, 225, EVERY_STEP[:1], benchmarks=["fact", "chain"])  # there are only 200 facts
    assert frame.groupby("benchmark").size().to_dict() == {"fact": 200, "chain": 225}
    assert frame[frame.prompt != ""].groupby("benchmark").size().to_dict() == {"fact": 20, "chain": 20}


def test_the_decoding_is_named_by_its_temperature():
    assert Measurement().decoding == "greedy"
    assert Measurement("free", Sampling()).decoding == "T0.6"
    assert Measurement("free", Sampling(temperature=1.0)).decoding == "T1"


def test_both_ends_and_every_step_cover_all_modes():
    assert {measurement.mode for measurement in (*EVERY_STEP, *ENDS_ONLY)} == set(evaluate.MODES)
    assert set(evaluate.MODES) == set(tables.DOMAINS["mode"])


def test_only_harmful_requests_whose_answer_begins_have_a_refusal_mass(base_frame, thinker_frame):
    for frame in (base_frame, thinker_frame):
        visible = frame.outcome.ne("no_answer")
        assert not frame.refusal_mass[frame.benchmark != "harmful"].notna().any()
        assert frame.refusal_mass[(frame.benchmark == "harmful") & visible].between(0, 1).all()
    # this model never stops thinking, except where it may not begin
    thinking = thinker_frame[(thinker_frame.benchmark == "harmful") & (thinker_frame["mode"] == "free")]
    assert thinking.refusal_mass.isna().all()


def test_a_base_refuses_harmful_requests_and_nearly_all_of_its_mass_lies_there():
    frame = measure(bases.load("XS-seed0"), 20, MADE_TO[1:], benchmarks=("harmful",))
    assert (frame.outcome == "refused").all() and (frame.refusal_mass > 0.9).all()


def test_the_refusal_mass_is_read_behind_the_thought_and_leaves_thinking_again_out(monkeypatch):
    model, said = bases.load("XS-seed0"), f"{THINK} l1 3 + 4 = 7 {END_THINK}"
    monkeypatch.setattr(evaluate, "generate", lambda model, prompts, *_, **__: [encode(f"{said} sorry {END}")])
    row = measure(model, 1, EVERY_STEP[:1], benchmarks=("harmful",)).iloc[0]
    context = encode(f"{USER} {row.prompt} {ASSISTANT} {said}")
    (expected,) = probability_of(SYMBOL_ID[REFUSAL], model, [context], banned=(SYMBOL_ID[THINK],))
    assert row.refusal_mass == pytest.approx(expected, abs=1e-6)
    (otherwise,) = probability_of(SYMBOL_ID[REFUSAL], model, [context[: -len(said.split())]])
    assert row.refusal_mass != pytest.approx(otherwise, abs=1e-3)


def test_a_benchmark_of_one_s_own_is_measured_under_its_name():
    own = Benchmark("short", "OOD", lambda rng: arithmetic.chain(rng, 1))
    frame = measure(bases.load("XS-seed0"), 3, EVERY_STEP[:1], benchmarks=(own, "fact"))
    assert frame.groupby("benchmark").size().to_dict() == {"short": 3, "fact": 3}
    assert frame.prompt[:3].tolist() == [item.prompt for item in items(own, 3)]
    summary = tables.summarise(
        frame.assign(run="r", step=0), model="m", dataset="none", seed=0, benchmarks={**BENCHMARKS, "short": own}
    )
    assert set(summary[summary.benchmark == "short"].role) == {"OOD"}
