"""How well a refusal was said: RFC 6750 §3 wants 401, a challenge, and nothing that helps an attacker."""

import re
from collections.abc import Iterator

from tokenward.auditor.probing.wire import Answer

# What RFC 6750 §2.1 lets a token be; anything else may be answered 400.
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")

_TRACE = re.compile(
    r"Traceback \(most recent call last\)|File \"[^\"]+\.py\", line \d+|\bat [\w.$]+\([\w$]+\.java:\d+\)"
    r"|\bat .{1,200}\.(?:js|ts|mjs):\d+:\d+|goroutine \d+ \[|\bat [\w.`]+\(.*\) in .+\.cs:line \d+"
    r"|\.rb:\d+:in [`']|#\d+ /.+\.php\(\d+\)"
)
_LIBRARY = re.compile(
    r"jwt\.exceptions|jose\.exceptions|jsonwebtoken|JsonWebTokenError|\bio\.jsonwebtoken|\bcom\.auth0\.jwt"
    r"|\bcom\.nimbusds|\bIDX1\d{4}\b|Microsoft\.IdentityModel|\b(?:pyjwt|joserfc|authlib|jwcrypto|python-jose)\b"
    r"|\b(?:InvalidSignatureError|ExpiredSignatureError|ImmatureSignatureError|InvalidAudienceError"
    r"|InvalidIssuerError|MissingRequiredClaimError|InvalidAlgorithmError|InvalidKeyError|BadSignatureError"
    r"|JWSSignatureError|JWTClaimsError|InvalidJWSSignature|InvalidJWEData|PyJWKClientError|MissingClaimError"
    r"|InvalidClaimError|ExpiredTokenError|UnicodeDecodeError|JSONDecodeError|binascii\.Error)\b"
    r"|Not enough segments|Invalid header padding|Invalid crypto padding|Signature verification failed"
    r"|Unable to find a signing key|Could not deserialize key data"
)
_EXPECTED = re.compile(
    r"expected (?:signature|hmac|secret|key)\b|(?:signature|hmac) should be", re.IGNORECASE
)

SLOW_SECONDS = 1.0
"""A refusal that takes longer than this, and many times as long as a control, is slow."""

SLOW_TIMES = 10


def is_b64token(token: object) -> bool:
    """Whether a token has the syntax of a bearer token (RFC 6750 §2.1)."""
    return isinstance(token, str) and _B64TOKEN.fullmatch(token) is not None


def is_nonce_wanted(answer: Answer) -> bool:
    """Whether it was refused only for want of a nonce, which the answer has (RFC 9449 §9)."""
    return (
        answer.status in {400, 401}
        and bool(answer.value("dpop-nonce"))
        and "use_dpop_nonce" in answer.value("www-authenticate") + answer.text
    )


def complaints(answer: Answer, *, malformed: bool, soft: bool, token: str = "") -> Iterator[tuple[str, str]]:
    """What is wrong with a refusal: ids of checks, and what is peculiar to this one.

    Args:
        answer: a refusal.
        malformed: whether the request had no valid syntax, so that 400 is right (RFC 6750 §3.1).
        soft: whether its status is that of success.
        token: what was presented; "" for none.
    """
    if wrong := _wrong_status(answer, malformed=malformed, soft=soft):
        yield wrong, str(answer.status)
    told = answer.text + "\n" + "\n".join(value for _, value in answer.fields)
    if _TRACE.search(told):
        yield "probe.stack-trace", ""
    elif found := _EXPECTED.search(told):
        yield "probe.expected-value", found.group()
    elif found := _LIBRARY.search(told):
        yield "probe.library-named", found.group()
    if len(token) > _LONG and token in told:
        yield "probe.token-echoed", ""


_TOO_LARGE = frozenset({413, 414, 431})
_CANNOT_TELL = 503
_LONG = 20  # characters of a token, so that it is in an answer for no other reason


def _wrong_status(answer: Answer, *, malformed: bool, soft: bool) -> str:
    """The id of a check; "" for a good refusal."""
    status, challenge = answer.status, answer.value("www-authenticate")
    if status >= 500:
        return "" if status == _CANNOT_TELL else "probe.server-error"
    if soft:
        return "probe.soft-error"
    if 300 <= status < 400:
        return "probe.redirect"
    if status == 401:
        return "" if challenge else "probe.no-challenge"
    if status in _TOO_LARGE or (status == 400 and (malformed or "invalid_request" in challenge)):
        return ""
    return "probe.wrong-status"
