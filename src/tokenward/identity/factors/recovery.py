"""Recovery codes: what a person writes down for the day when the phone is gone. Each is good once.

They have 100 random bits, so that a keyed hash is enough to keep them: there is nothing to guess, and no
need for a slow one as for passwords.
"""

import re

from tokenward.base.entropy import random_bits
from tokenward.base.secret import Secret
from tokenward.tokens import opaque

COUNT = 10

# Crockford's base32: no letters that look like digits, and no U, so that chance writes fewer words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 20, 5
_MAX_TYPED = 64  # characters: a code with spaces and dashes wherever somebody may put them
_CODE = re.compile(rf"[{_ALPHABET}]{{{_LENGTH}}}")
_NOTHING = re.compile(r"[\s\u2010-\u2015-]+")  # spaces, and what word processors make of a dash
_LOOK_ALIKES = str.maketrans("OIL", "011")


def new_codes() -> list[Secret]:
    """`COUNT` codes as a person reads them: four groups of five characters."""
    return [Secret(_grouped(_random_code())) for _ in range(COUNT)]


def normal(text: str) -> str | None:
    """The one spelling of what was typed, for `keyed_hash`; None where it is no code.

    Lower case, spaces and dashes do not matter, nor does a letter O or I for a digit.
    """
    if len(text) > _MAX_TYPED:
        return None
    plain = _NOTHING.sub("", text).upper().translate(_LOOK_ALIKES)
    return plain if _CODE.fullmatch(plain) else None


def keyed_hash(pepper: bytes, user_id: str, code: str) -> bytes:
    """What is stored of a code in its normal spelling: 32 bytes, another for each person.

    The first pepper writes; to look a code up, try all.
    """
    return opaque.keyed_hash(pepper, f"recovery-code/{user_id}/{code}")


def _random_code() -> str:
    number = random_bits(5 * _LENGTH)
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
