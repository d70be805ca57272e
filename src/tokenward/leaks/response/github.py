"""`POST /leaks/github`: GitHub's secret scanning tells what it found in public places, signed.

GitHub signs the raw body (ECDSA with P-256 and SHA-256) with a key that it names, and publishes its keys. See
"Secret scanning partner program" in GitHub's documentation.
"""

import base64
import binascii
import json
from math import ceil

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tokenward.base.asgi import JSON, NO_STORE, Receive, Scope, Send, only_header, read_body, respond
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.problems import (
    INVALID_INPUT,
    MALFORMED,
    SIGNATURE_REFUSED,
    TOO_MANY_REQUESTS,
    Refusal,
)
from tokenward.base.throttle import TokenBuckets, peer_of
from tokenward.leaks.response.endpoint import expect_json
from tokenward.leaks.response.github_keys import GithubKeys
from tokenward.leaks.response.places import LONGEST_URL, address, is_source
from tokenward.leaks.response.recognising import named
from tokenward.leaks.response.reports import MAX_SECRET
from tokenward.leaks.response.responder import Outcome, Report, Responder
from tokenward.store.leak_records import Evidence
from tokenward.tokens import opaque, strict_json

GITHUB_PATH = "/leaks/github"
REPORTER = "github"
BODY_LIMIT = 4_194_304  # bytes
MOST_MATCHES = 10_000
_LEVELS, _VALUES = 4, 200_000  # of the JSON: each match has four values, and GitHub may add some


class GithubDesk:
    """Takes what GitHub sends.

    Args:
        responder: responds to it.
        keys: GitHub's.
        prefix: how our opaque tokens begin.
        clock: time.
    """

    def __init__(
        self, responder: Responder, keys: GithubKeys, *, prefix: str = "tkw", clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._responder = responder
        self._keys = keys
        self._prefix = prefix
        self._wrong = TokenBuckets(burst=20, every=2.0, clock=clock)

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a POST with what GitHub wants to know: which matches are credentials of ours.

        Raises:
            Refusal: SIGNATURE_REFUSED; UNAVAILABLE, the keys cannot be had; TOO_MANY_REQUESTS, this peer has
                sent too many wrong signatures; MALFORMED, INVALID_INPUT, TOO_LARGE, JSON_EXPECTED.
            StoreUnavailable: GitHub should send it again; that harms nothing.
        """
        peer = peer_of(scope)
        if wait := self._wrong.wait(peer):
            raise Refusal(TOO_MANY_REQUESTS, "too many wrong signatures", retry_after=ceil(wait))
        expect_json(scope)
        try:
            body = await self._signed(scope, receive)
        except Refusal as refusal:
            if refusal.problem is SIGNATURE_REFUSED:
                self._wrong.take(peer)
            raise
        matches = read_matches(body, prefix=self._prefix)
        outcomes = await self._responder.respond([report for _, _, report in matches])
        told = {
            (token, kind): label
            for (token, kind, _), outcome in zip(matches, outcomes, strict=True)
            if (label := _label(token, outcome, self._prefix)) is not None
        }
        feedback = [
            {"token_hash": opaque.fingerprint(token).hex(), "token_type": kind, "label": label}
            for (token, kind), label in told.items()
        ]
        await respond(send, 200, json.dumps(feedback).encode(), (JSON, NO_STORE))

    async def _signed(self, scope: Scope, receive: Receive) -> bytes:
        """The body, exactly as it was signed; nothing of it is read before that is certain."""
        identifier = only_header(scope, b"github-public-key-identifier")
        encoded = only_header(scope, b"github-public-key-signature")
        if identifier is None or encoded is None:
            raise Refusal(SIGNATURE_REFUSED, "there is none")
        key = await self._keys.key(identifier.decode("latin-1"))
        if key is None:
            raise Refusal(SIGNATURE_REFUSED, "GitHub publishes no key of this name")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise Refusal(SIGNATURE_REFUSED, "it is not base64") from None
        body = await read_body(receive, limit=BODY_LIMIT)
        try:
            key.verify(signature, body, ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise Refusal(SIGNATURE_REFUSED, "it is not of this body by this key") from None
        return body


def read_matches(body: bytes, *, prefix: str = "tkw") -> list[tuple[str, str, Report]]:
    """What GitHub found: each match's token, type, and the report that it is.

    Args:
        body: the whole of it.
        prefix: how our opaque tokens begin.

    Raises:
        Refusal: MALFORMED, INVALID_INPUT.
    """
    try:
        text = body.decode("utf-8")
        levels, values = strict_json.extent(text, _LEVELS)
        matches = strict_json.read_value(text) if levels <= _LEVELS and values <= _VALUES else None
    except ValueError:
        raise Refusal(MALFORMED, "the body is no strict JSON") from None
    if not isinstance(matches, list) or len(matches) > MOST_MATCHES:
        raise Refusal(INVALID_INPUT, f"the body must be a list of at most {MOST_MATCHES} matches")
    return [_match(each, prefix) for each in matches]


def _match(match: object, prefix: str) -> tuple[str, str, Report]:
    """Members that we do not know are GitHub's to add."""
    token, kind = (match.get(name) if isinstance(match, dict) else None for name in ("token", "type"))
    if not isinstance(token, str) or not isinstance(kind, str) or not 0 < len(token) <= MAX_SECRET:
        raise Refusal(INVALID_INPUT, "a match has a token and a type")
    url, source = (match.get(name) for name in ("url", "source")) if isinstance(match, dict) else (None, None)
    evidence = Evidence(REPORTER, source=_word(source), url=_address(url))
    return token, kind, Report(named(token, prefix=prefix), evidence)


def _word(source: object) -> str:
    word = source.lower() if isinstance(source, str) else ""
    return word if is_source(word) else ""


def _address(url: object) -> str:
    fits = isinstance(url, str) and len(url) <= LONGEST_URL and url.isprintable()
    return address(str(url)) if fits else ""


def _label(token: str, outcome: Outcome, prefix: str) -> str | None:
    """Nothing is said of a token of our form that is gone: it may have been good in its day."""
    if outcome.recorded is not None:
        return "true_positive"
    return None if opaque.parse(token, prefix=prefix) is not None else "false_positive"
