"""User codes of the device flow (RFC 8628 §6.1): short enough to be typed, and hard to mistake or to guess.

Eight of twenty consonants: no vowels, so that no code is a word, and no digits, so that a phone shows letters
only. That is 34.6 bits, which lasts because guesses are few: see `issuer.user_codes`.
"""

import unicodedata
from collections.abc import Sequence

from tokenward.base.entropy import random_bits
from tokenward.tokens import opaque

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
MAX_TYPED = 64
"""Characters that are looked at, of what somebody typed."""

_HALF = LENGTH // 2


def new() -> str:
    """A random code, as it is kept: eight letters."""
    number = random_bits(128)  # of which the last 35 count: each code is as likely as any other, to 2⁻⁹³
    letters = []
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)


def shown(code: str) -> str:
    """A code as people read it: `XXXX-XXXX`."""
    return f"{code[:_HALF]}-{code[_HALF:]}"


def typed(text: str) -> str | None:
    """The code that somebody typed; None where it can be none.

    Case is forgiven, and so is everything that is no letter or digit: hyphens, spaces, full stops.
    """
    if len(text) > MAX_TYPED:
        return None
    letters = [each for each in unicodedata.normalize("NFKC", text).upper() if each.isalnum()]
    return "".join(letters) if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else None


def keyed_hash(pepper: bytes, code: str) -> bytes:
    """The form in which a code is stored, 32 bytes: who lacks the pepper cannot try all codes against it."""
    return opaque.keyed_hash(pepper, f"user code {code}")


def keyed_hashes(peppers: Sequence[bytes], code: str) -> list[bytes]:
    """All forms in which it may be stored: the first pepper writes, all read."""
    return [keyed_hash(pepper, code) for pepper in peppers]
