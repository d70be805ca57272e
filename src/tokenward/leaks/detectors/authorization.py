"""Credentials in the header that carries them: Basic (RFC 7617), Bearer (RFC 6750), keys in headers of X-."""

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.expressions import expression
from tokenward.leaks.detectors.assignments.judgement import encoded_words
from tokenward.leaks.detectors.assignments.languages import only_tried
from tokenward.leaks.detectors.assignments.placeholders import placeholder
from tokenward.leaks.detectors.assignments.strength import randomness
from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.connections.judgement import judge
from tokenward.leaks.detectors.facts import shown_user
from tokenward.leaks.detectors.published_examples import marked
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text

_ROTATE: Final = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"
_BASIC: Final = Rule(
    id="basic-credentials",
    provider="Generic",
    what="user name and password of Basic authentication",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate=_ROTATE,
    guessable=True,
    examples=(
        "curl -u robot:{base62:20} https://api.shop.internal/",
        "curl https://api.shop.internal/v1/orders -u '{base62:32}:'",
        "curl -X POST \\\n  https://api.shop.internal/ \\\n  --user robot:{base62:20}",
    ),
    counterexamples=(
        "curl -u ada.lovelace-the-first: https://api.shop.internal/",
        "curl -u user:password https://api.example.com/",
        "curl -u $USER:$PASS https://api.shop.internal/",
    ),
)
_BEARER: Final = Rule(
    id="bearer-token",
    provider="Generic",
    what="access token in an Authorization header",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.MEDIUM,
    rotate=_ROTATE,
    examples=("Authorization: Bearer {base62:40}", "headers={{'X-Api-Key': '{base62:32}'}}"),
    counterexamples=("Authorization: Bearer YOUR_ACCESS_TOKEN", "Authorization: Bearer ${{TOKEN}}"),
)

_HEADER: Final = r"(?i:authorization)[\"'`\]]{0,3}\s{0,4}[:=,]?>?\s{0,4}[\"'`(]{0,2}\s?"
_BASIC_FORM: Final = (
    r"(?:"
    + _HEADER
    + r"|[\"'`])(?i:basic)[ \t]{1,3}[\"'+ ]{0,6}([A-Za-z0-9+/]{8,400}={0,2})(?:[^A-Za-z0-9+/=]|$)"
)
_BEARER_FORM: Final = (
    r"(?:" + _HEADER + r"|[\"'`])(?i:bearer|token|apikey|api-key)[ \t:=]{1,3}"
    r"([A-Za-z0-9_\-.=+/~]{10,512})(?:[^A-Za-z0-9_\-.=+/~]|$)"
)
_OTHER_FORM: Final = (
    r"\b(?i:x-[a-z0-9\-]{0,30}(?:key|token|secret|auth))[\"'`\]]{0,2}\s?(?::|=>|=|,)\s?[\"'`]?"
    r"([A-Za-z0-9_\-.=+/~]{16,512})(?:[^A-Za-z0-9_\-.=+/~(\[]|$)"
)
_CURL_FORM: Final = (
    r"\bcurl\b(?:[^\n|;]|\\\r?\n){0,300}?\s(?:-u|--user)[ =]?[\"']?"
    r"(?:([^\s:\"'$<>{}%]{1,80}):([^\s\"'`]{3,200})|([\w.~+/\-]{16,200}):[xX]?(?:[\s\"'`]|$))"
)
_SURE: Final = 0.8
_PARAMETER: Final = re.compile(rb"[A-Za-z]{1,20}=[^=]")
_NO_PASSWORDS: Final = frozenset({b"", b"x", b"X"})  # beside a token in the user's place


@cache
def _patterns() -> tuple[Any, Any, Any, Any]:
    forms = (_BASIC_FORM, _BEARER_FORM, _OTHER_FORM, _CURL_FORM)
    basic, bearer, other, curl = map(compiled, forms)
    return basic, bearer, other, curl


def find(text: Text, start: int, recorder: Recorder) -> Iterator[Candidate]:
    """Headers in requests, in the code that sends them, and in command lines of curl."""
    data = text.data
    tried = only_tried(text)
    severity = Severity.LOW if tried else None
    basic, bearer, other, curl = _patterns()
    for match in basic.finditer(data, start):
        user, colon, password = _plain(match.group(1)).partition(b":")
        if colon:
            yield from _password(match.span(1), match.group(1), user, password, tried, recorder)
    for match in curl.finditer(data, start):
        user, password, alone = match.groups()
        if alone is None:
            yield from _password(match.span(2), password, user, password, tried, recorder)
        else:
            yield from _password(match.span(3), alone, alone, b"", tried, recorder)
    for pattern in (bearer, other):
        for match in pattern.finditer(data, start):
            token: bytes = match.group(1)
            if token.startswith(b"eyJ") and b"." in token:
                continue  # a JSON Web Token, which says more about itself
            why = (
                placeholder(token)
                or _otherwise(token)
                or ("" if randomness(token) >= _SURE else expression(token) or "words, no token")
            )
            if why:
                recorder.note("shape", _BEARER.id, match.start(1), "dropped", why)
                continue
            begin, end = match.span(1)
            yield marked(Candidate(_BEARER.id, begin, end, token, _BEARER.confidence, severity=severity))


def _otherwise(token: bytes) -> str:
    """What it is instead of a token, or ""."""
    if _PARAMETER.match(token):
        return "a parameter of the header"
    return "words in base64" if encoded_words(token) else ""


def _password(  # noqa: PLR0917 - what was matched, and in what
    span: tuple[int, int],
    secret: bytes,
    user: bytes,
    password: bytes,
    tried: bool,
    recorder: Recorder,
) -> Iterator[Candidate]:
    if password in _NO_PASSWORDS and randomness(user) >= _SURE:
        user, password = b"", user
    # Which host it is for stands elsewhere: it is judged as for a host of its own.
    verdict = judge(user, password, "a.host", tried=tried)
    if verdict.confidence is None:
        recorder.note("shape", _BASIC.id, span[0], "dropped", verdict.why)
        return
    yield marked(
        Candidate(
            rule=_BASIC.id,
            start=span[0],
            end=span[1],
            secret=secret,
            confidence=verdict.confidence,
            facts={"user": name} if (name := shown_user(user)) else {},
            severity=verdict.severity,
            guessable=verdict.guessable,
        )
    )


def _plain(encoded: bytes) -> bytes:
    try:
        plain = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""
    try:
        return plain if plain.decode().isprintable() else b""
    except UnicodeDecodeError:
        return b""


AUTHORIZATION: Final = Detector(
    rules=(_BASIC, _BEARER),
    triggers=(_BASIC_FORM, _BEARER_FORM, _OTHER_FORM, _CURL_FORM),
    find=find,
    reach=1000,
)
