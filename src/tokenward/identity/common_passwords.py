"""Passwords that are long enough, and guessed all the same: the common, the regular, and the obvious.

NIST SP 800-63B-4 §3.1.1.2 wants new passwords compared, whole, with those that are commonly used, expected or
compromised, and names what to look for: repetitions, sequences, the service's name, the user name. Which
characters are in it is nobody's business.
"""

import hashlib
import unicodedata
from functools import cache
from importlib.resources import files
from itertools import pairwise

DATA = files(__package__).joinpath("common_passwords.bin")
"""Sorted hashes of 20,000 common passwords of 12 characters or more (scripts/collect_common_passwords.py)."""

HASH = 5
"""Bytes of each hash. By chance one in fifty million passwords is taken for a common one."""

_FEW = 5  # different characters, below which there is little to guess
_PERIOD = 11  # characters at most that are repeated; what is longer is long enough by itself
_RUN = 4  # characters that a straight run has on average, in what is made of them
_NAME = 4  # characters of a name that are worth looking for
_REST = 6  # characters beside the names that make it more than a name

# Alphabet, digits, and what lies side by side or one below the other on keyboards (QWERTY, QWERTZ, AZERTY).
_ROWS = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop[]", "qwertzuiopü", "azertyuiop"),
    *("asdfghjkl;'", "qsdfghjklm", "zxcvbnm,./", "yxcvbnm,.-", "wxcvbn", "!@#$%^&*()", '!"§$%&/()='),
    *("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik,", "9ol.", "0p;/"),
)
_PATHS = frozenset(pair for row in _ROWS for path in (row, row[::-1]) for pair in pairwise(path))


def why_guessable(password: str, *, username: str = "", issuer: str = "") -> str:
    """What makes a password easy to guess, in words for whoever chose it; "" where nothing does.

    Args:
        password: at least as long as passwords have to be.
        username: whose it will be, if known.
        issuer: what the service is called, if known.
    """
    plain = normal(password)
    if is_common(plain):
        return "this password is one of the most common ones, which are tried first; choose another"
    if len(set(plain)) < _FEW or _repeats(plain):
        return "this password repeats the same few characters; choose one with more to it, such as four words"
    if _runs(plain) * _RUN <= len(plain):
        return "this password follows the alphabet or the keyboard; choose another, such as four words"
    if _is_name(plain, [normal(name) for name in (username, *issuer.split(), "".join(issuer.split()))]):
        return "this password is little more than the name of a person or of this service; choose another"
    return ""


def normal(password: str) -> str:
    """The form in which passwords are compared here: capitals and full-width letters make none uncommon."""
    return unicodedata.normalize("NFKC", password).casefold()


def is_common(plain: str) -> bool:
    """Whether a password, as `normal` gives it, is one of the list."""
    wanted, hashes = hash_of(plain), _hashes()
    low, high = 0, len(hashes) // HASH
    while low < high:
        middle = (low + high) // 2
        found = hashes[middle * HASH : (middle + 1) * HASH]
        if found == wanted:
            return True
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return False


def hash_of(plain: str) -> bytes:
    """The `HASH` bytes that stand for a password, as `normal` gives it."""
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).digest()[:HASH]


@cache
def _hashes() -> bytes:
    return DATA.read_bytes()


def _repeats(plain: str) -> bool:
    periods = range(1, min(_PERIOD, len(plain) // 2) + 1)
    return any(plain[period:] == plain[:-period] for period in periods)


def _runs(plain: str) -> int:
    """Of how many straight runs it is made; a character that continues none is one."""
    return 1 + sum(pair not in _PATHS for pair in pairwise(plain))


def _is_name(plain: str, names: list[str]) -> bool:
    rest = plain
    for name in sorted(names, key=len, reverse=True):
        if len(name) >= _NAME:
            rest = rest.replace(name, "")
    return len(rest) < _REST and rest != plain
