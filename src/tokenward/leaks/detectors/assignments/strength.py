"""How much a value looks like something that a machine drew at random, and how little like words.

Entropy alone does not tell: "getElementsByClassName" has more of it than many a token. What tells is how
unlikely its letters are to follow each other in words, how much of it is made of known words, how digits and
cases are mixed, and its length: put together by a logistic regression, learned from the names and strings of
Python's standard library on one side and random texts on the other (scripts/learn_words.py).
"""

import math
from functools import cache, lru_cache
from typing import Final

import re2

from tokenward.leaks.detectors.assignments.learned import ALPHABET, SURPRISE, WEIGHTS, WORDS

_LONGEST: Final = 128  # of a value: more tells no more
_SHORTEST_WORD: Final = 4
_LONGEST_WORD: Final = 14


@cache
def _index() -> bytes:
    """Each byte's place in the alphabet."""
    table = bytearray([ALPHABET.index("_")] * 256)
    for byte in range(256):
        character = chr(byte).lower()
        if character in ALPHABET:
            table[byte] = ALPHABET.index(character)
        elif character.isdigit() and byte < 128:
            table[byte] = ALPHABET.index("0")
    return bytes(table)


@cache
def _surprise() -> tuple[tuple[float, ...], ...]:
    return tuple(tuple((ord(mark) - 35) / 8 for mark in row) for row in SURPRISE)


@cache
def _words() -> frozenset[str]:
    return frozenset(WORDS.split())


@cache
def _classes() -> bytes:
    """Lower case, upper case, digit, rest: 0 to 3."""
    return bytes(
        0 if 97 <= byte <= 122 else 1 if 65 <= byte <= 90 else 2 if 48 <= byte <= 57 else 3
        for byte in range(256)
    )


@cache
def _parts():  # type: ignore[no-untyped-def]  # noqa: ANN202 - re2 has no types
    return re2.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def surprise(value: bytes) -> float:
    """Mean bits by which each character surprises after the one before."""
    table = _surprise()
    places = value[:_LONGEST].translate(_index())
    if len(places) < 2:
        return 0.0
    return sum(table[first][second] for first, second in zip(places, places[1:])) / (len(places) - 1)  # noqa: B905, RUF007 - the hot path


def coverage(value: bytes) -> float:
    """The part of the value that known words make up, from 0 to 1."""
    text = value[:_LONGEST].decode("latin-1")
    known = _words()
    covered = 0
    for part in map(str.lower, _parts().findall(text)):
        at = 0
        while at <= len(part) - _SHORTEST_WORD:
            for size in range(min(_LONGEST_WORD, len(part) - at), _SHORTEST_WORD - 1, -1):
                if part[at : at + size] in known:
                    covered += size
                    at += size
                    break
            else:
                at += 1
    return covered / max(1, len(text))


def features(value: bytes) -> tuple[float, ...]:
    """What the regression looks at."""
    value = value[:_LONGEST]
    size = len(value)
    classes = value.translate(_classes())
    changes = sum(first != second for first, second in zip(classes, classes[1:]))  # noqa: B905, RUF007 - as above
    digits = classes.count(2)
    unlikely = surprise(value)
    length = math.log2(max(2, size))
    return (
        1.0,
        unlikely,
        unlikely * length / 4,
        coverage(value),
        digits / size,
        float(0 < digits < size),
        changes / size,
        len(set(value)) / min(size, 24),
        length,
    )


@lru_cache(maxsize=4096)
def randomness(value: bytes) -> float:
    """From 0, a word or a name, to 1, drawn at random."""
    logit = sum(weight * feature for weight, feature in zip(WEIGHTS, features(value), strict=True))
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, logit))))
