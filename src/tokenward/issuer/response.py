"""What an endpoint answers with, and the shapes that its refusals take."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tokenward.base.asgi import JSON, NO_STORE, Receive, Scope
from tokenward.base.problems import (
    INVALID_CLIENT,
    INVALID_DPOP_PROOF,
    USE_DPOP_NONCE,
    Refusal,
    oauth_json,
)
from tokenward.issuer.context import Issuer

_BASIC = (b"www-authenticate", b'Basic realm="tokenward", charset="UTF-8"')
_PRAGMA = (b"pragma", b"no-cache")  # RFC 6749 §5.1
_ASKS_FOR_A_PROOF = frozenset({INVALID_DPOP_PROOF, USE_DPOP_NONCE})


class Response(NamedTuple):
    """One whole HTTP response."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


Endpoint = Callable[[Issuer, Scope, Receive], Awaitable[Response]]


def private_json(body: bytes) -> Response:
    """JSON that nobody may keep."""
    return Response(200, body, (JSON, NO_STORE, _PRAGMA))


def private_jwt(jwt: str, media_type: str) -> Response:
    """A signed answer that nobody may keep."""
    return Response(200, jwt.encode(), ((b"content-type", media_type.encode()), NO_STORE, _PRAGMA))


def public_json(body: bytes) -> Response:
    """JSON that is the same for everybody, and may be kept for five minutes."""
    return Response(200, body, (JSON, (b"cache-control", b"public, max-age=300")))


def redirect(location: str) -> Response:
    """303: the browser goes on with GET and takes no form along (RFC 9700 §4.12)."""
    return Response(
        303, b"", ((b"location", location.encode("ascii")), NO_STORE, (b"referrer-policy", b"no-referrer"))
    )


def oauth_error(issuer: Issuer, refusal: Refusal) -> Response:
    """RFC 6749 §5.2. A 401 names the way to authenticate (RFC 9110 §15.5.2)."""
    extra = (_BASIC,) if refusal.problem is INVALID_CLIENT else ()
    answer = Response(
        refusal.problem.status,
        oauth_json(refusal.problem),
        (JSON, NO_STORE, _PRAGMA, *extra, *retry_after(refusal)),
    )
    return with_dpop_nonce(issuer, answer) if refusal.problem in _ASKS_FOR_A_PROOF else answer


def with_dpop_nonce(issuer: Issuer, answer: Response) -> Response:
    """The answer, with the nonce that the client's next proof must have (RFC 9449 §8, §8.2)."""
    return answer._replace(headers=(*answer.headers, (b"dpop-nonce", issuer.dpop.nonce().encode())))


def error_page(issuer: Issuer, refusal: Refusal) -> Response:
    """For a person whose browser must not be sent on (RFC 6749 §4.1.2.1)."""
    body = issuer.pages.error(refusal.problem)
    return Response(refusal.problem.status, body, (*issuer.pages.headers, *retry_after(refusal)))


def retry_after(refusal: Refusal) -> tuple[tuple[bytes, bytes], ...]:
    """The header that says when to try again, where there is a moment."""
    return () if refusal.retry_after is None else ((b"retry-after", str(refusal.retry_after).encode()),)
