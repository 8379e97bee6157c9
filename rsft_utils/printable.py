"""Text that a model wrote, made fit to be looked at: nothing in it acts on a terminal, a page or a figure."""

LONGEST = 20_000  # characters of one text that are shown


def printable(text: str, longest: int = LONGEST) -> str:
    r"""The same text with every character that does something written as Python writes it: `\x1b` for an escape.

    These are control characters, marks that turn the direction of writing, invisible ones, and halves of characters;
    line ends and tabs stay. What goes beyond `longest` characters is counted instead. Not yet safe in HTML: escape it
    there, and tell Matplotlib parse_math=False.
    """
    left_out = len(text) - longest
    text = text[:longest]
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
    return f"{text}… ({left_out:,} characters more)" if left_out > 0 else text
