"""What a person must see of the name that a stranger gives itself: which of its letters look like others.

A Bank whose a is Cyrillic reads like Bank. Nobody can say whether a name is an honest one in another script,
so none is refused for that: every letter that is not a plain one is told by its name in Unicode, and that
the name mixes scripts is told first (Unicode TR 39 §5.1).
"""

import unicodedata
from dataclasses import dataclass

MOST_TOLD = 8  # letters; a name with more of them is no imitation of a plain one

# Scripts that are written together (Unicode TR 39 §5.2, "highly restrictive").
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"CJK", "BOPOMOFO"}),
    frozenset({"CJK", "HANGUL"}),
)


@dataclass(frozen=True, slots=True)
class OddLetters:
    """What stands out in a name.

    Attributes:
        mixed: the scripts, where they are of several that are not written together, else ().
        letters: each letter that is none of a to z, with its name, the first `MOST_TOLD` of them.
    """

    mixed: tuple[str, ...]
    letters: tuple[tuple[str, str], ...]


def odd_letters(name: str) -> OddLetters | None:
    """What stands out in the name; None where all of it is ASCII."""
    odd = [each for each in dict.fromkeys(name) if not each.isascii()]
    if not odd:
        return None
    scripts = tuple(dict.fromkeys(_script(each) for each in name if each.isalpha()))
    mixed = len(scripts) > 1 and not any(each.issuperset(scripts) for each in _TOGETHER)
    told = tuple((each, unicodedata.name(each, f"U+{ord(each):04X}")) for each in odd[:MOST_TOLD])
    return OddLetters(tuple(each.capitalize() for each in scripts) if mixed else (), told)


def _script(letter: str) -> str:
    """The first word of its name, which is its script for letters that people write."""
    return unicodedata.name(letter, "UNKNOWN").split()[0]
