import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsft_utils.micro import bases
from rsft_utils.micro.models import new_model
from rsft_utils.micro.symbols import END, PAD, SYMBOL_ID, SYMBOLS, decode, encode, make_tokenizer

TEXTS = st.lists(st.sampled_from(SYMBOLS), max_size=40).map(" ".join)


@pytest.fixture(scope="module")
def tokenizer():
    return make_tokenizer()


@pytest.fixture(scope="module")
def reloaded(tokenizer, tmp_path_factory):
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(params=["made", "reloaded"])
def either(request, tokenizer, reloaded):
    return tokenizer if request.param == "made" else reloaded


def test_no_symbol_occurs_twice_or_holds_a_blank():
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert all(symbol.split() == [symbol] for symbol in SYMBOLS)


@settings(deadline=None)
@given(TEXTS)
def test_decode_undoes_encode(text):
    assert decode(encode(text)) == text


@pytest.mark.parametrize("text", ["calc -3", "Calc", "3+4", "answer m16", "<END>"])
def test_a_symbol_that_the_world_lacks_is_refused(text):
    with pytest.raises(ValueError, match=r"is no symbol of the micro world; allowed: <pad> <end> "):
        encode(text)


@pytest.mark.parametrize("text", ["calc -3", "Calc", "answer m16"])
def test_the_tokenizer_refuses_what_it_does_not_know_and_makes_no_padding_of_it(either, text):
    with pytest.raises(Exception, match=r"Missing .UNK. token from the vocabulary"):
        either(text)


def test_the_shipped_tokenizers_refuse_it_too():
    from transformers import PreTrainedTokenizerFast

    for name in bases.SHIPPED:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(bases.folder(name), local_files_only=True)
        with pytest.raises(Exception, match=r"Missing .UNK. token"):
            tokenizer("calc Three")


@settings(deadline=None)
@given(TEXTS)
def test_the_tokenizer_is_the_same_table(tokenizer, reloaded, text):
    for either in (tokenizer, reloaded):
        assert either(text)["input_ids"] == encode(text)
        assert either.decode(encode(text)) == text


def test_the_tokenizer_knows_every_symbol_and_no_other(either):
    assert either.get_vocab() == SYMBOL_ID
    assert either.convert_tokens_to_ids(list(SYMBOLS)) == list(range(len(SYMBOLS)))


def test_end_and_padding_are_those_of_the_models(either):
    config = new_model("XS").config
    assert (either.eos_token_id, either.pad_token_id) == (config.eos_token_id, config.pad_token_id)
    assert (either.eos_token, either.pad_token) == (END, PAD)


def test_padding_stands_on_the_left_where_generation_needs_it(either):
    short, long = either(["calc 3", "calc 3 + 4"], padding=True)["input_ids"]
    assert short == encode(f"{PAD} {PAD} calc 3") and long == encode("calc 3 + 4")


@pytest.mark.parametrize("completion", ["answer 5", "<think> 3 + 4 = 0 </think> so 0 answer 0", "sorry"])
def test_chat_template_writes_a_conversation_as_the_corpus_does(either, completion):
    conversation = [{"role": "user", "content": "calc 3 + 2"}, {"role": "assistant", "content": completion}]
    whole = either.apply_chat_template(conversation, tokenize=False)
    opened = either.apply_chat_template(conversation[:1], tokenize=False, add_generation_prompt=True)
    assert whole == f"<user> calc 3 + 2 <assistant> {completion} <end>"
    assert opened == "<user> calc 3 + 2 <assistant>"
    # TRL asks for ids, and takes those of the opening off the front
    ids = either.apply_chat_template(conversation, return_dict=True)["input_ids"]
    prompt = either.apply_chat_template(conversation[:1], return_dict=True, add_generation_prompt=True)["input_ids"]
    assert ids == encode(whole) and prompt == ids[: len(prompt)] == encode(opened)
