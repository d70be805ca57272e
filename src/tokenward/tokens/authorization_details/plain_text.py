"""Texts that a client writes and a person reads before allowing something: each must be what it looks like.

What is refused: characters that nobody sees or that turn the direction of a text, line breaks, letters of
one alphabet dressed up as another's within a word, ASCII in disguise. A whole word in another one passes:
people have such names. So show no name without what is compared instead of read, such as an account.
"""

import re
import unicodedata
from itertools import groupby

MAX_LENGTH = 200
"""Characters of one text."""

_MOST_MARKS = 3  # on one letter: no writing system needs more, and towers of them hide what is around

# What Unicode counts as visible, and nobody sees: fillers, joiners, variation selectors, Braille's blank.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# Alphabets with letters that look like those of another of them.
_ALIKE = frozenset(
    {"LATIN", "CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "GEORGIAN", "LISU", "DESERET"}
)


def why_misleading(text: str) -> str:
    """Why a person might take the text for another one, in words; "" if they would not."""
    if not text.isprintable() or _UNSEEN.search(text):
        return "a character that nobody sees, that breaks the line or turns the direction of the text"
    if not text or text != " ".join(text.split(" ")).strip() or "  " in text:
        return "no text, or spaces at an end or several in a row"
    if text.isascii():
        return ""
    if text != unicodedata.normalize("NFC", text):
        return "it is not in Unicode's composed form (NFC)"
    if any(map(_is_ascii_in_disguise, text)):
        return "a character that stands for a letter or digit of ASCII"
    if any(is_mark and len(list(run)) > _MOST_MARKS for is_mark, run in groupby(text, _is_mark)):
        return "more marks on a letter than any language has"
    if any(len(_alphabets(word)) > 1 for word in re.findall(r"\w+", text)):
        return "a word with letters of several alphabets that look alike"
    return ""


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0 or unicodedata.category(character) in {"Mn", "Me"}


def _is_ascii_in_disguise(character: str) -> bool:
    plain = unicodedata.normalize("NFKC", character)
    return not character.isascii() and len(plain) == 1 and plain.isascii() and plain.isalnum()


def _alphabets(word: str) -> set[str]:
    names = {unicodedata.name(letter, "").partition(" ")[0] for letter in word if letter.isalpha()}
    return names & _ALIKE
