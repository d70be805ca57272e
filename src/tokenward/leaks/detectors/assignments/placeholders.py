"""Values that stand for a secret, or for nothing."""

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any, Final

from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.lookalikes import lookalike

# Whatever they stand in, these are no part of a secret.
_MARKS: Final = (
    rb"\$\{|\$\(|\{\{|\}\}|\$\[|%\(|%\{|#\{|<%|%>|<<|\{\d*\}|\{[a-z_.]+\}|\*\*\*|\.\.\.|\xe2\x80\xa6|"
    rb"(?i:x{4,}|your[-_ ]?(?:api|secret|pass|pwd|token|key|client|app|access|db|user|account|auth|private)|"
    rb"[-_]here$|^here|changeme|change[-_](?:me|this|it)|change(?:this|it)|replace[-_]?(?:me|this|with)|placeholder|"
    rb"redacted|todo|fixme|insert[-_]|enter[-_]|put[-_]|example|dummy|^sample|^fake|^mock|"
    rb"^test|[-_]test$|[-_](?:fake|mock|test)[-_]|lorem|foobar|^foo|^bar|not[-_]?(?:a|real|so|used|set)[-_]?|^my[-_]|^some[-_]|^the[-_]|^a[-_]|^an[-_]|^your|^no[-_]|"
    rb"undefined|^null|^none$|^nil$|^true$|^false$|^default|^empty|^secret$|^password$|^token$|^hidden|^masked|removed|"
    rb"^invalid|^wrong|^incorrect|blabla|"
    rb"obfuscated|sanitized|scrubbed|censored|supersecret|s3cr3t|sekret|hunter2|letmein|qwerty|asdf|deadbeef|cafebabe)"
)
_RUNS: Final = (
    b"0123456789abcdefghijklmnopqrstuvwxyz",
    b"abcdefghijklmnopqrstuvwxyz0123456789",
    b"1234567890" * 8,
    b"0987654321",
    b"zyxwvutsrqponmlkjihgfedcba",
    b"qwertyuiopasdfghjklzxcvbnm",
)
_TRIPLES: Final = frozenset(run[at : at + 3] for run in _RUNS for at in range(len(run) - 2))
_FEWEST_DISTINCT: Final = 5
_LONGEST_RUN: Final = 6
# What a password is called, with what people put before it; and how they write letters when they play.
_CALLED: Final = rb"passw(?:or)?d|passwort|passphrase|pass|pwd|secret|secure|token|credential|api_?key"
_BEFORE: Final = (
    rb"super|strong|some|other|init|initial|very|random|plain|demo|user|admin|root|my|your|new|old"
)
_AS_LETTERS: Final = bytes.maketrans(b"013457@$!", b"oieastasi")


@cache
def _marks() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(_MARKS)


@cache
def _names() -> tuple[Any, Any, Any]:
    name = rb"(?:[A-Za-z]+[-_.])+(?:(?i:" + _CALLED + b"))"
    return compiled(_CALLED), compiled(_CALLED + b"|" + _BEFORE), compiled(name)


def placeholder(value: bytes) -> str:
    """Why the value is one, or ""."""
    if len(set(value)) < _FEWEST_DISTINCT:
        return "hardly two characters differ"
    found = _marks().search(value)
    if found:
        return "a placeholder's words or marks"
    if why := lookalike(value):
        return why
    lower = value.lower()
    sequence = _sequence(lower)
    if sequence * 2 >= len(value) or (sequence >= _LONGEST_RUN and len(value) <= 24):
        return "characters in their order"
    if _counts(lower):
        return "octets in their order"
    if _repeats(lower):
        return "it repeats itself"
    return ""


def about_secrets(value: bytes) -> bool:
    """Whether half of the value says "password" and the like, or words that end so: it names a secret."""
    letters = value.lower().translate(_AS_LETTERS)
    called, before, name = _names()
    if not called.search(letters):
        return False
    if name.fullmatch(value):
        return True
    return sum(len(match.group()) for match in before.finditer(letters)) * 2 >= len(value)


def _sequence(lower: bytes) -> int:
    """How many of its characters stand in an alphabet's or a keyboard's order, in runs of three or more."""
    in_runs = 0
    longest = 0
    at = 0
    while at < len(lower) - 2:
        size = 0
        for run in _RUNS if lower[at : at + 3] in _TRIPLES else ():
            if (found := run.find(lower[at : at + 3])) >= 0:
                this = 3
                while (
                    at + this < len(lower)
                    and run[found + this : found + this + 1] == lower[at + this : at + this + 1]
                ):
                    this += 1
                size = max(size, this)
        in_runs += size
        longest = max(longest, size)
        at += size or 1
    return max(in_runs, longest)


def _counts(lower: bytes) -> bool:
    """Whether most octets of a hexadecimal text follow each other at one distance, as in 00010203."""
    try:
        octets = bytes.fromhex(lower.decode("latin-1"))
    except ValueError:
        return False
    steps = Counter((after - before) % 256 for before, after in pairwise(octets))
    return len(octets) > 4 and steps.most_common(1)[0][1] * 2 >= len(octets)


def _repeats(lower: bytes) -> bool:
    """Whether a text is written several times, as in abcabcabc."""
    return lower in (lower + lower)[1:-1] or any(
        len(lower) >= 2 * size and lower == (lower[:size] * (len(lower) // size + 1))[: len(lower)]
        for size in range(1, 9)
    )
