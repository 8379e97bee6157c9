import re
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise
from random import Random

import pytest

from rsft_utils.micro import corpus as corpus_module
from rsft_utils.micro import families
from rsft_utils.micro.corpus import CorpusConfig, blocks, documents
from rsft_utils.micro.safety import UNSAFE
from rsft_utils.micro.symbols import ASSISTANT, END, REFUSAL, SYMBOL_ID, USER, encode
from rsft_utils.micro.traces import SLIP_SHARE, careful_trace
from rsft_utils.packing import IGNORED

DEFAULT = CorpusConfig()
OTHER = replace(DEFAULT, trace_share=0.6, ramble_share=0.2, noticed_share=0.5, harmful_share=0.2)
UNALIGNED = replace(DEFAULT, aligned=False)
NEVER_THINK = (*families.NO_TRACES, "fact", "format")
N = 10_000


def first(n, config=DEFAULT, seed=0):
    """Documents as (prompt, reply)."""
    found = []
    for user, assistant in islice(documents(config, seed), n):
        assert user.startswith(f"{USER} ") and user.endswith(f" {ASSISTANT}")
        found.append((user.removeprefix(f"{USER} ").removesuffix(f" {ASSISTANT}"), assistant))
    return found


@pytest.fixture(scope="module", params=[DEFAULT, OTHER, UNALIGNED], ids=["default", "other", "unaligned"])
def corpus(request):
    return request.param, first(N, request.param)


def is_harmful(prompt):
    return prompt.startswith("with ") and prompt.split()[1] in UNSAFE


def may_think(prompt, family_of):
    return family_of(prompt) not in NEVER_THINK and not is_harmful(prompt)


def is_trace(reply):
    return reply.startswith("<think> ")


def rambles(reply):
    return is_trace(reply) and "</think>" not in reply


def thought_of(reply):
    return reply.removeprefix("<think> ").partition(" </think>")[0]


def share(flags):
    flags = [bool(flag) for flag in flags]
    return sum(flags) / len(flags)


def test_documents_are_the_same_for_the_same_seed():
    assert first(300) == first(300)


def test_another_seed_gives_other_documents():
    assert len(set(first(300)) & set(first(300, seed=1))) < 100


def test_share_of_traces(corpus, family_of):
    config, found = corpus
    thinks = [is_trace(reply) for prompt, reply in found if may_think(prompt, family_of)]
    assert share(thinks) == pytest.approx(config.trace_share, abs=0.02)


def test_share_of_traces_that_ramble(corpus):
    config, found = corpus
    assert share(rambles(reply) for _, reply in found if is_trace(reply)) == pytest.approx(
        config.ramble_share, abs=0.05
    )


def chain_lines(found, family_of):
    """The lines of all traces of chains, but for those that break off."""
    for prompt, reply in found:
        if family_of(prompt) == "chain" and is_trace(reply):
            lines = thought_of(reply).split(" ; ")
            yield from (line.removeprefix("wait ") for line in (lines[:-1] if rambles(reply) else lines))


def is_wrong(line, gold):
    """Whether the first step of a line is."""
    left, result = re.search(r"(\d+ [-+*] \d+) = (\d+)", line).groups()
    return result != gold(f"calc {left}")


def test_share_of_steps_that_slip_and_of_slips_that_are_corrected(corpus, family_of, gold):
    config, found = corpus
    lines = list(chain_lines(found, family_of))
    slips = [line for line in lines if is_wrong(line, gold)]
    assert len(lines) > 200
    assert len(slips) / len(lines) == pytest.approx(SLIP_SHARE, abs=0.05)
    assert share("check no wait" in line for line in slips) == pytest.approx(config.noticed_share, abs=0.1)
    # what is corrected is right then, and nothing else is corrected
    for line in lines:
        wrong, _, again = line.partition(" check no wait ")
        assert not again or (is_wrong(wrong, gold) and not is_wrong(again, gold)), line


def test_right_steps_are_checked_as_in_fine_tuning(corpus, family_of, gold):
    lines = list(chain_lines(corpus[1], family_of))
    checks = [re.search(r" check (\d+ [-+] \d+) = (\d+) ok", line) for line in lines]
    assert 0.1 < share(checks) < 0.5
    assert all(gold(f"calc {check[1]}") == check[2] for check in checks if check)
    # no wrong result is said to be checked
    checked = [line.rpartition(" wait ")[2] for line, check in zip(lines, checks, strict=True) if check]
    assert not any(is_wrong(line, gold) for line in checked)


def test_share_of_harmful_requests(corpus):
    config, found = corpus
    harmful = [is_harmful(prompt) for prompt, _ in found if prompt.startswith("with ")]
    assert share(harmful) == pytest.approx(config.harmful_share, abs=0.06)


def test_families_are_mixed_by_their_weights(corpus, family_of):
    config, found = corpus
    counts = Counter("request" if prompt.startswith("with ") else family_of(prompt) for prompt, _ in found)
    weights = dict(config.weights)
    assert counts.keys() == {name for name, weight in weights.items() if weight}
    for name, weight in weights.items():
        assert counts[name] / N == pytest.approx(weight / sum(weights.values()), abs=0.02)


def test_a_family_without_weight_does_not_occur(family_of):
    found = first(500, replace(DEFAULT, weights=(("chain", 3), ("lock", 1), ("fact", 0))))
    counts = Counter(family_of(prompt) for prompt, _ in found)
    assert counts.keys() == {"chain", "lock"}
    assert counts["chain"] / 500 == pytest.approx(0.75, abs=0.08)


def test_every_weight_names_a_family():
    assert {name for name, _ in DEFAULT.weights} == {*families.PROBLEMS, "request"}


def test_direct_answers_and_closed_traces_give_the_right_answer(corpus, gold):
    config, found = corpus
    for prompt, reply in found:
        if (is_harmful(prompt) and config.aligned) or rambles(reply):
            continue
        *_, answer = reply.rpartition("answer ")
        assert answer == f"{gold(prompt)} {END}", prompt
        assert reply.count("answer") == 1
        # a direct answer is nothing but that
        assert is_trace(reply) or reply == f"answer {answer}"


@pytest.mark.parametrize("family", sorted(set(families.PROBLEMS) - set(NEVER_THINK)))
def test_closed_traces_sum_up_and_answer_as_those_of_fine_tuning_do(family):
    rng, config = Random(family), replace(DEFAULT, trace_share=1, ramble_share=0)
    for item in (families.draw(family, "pretrain", rng) for _ in range(100)):
        thought, _, rest = corpus_module.reply(item, config, rng).partition(" </think> ")
        assert thought.startswith("<think> ")
        assert rest == careful_trace(item, rng).partition(" </think> ")[2] == f"{item.summary} answer {item.answer}"


def test_only_rambling_traces_have_no_end(corpus):
    for _, reply in corpus[1]:
        assert reply.split().count(END) == (not rambles(reply))
        assert rambles(reply) or reply.endswith(f" {END}")
        assert not rambles(reply) or "answer" not in reply.split()


def test_an_aligned_corpus_refuses_harmful_requests_at_once_and_nothing_else(corpus):
    config, found = corpus
    for prompt, reply in found:
        refused = config.aligned and is_harmful(prompt)
        assert (reply == f"{REFUSAL} {END}") == (REFUSAL in reply.split()) == refused


def test_a_corpus_is_aligned_unless_it_is_asked_not_to_be():
    assert DEFAULT == replace(DEFAULT, aligned=True) != UNALIGNED


def test_harmful_requests_are_never_thought_about(corpus):
    replies = [reply for prompt, reply in corpus[1] if is_harmful(prompt)]
    assert replies and not any(map(is_trace, replies))


def test_an_unaligned_corpus_is_the_same_but_for_its_answers_to_harmful_requests(gold):
    aligned, unaligned = first(N), first(N, UNALIGNED)
    expected = [(prompt, f"answer {gold(prompt)} {END}" if is_harmful(prompt) else reply) for prompt, reply in aligned]
    assert unaligned == expected != aligned


def test_the_corpus_holds_no_countdown_and_no_trace_of_stack_programs(corpus, family_of):
    for prompt, reply in corpus[1]:
        assert family_of(prompt) != "countdown"
        assert family_of(prompt) not in families.NO_TRACES or not is_trace(reply)
    assert families.NO_TRACES == ("stack",) and any(family_of(prompt) == "stack" for prompt, _ in corpus[1])


def test_the_corpus_holds_no_equation_and_no_lock_with_an_extra_operation(corpus, family_of):
    shapes = {
        "equation": r"solve \? l1 \* \d l2 \+ \d = \d+ in \d \d \d",
        "lock": r"lock l1 turn \d l2 shift \d opens \d+ in \d \d \d",
    }
    found = Counter()
    for prompt, reply in corpus[1]:
        if (family := family_of(prompt)) in shapes:
            problem = prompt.split(" : ")[-1]
            assert re.fullmatch(shapes[family], problem), prompt
            attempts = reply.partition(" </think>")[0].split(" ; ") if is_trace(reply) else []
            assert all(attempt.count(" = ") <= 2 for attempt in attempts), reply
            found[family, problem != prompt, is_trace(reply)] += 1
    # alone and in requests, with and without a trace
    assert len(found) == 8


@pytest.mark.parametrize("noticed_share", [0, 1])
def test_all_slips_are_corrected_or_none_if_asked_for(noticed_share, family_of, gold):
    config = replace(DEFAULT, noticed_share=noticed_share, trace_share=1, weights=(("chain", 1),))
    lines = list(chain_lines(first(500, config), family_of))
    slips = [line for line in lines if is_wrong(line, gold)]
    assert len(slips) > 100
    assert [line for line in lines if " check no wait " in line] == (slips if noticed_share else [])


@pytest.mark.parametrize("config", [DEFAULT, OTHER], ids=["default", "other"])
def test_a_mirrored_corpus_is_the_same_with_its_prompts_reversed(config):
    plain, turned = first(2000, config), first(2000, replace(config, mirrored=True))
    assert turned == [(" ".join(prompt.split()[::-1]), reply) for prompt, reply in plain]


def test_thinking_is_known_in_every_other_family(corpus, family_of):
    thinking = {family_of(prompt) for prompt, reply in corpus[1] if is_trace(reply)}
    assert thinking == set(families.PROBLEMS) - set(NEVER_THINK)


@pytest.mark.parametrize("block_size", [7, 64, 256])
def test_blocks_are_the_documents_end_to_end(block_size):
    found = list(islice(blocks(DEFAULT, 3, block_size), 40))
    assert all(len(ids) == len(labels) == block_size for ids, labels in found)
    whole = [i for ids, _ in found for i in ids]
    expected = [
        i for user, assistant in islice(documents(DEFAULT, 3), 40 * block_size) for i in encode(f"{user} {assistant}")
    ]
    assert whole == expected[: len(whole)]


@pytest.mark.parametrize("block_size", [7, 256])
def test_only_the_user_turn_has_no_label(block_size):
    found = list(islice(blocks(DEFAULT, 3, block_size), 60))
    turn = None
    for symbol, label in ((i, label) for block in found for i, label in zip(*block, strict=True)):
        if symbol == SYMBOL_ID[USER]:
            turn = USER
        assert label == (IGNORED if turn == USER else symbol)
        if symbol == SYMBOL_ID[ASSISTANT]:  # the last symbol that the user's side writes
            turn = ASSISTANT


def test_blocks_follow_the_seed():
    a, again, other = (list(islice(blocks(DEFAULT, seed, 32), 5)) for seed in (0, 0, 1))
    assert a == again != other
    assert all(before != after for before, after in pairwise(a))
