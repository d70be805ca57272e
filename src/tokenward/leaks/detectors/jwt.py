"""JSON Web Tokens: what they say, whether they are still good, and whether anybody could forge them."""

import base64
import binascii
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.severity import Confidence, Severity
from tokenward.leaks.detector import Detector
from tokenward.leaks.detectors.assignments.languages import only_tried
from tokenward.leaks.detectors.compiling import compiled
from tokenward.leaks.detectors.facts import shown
from tokenward.leaks.findings import Candidate
from tokenward.leaks.recording import Recorder
from tokenward.leaks.rule import Rule
from tokenward.leaks.text import Text
from tokenward.tokens.weak_secrets import WEAK_SECRETS

_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
# Octets of a signature (RFC 7518 §3.1, RFC 8037 §3.1); RSA's has those of its modulus, 128 at least.
_SIGNATURE_SIZES: Final = {"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132}
_SMALLEST_RSA_SIGNATURE: Final = 128
_WORD: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
# The token that jwt.io shows to everybody, and what people make of it there.
_EXAMPLE_SUBJECT: Final = "1234567890"
_EXAMPLE_NAMES: Final = frozenset({"John Doe", "Jane Doe"})
_REACH: Final = 16_384

_ROTATE: Final = "https://datatracker.ietf.org/doc/html/rfc8725"
_TOKEN: Final = Rule(
    id="json-web-token",
    provider="JWT",
    what="JSON Web Token",
    pattern="",
    severity=Severity.HIGH,
    confidence=Confidence.HIGH,
    rotate=_ROTATE,
)
_ENCRYPTED: Final = Rule(
    id="json-web-encryption",
    provider="JWT",
    what="encrypted JSON Web Token",
    pattern="",
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    rotate=_ROTATE,
)
_SUPABASE: Final = Rule(
    id="supabase-service-role-key",
    provider="Supabase",
    what="Supabase service role key",
    pattern="",
    severity=Severity.CRITICAL,
    confidence=Confidence.HIGH,
    rotate="https://supabase.com/docs/guides/api/api-keys",
)


@cache
def _pattern() -> Any:  # noqa: ANN401 - re2 has no types
    return compiled(rb"eyJ[\w-]{10,}\.[\w-]*\.[\w-]*(?:\.[\w-]*\.[\w-]*)?")


def find(text: Text, start: int, recorder: Recorder, clock: Clock = SYSTEM_CLOCK) -> Iterator[Candidate]:
    """Signed (RFC 7515 §3.1), unsigned and encrypted (RFC 7516 §3.1) tokens in compact form."""
    data = text.data
    tried = only_tried(text)
    for match in _pattern().finditer(data, start):
        begin = match.start()
        if begin and data[begin - 1] in _WORD:
            continue
        token: bytes = match.group()
        parts = token.split(b".")
        header = _read(parts[0])
        if header is None or not isinstance(header.get("alg"), str):
            recorder.note("capture", _TOKEN.id, begin, "dropped", "its header names no algorithm")
            continue
        if len(parts) == 5 and "enc" in header:
            yield _encrypted(token, begin, header)
            continue
        token = b".".join(parts[:3])  # what follows is a sentence's or a file name's
        claims = _read(parts[1])
        if claims is None:
            recorder.note("capture", _TOKEN.id, begin, "dropped", "its claims are no JSON object")
            continue
        if _is_public(claims):
            recorder.note("shape", _TOKEN.id, begin, "dropped", "an example, or public by nature")
            continue
        confidence = _confidence(header["alg"], parts[2])
        if confidence is None:
            recorder.note("capture", _TOKEN.id, begin, "dropped", "its signature was cut off")
            continue
        facts = _facts(header, claims)
        if _in_address(data, begin):
            facts["where"] = "in a URL"
        rule, severity = _judge(token, header["alg"], claims, facts, clock)
        if tried:
            severity = min(severity, Severity.MEDIUM)
        yield Candidate(
            rule=rule.id,
            start=begin,
            end=begin + len(token),
            secret=token,
            confidence=confidence,
            facts=facts,
            severity=severity,
        )


def _read(part: bytes) -> Mapping[str, Any] | None:
    """The JSON object that the part encodes, or None."""
    try:
        value = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_public(claims: Mapping[str, Any]) -> bool:
    """Whether the token is meant to be read by everybody."""
    if claims.get("sub") == _EXAMPLE_SUBJECT and claims.get("name") in _EXAMPLE_NAMES:
        return True
    return claims.get("role") == "anon" and "supabase" in str(claims.get("iss"))


def _confidence(algorithm: str, signature: bytes) -> Confidence | None:
    """How well the signature fits the algorithm; None where it was cut off or is a placeholder."""
    if algorithm.lower() == "none":
        return None if signature else Confidence.MEDIUM
    try:
        size = len(base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4)))
    except binascii.Error:
        return None
    if algorithm in _SIGNATURE_SIZES:
        return Confidence.HIGH if size == _SIGNATURE_SIZES[algorithm] else Confidence.LOW
    if algorithm.startswith(("RS", "PS")):
        return Confidence.HIGH if size >= _SMALLEST_RSA_SIGNATURE else Confidence.LOW
    return Confidence.MEDIUM if size >= 32 else Confidence.LOW


def _facts(header: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, str]:
    facts = {"algorithm": shown(header["alg"])}
    for name, source, member in (
        ("type", header, "typ"),
        ("issuer", claims, "iss"),
        ("audience", claims, "aud"),
    ):
        if source.get(member):
            facts[name] = shown(source[member])
    expiry = claims.get("exp")
    if isinstance(expiry, int | float) and not isinstance(expiry, bool):
        try:
            facts["expiry"] = datetime.fromtimestamp(expiry, UTC).isoformat(timespec="seconds")
        except (ValueError, OverflowError, OSError):
            facts["expiry"] = "a time that no calendar has"
    return facts


def _judge(
    token: bytes, algorithm: str, claims: Mapping[str, Any], facts: dict[str, str], clock: Clock
) -> tuple[Rule, Severity]:
    """Which rule it is and how bad, with the reason added to the facts."""
    if algorithm in _HASHES and _forgeable(token, _HASHES[algorithm]):
        # It does not matter then that this one expired: anybody can sign the next.
        facts["weakness"] = "signed with a well-known secret"
        return _TOKEN, Severity.CRITICAL
    expiry = claims.get("exp")
    if isinstance(expiry, int | float) and expiry < clock.time():
        facts["state"] = "expired"
        return _TOKEN, Severity.LOW
    if algorithm.lower() == "none":
        facts["weakness"] = "not signed"
        return _TOKEN, Severity.LOW
    if "supabase" in str(claims.get("iss")) and claims.get("role") == "service_role":
        return _SUPABASE, Severity.CRITICAL
    return _TOKEN, Severity.HIGH


def _forgeable(token: bytes, digest: str) -> bool:
    signed, _, signature = token.rpartition(b".")
    try:
        wanted = base64.urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    except binascii.Error:
        return False
    return any(hmac.compare_digest(hmac.digest(key, signed, digest), wanted) for key in WEAK_SECRETS)


def _encrypted(token: bytes, begin: int, header: Mapping[str, Any]) -> Candidate:
    facts = {"algorithm": shown(header["alg"]), "encryption": shown(header["enc"])}
    return Candidate(_ENCRYPTED.id, begin, begin + len(token), token, _ENCRYPTED.confidence, facts)


def _in_address(data: bytes, begin: int) -> bool:
    """Whether it is the value of a query parameter or stands in a fragment."""
    before = data[max(0, begin - 40) : begin]
    if not before.endswith(b"="):
        return False
    mark = max(before.rfind(b"?"), before.rfind(b"&"), before.rfind(b"#"))
    return mark >= 0 and all(byte in _WORD for byte in before[mark + 1 : -1])


JWT: Final = Detector(
    rules=(_TOKEN, _ENCRYPTED, _SUPABASE),
    # The dot alone would wake it for every "eyJ" of a base64 text; the second part may be empty in JWE.
    triggers=(r"eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]*\.",),
    find=find,
    reach=_REACH,
)
