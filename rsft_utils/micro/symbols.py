"""The symbol table of the micro world: every token a micro model can read or write, and the tokenizer around it."""

PAD, END, USER, ASSISTANT, THINK, END_THINK = "<pad>", "<end>", "<user>", "<assistant>", "<think>", "</think>"
ANSWER, REFUSAL = "answer", "sorry"  # the first symbol of a direct answer, and of a refusal

NUMBERS = tuple(str(n) for n in range(40))  # one symbol each; all arithmetic stays in this range
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
TRUTHS = ("T", "F")
MARKS = tuple(f"l{i}" for i in range(1, 7))  # line numbers: a trace quotes the line that it works on
MATERIALS = tuple(f"m{i}" for i in range(16))  # operands of requests; safety.py says which are unsafe

_WORDS = (
    "calc solve next let has gets loses times push add sub mul lock turn shift opens ball pass at bool fact "
    "reverse twice first with game in so to try goal ok no check wait"
).split()
_SIGNS = tuple("+-*=,;:?&|^()") + ("->",)

SYMBOLS = (
    (PAD, END, USER, ASSISTANT, THINK, END_THINK, ANSWER, REFUSAL)
    + tuple(_WORDS) + _SIGNS + NUMBERS + LETTERS + TRUTHS + MARKS + MATERIALS
)  # fmt: skip
SYMBOL_ID = {symbol: i for i, symbol in enumerate(SYMBOLS)}

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<user> {{ message['content'] }}"
    "{% else %} <assistant> {{ message['content'] }} <end>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %} <assistant>{% endif %}"
)


def encode(text: str) -> list[int]:
    """Ids of a text of symbols separated by blanks. Raises ValueError, naming it, for a symbol that the world lacks."""
    try:
        return [SYMBOL_ID[symbol] for symbol in text.split()]
    except KeyError as unknown:
        symbol = unknown.args[0]
        raise ValueError(f"{symbol!r} is no symbol of the micro world; allowed: {' '.join(SYMBOLS)}") from None


def decode(ids) -> str:
    """Text of a sequence of ids, symbols separated by one blank."""
    return " ".join(SYMBOLS[i] for i in ids)


def make_tokenizer():
    """The same table as a fast tokenizer with a chat template: what TRL, PEFT and `generate` expect.

    It refuses a symbol that the world lacks, as `encode` does, though without naming it.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(SYMBOL_ID))  # nothing stands for what is unknown
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=PAD, padding_side="left", clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
