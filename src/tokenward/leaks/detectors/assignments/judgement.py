"""Whether a value that a promising name is given is a secret, step by step, each with its reason."""

import base64
import binascii
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tokenward.base.severity import Confidence
from tokenward.leaks.detectors.assignments.expressions import BY_CHANCE, UUID, expression
from tokenward.leaks.detectors.assignments.languages import Kind
from tokenward.leaks.detectors.assignments.names import Name, Promise
from tokenward.leaks.detectors.assignments.open_values import open_to_all
from tokenward.leaks.detectors.assignments.placeholders import about_secrets, placeholder
from tokenward.leaks.detectors.assignments.strength import coverage, randomness
from tokenward.leaks.entropy import entropy
from tokenward.leaks.recording import Stage

_RANDOM: Final = 0.55
_RANDOM_SHORT: Final = 0.9  # of fewer than ten characters
_RANDOM_HEX: Final = 0.5  # digits and six letters look less random than they are
_MIXED: Final = 0.35  # enough for a password with digits in it
_CERTAIN: Final = 0.97
_SHORTEST_KEY: Final = 16
_SHORTEST_TOKEN: Final = 7
_SHORT: Final = 10
_SHORTEST_LETTERS: Final = 8  # where there are no digits
_SHORTEST_PASSWORD: Final = 6
_FEW_WORDS: Final = 0.1
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_LEAST_ENTROPY: Final = 2.4
_LEAST_ENTROPY_SHORT: Final = 0.75  # of what as many different characters would have
# Words beside "token" in the names of numbers that only tell one request from the next.
_NUMBERED: Final = frozenset(
    ("request", "client", "idempotency", "session", "change", "correlation", "trace", "action")
)
_NUMBER: Final = re.compile(rb"(?:[0-9a-fA-F]{4,12}-){2,4}[0-9a-fA-F]{4,12}")
_TYPES: Final = frozenset(
    b"""
    string text object boolean number integer binary required optional passwd passwort password1 private
    public hidden masked encrypted disabled enabled plaintext cleartext simple always never unset admin
    username
    """.split()
)
_PARTS: Final = re.compile(rb"[.:]")
_DIGESTS: Final = frozenset({32, 40, 56, 64, 96, 128})  # in hexadecimal digits


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a value.

    Attributes:
        stage: that decided.
        why: in words.
        confidence: None where it is no secret.
        guessable: a person chose it.
    """

    stage: Stage
    why: str
    confidence: Confidence | None = None
    guessable: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """What the path tells of a file.

    Attributes:
        kind: how values stand in it.
        tried: it is a test's or an example's, or a remark.
        configures: it does nothing else than to set values for a program.
    """

    kind: Kind
    tried: bool = False
    configures: bool = False


@lru_cache(maxsize=4096)  # documentation repeats its examples
def judge(name: Name, value: bytes, file: File, *, loose: bool = False) -> Verdict:
    """The verdict on a value with that name in such a file.

    Args:
        name: as judged.
        value: without its quotes.
        file: in which it stands.
        loose: it only stands after the name, which need not mean that it is given to it.
    """
    if name.promise is Promise.NONE:
        return Verdict("context", name.why)
    instead = _instead(name, value)
    if instead is not None:
        return instead
    random = randomness(value)
    what = expression(value)
    if what and not (what in BY_CHANCE and random >= _CERTAIN and len(value) >= _SHORTEST_KEY):
        if what != UUID or name.promise is Promise.KEY:
            return Verdict("shape", what)
        return Verdict("shape", "a random identifier as a token", Confidence.MEDIUM)
    if entropy(value) < min(_LEAST_ENTROPY, _LEAST_ENTROPY_SHORT * math.log2(len(value))):
        return Verdict("entropy", f"{entropy(value):.1f} bits a character")
    if loose and (random < _RANDOM or (name.promise is Promise.KEY and file.kind is Kind.PROSE)):
        return Verdict("context", "nothing assigns it to the name")
    if name.promise is Promise.PASSWORD:
        return _password(name, value, random, file)
    return _token(name, value, random, file.kind)


def _instead(name: Name, value: bytes) -> Verdict | None:
    """The verdict where the value stands for a secret or speaks of one; None where it may be one."""
    why = placeholder(value) or open_to_all(value) or _itself(name.words, value)
    if why:
        return Verdict("shape", why)
    if not value.isascii():
        return Verdict("shape", "text in some language")
    if _NUMBER.fullmatch(value) and _numbers(name.words):
        return Verdict("shape", "it numbers something")
    if encoded_words(value):
        return Verdict("shape", "words in base64", Confidence.LOW, guessable=True)
    if about_secrets(value):
        return Verdict("shape", "what a password is called", Confidence.LOW, guessable=True)
    return None


def _token(name: Name, value: bytes, random: float, kind: Kind) -> Verdict:
    shortest = _SHORTEST_KEY if name.promise is Promise.KEY else _SHORTEST_TOKEN
    if len(value) < shortest:
        return Verdict("shape", f"shorter than {shortest} characters")
    if name.promise is Promise.KEY and _punctuated(value):
        return Verdict("context", "some key, perhaps of a dictionary", Confidence.LOW)
    if random >= _enough(name.promise, value) and not value.isalpha():
        if kind is Kind.GENERATED:
            return Verdict("context", "random, in a file that a program wrote", Confidence.LOW)
        return Verdict("shape", "looks random", Confidence.MEDIUM)
    if random >= _CERTAIN and len(value) >= _SHORTEST_LETTERS and coverage(value) < _FEW_WORDS:
        return Verdict("shape", "looks random", Confidence.MEDIUM)
    if random >= _MIXED and name.promise is Promise.TOKEN:
        return Verdict("shape", "hardly random", Confidence.LOW, guessable=True)
    return Verdict("shape", "words, no token")


def _enough(promise: Promise, value: bytes) -> float:
    """How random a value has to look."""
    if len(value) >= _SHORTEST_KEY and not value.isdigit() and _HEX.issuperset(value):
        return _RANDOM_HEX
    if promise is Promise.KEY:
        return _CERTAIN
    return _RANDOM if len(value) >= _SHORT else _RANDOM_SHORT


def _password(name: Name, value: bytes, random: float, file: File) -> Verdict:
    if len(value) < _SHORTEST_PASSWORD:
        return Verdict("shape", "too short for a password")
    if file.kind is Kind.GENERATED:
        return Verdict("context", "in a file that a program wrote", Confidence.LOW)
    digest = value.removeprefix(b"0x").removeprefix(b"md5")  # SNMP's and PostgreSQL's
    if len(digest) in _DIGESTS and _HEX.issuperset(digest):
        return Verdict("shape", "a password's hash", Confidence.LOW)
    enough = _RANDOM_SHORT if file.tried else _MIXED
    if random >= enough and any(48 <= byte <= 57 for byte in value):
        return Verdict("shape", "looks random", Confidence.MEDIUM, guessable=len(value) < 20)
    if random >= _CERTAIN and len(value) >= _SHORTEST_LETTERS and coverage(value) < _FEW_WORDS:
        return Verdict("shape", "random letters", Confidence.MEDIUM, guessable=len(value) < 20)
    if not file.tried and _chosen(value):
        return Verdict("context", "chosen as a password is", Confidence.MEDIUM, guessable=True)
    sets = file.configures or (name.constant and file.kind is not Kind.CODE)
    if not file.tried and sets and value.lower() not in _TYPES:
        return Verdict("context", "a word, in configuration", Confidence.MEDIUM, guessable=True)
    return Verdict(
        "context", "a word: it may be a password, or what one is called", Confidence.LOW, guessable=True
    )


def _numbers(words: tuple[str, ...]) -> bool:
    """Whether what is like a UUID is under that name more likely to number something than to open it."""
    return words == ("token",) or not _NUMBERED.isdisjoint(words)


def _itself(words: tuple[str, ...], value: bytes) -> str:
    """Why the value says no more than the name, as in `db_password=db_password`; or ""."""
    letters = "".join(filter(str.isalnum, value.decode("latin-1").lower()))
    return "the name itself" if letters and "".join(words).endswith(letters) else ""


def encoded_words(value: bytes) -> bool:
    """Whether it is base64 of words, or a long part of it is: nobody draws those."""
    parts = (part for part in _PARTS.split(value) if len(part) >= _SHORTEST_KEY)
    return any(
        placeholder(plain) or expression(plain) or randomness(plain) < _MIXED
        for plain in map(_decoded, (value, *parts))
        if plain
    )


def _decoded(value: bytes) -> bytes:
    """The text that the value is in base64; b"" where it is none."""
    try:
        plain = base64.b64decode(value, validate=True).strip()
    except binascii.Error:
        return b""
    return (
        plain
        if len(plain) >= _SHORTEST_PASSWORD and plain.isascii() and plain.decode().isprintable()
        else b""
    )


def _punctuated(value: bytes) -> bool:
    """Whether more than every eighth character is neither letter nor digit."""
    return sum(not chr(byte).isalnum() for byte in value.rstrip(b"=")) * 8 > len(value)


def _chosen(value: bytes) -> bool:
    """Whether letters, digits and other signs are mixed as rules for passwords ask for it."""
    kinds = (
        any(97 <= byte <= 122 for byte in value)
        + any(65 <= byte <= 90 for byte in value)
        + any(48 <= byte <= 57 for byte in value)
        + any(byte in b"!@#$%^&*+=?~" for byte in value)
    )
    return kinds >= 3 and len(value) >= 8
