"""Whether a name promises a credential: `client_secret` does, `token_type` and `passwordHint` do not."""

from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, lru_cache
from typing import Any, Final

import re2

from tokenward.leaks.detectors.assignments import vocabulary


class Promise(Enum):
    """What a name promises of the value it is given."""

    NONE = "none"
    KEY = "key"  # a key or a salt of some kind: the value has to convince
    TOKEN = "token"  # noqa: S105 - what a machine made for machines
    PASSWORD = "password"  # noqa: S105 - what a person may have chosen


@dataclass(frozen=True, slots=True)
class Name:
    """A judgement on a name.

    Attributes:
        promise: of its value.
        why: for `--explain`.
        words: of which it is made, in lower case.
        constant: it is written as variables of the environment are.
    """

    promise: Promise
    why: str
    words: tuple[str, ...] = ()
    constant: bool = False


_OTHERWISE: Final = {
    "PWD": "the working directory of a shell",
    "OLDPWD": "the working directory of a shell",
    "Sec-WebSocket-Key": "random, and no secret (RFC 6455 §11.3.1)",
}


@cache
def _parts() -> Any:  # noqa: ANN401 - re2 has no types
    return re2.compile(r"[A-Z]+[a-z]+|[a-z]+|[A-Z]+|\d+")


@lru_cache(maxsize=8192)
def judge(name: bytes) -> Name:
    """What that name promises. Dots, as in `spring.datasource.password`, put names into others."""
    text = name.decode("latin-1").strip("-_.$")
    segments = [segment for segment in text.split(".") if segment]
    while len(segments) > 1 and segments[-1].lower() in vocabulary.PLAIN_ENDINGS:
        segments.pop()
    if not segments:
        return Name(Promise.NONE, "no name")
    if text.lower() in vocabulary.COMMANDS:
        return Name(Promise.PASSWORD, f"what “{text}” takes")
    if segments[-1] in _OTHERWISE:
        return Name(Promise.NONE, _OTHERWISE[segments[-1]])
    if segments[-1].lower() == "key" and any("pub" in segment.lower() for segment in segments[:-1]):
        return Name(Promise.NONE, "the key is a public one")
    words = [word.lower() for word in _split(segments[-1])]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in vocabulary.PLAIN_ENDINGS):
        words.pop()
    return replace(_judge_words(words), constant=segments[-1].isupper())


def _split(segment: str) -> list[str]:
    """The words of a name: snake, kebab, camel case, and capitals before a word (`APIKey`)."""
    words: list[str] = []
    for part in _parts().findall(segment):
        capitals = len(part) - len(part.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        if 1 < capitals < len(part):
            words += [part[: capitals - 1], part[capitals - 1 :]]
        else:
            words.append(part)
    return words


def _judge_words(words: list[str]) -> Name:
    found = _credential(words)
    if found is None:
        return Name(Promise.NONE, "no word of it is a credential's")
    at, end, promise = found
    for word in words[end:]:
        if word in vocabulary.ABOUT:
            return Name(Promise.NONE, f"“{word}” after it: it is about a credential")
    for word in words[:at]:
        if word in vocabulary.OTHER:
            return Name(Promise.NONE, f"“{word}” before it: something else has that name")
    if at and words[0] in vocabulary.VERBS:
        return Name(Promise.NONE, f"“{words[0]}” before it: a function's name")
    return Name(promise, f"“{' '.join(words[at:end])}” in its name", tuple(words))


def _credential(words: list[str]) -> tuple[int, int, Promise] | None:
    """Where the last of the credential's words stand, and what they promise."""
    for at in range(len(words) - 1, -1, -1):
        word = words[at]
        singular = word[:-1] if word.endswith("s") and word != "pass" else word
        if word in vocabulary.PASSWORD_WORDS or singular in vocabulary.PASSWORD_WORDS:
            return at, at + 1, Promise.PASSWORD
        if word in vocabulary.TOKEN_WORDS:
            return at, at + 1, Promise.TOKEN
        if singular == "key":
            if at and words[at - 1] == "site":  # of a captcha: it stands in pages
                return None
            if at and words[at - 1] in vocabulary.KINDS_OF_KEY:
                return at - 1, at + 1, Promise.TOKEN
            return at, at + 1, Promise.KEY
        if word in vocabulary.WEAK and at == len(words) - 1:
            return at, at + 1, Promise.KEY
        promise = _grown_together(word)
        if promise is not None:
            return at, at + 1, promise
    return None


def _grown_together(word: str) -> Promise | None:
    """`dbpassword`, `clientsecret`, `accesstoken`: words that nothing separates."""
    if word.startswith(("csrf", "xsrf", "nopass")):
        return None
    for ending in ("password", "passwd", "passphrase"):
        if word.endswith(ending):
            return Promise.PASSWORD
    for ending in (
        "secret",
        "token",
        "apikey",
        "secretkey",
        "accesskey",
        "privatekey",
        "authkey",
        "masterkey",
    ):
        if word.endswith(ending):
            return Promise.TOKEN
    return None
