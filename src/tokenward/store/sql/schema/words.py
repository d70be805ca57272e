"""Lists of words in one column, joined by a space."""


def join_words(words: tuple[str, ...]) -> str:
    """The words as one text, from which `split_words` gives them back.

    Raises:
        ValueError: a word is empty or holds a space, so that it would not come back as it was.
    """
    text = " ".join(words)
    if split_words(text) != words:
        raise ValueError("a list of words would not come back as it was: one holds a space or is empty")
    return text


def split_words(text: str) -> tuple[str, ...]:
    """The words of a text that `join_words` made."""
    return tuple(text.split(" ")) if text else ()
