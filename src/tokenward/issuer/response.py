"""What an endpoint answers with, and the shapes that its refusals take."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tokenward.base.asgi import JSON, NO_STORE, Receive, Scope
from tokenward.base.problems import INVALID_CLIENT, Refusal, oauth_json
from tokenward.issuer.context import Issuer

_BASIC = (b"www-authenticate", b'Basic realm="tokenward", charset="UTF-8"')
_PRAGMA = (b"pragma", b"no-cache")  # RFC 6749 §5.1


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


def oauth_error(_issuer: Issuer, refusal: Refusal) -> Response:
    """RFC 6749 §5.2. A 401 names the way to authenticate (RFC 9110 §15.5.2)."""
    extra = (_BASIC,) if refusal.problem is INVALID_CLIENT else ()
    return Response(
        refusal.problem.status,
        oauth_json(refusal.problem),
        (JSON, NO_STORE, _PRAGMA, *extra, *_retry_after(refusal)),
    )


def error_page(issuer: Issuer, refusal: Refusal) -> Response:
    """For a person whose browser must not be sent on (RFC 6749 §4.1.2.1)."""
    body = issuer.pages.error(refusal.problem)
    return Response(refusal.problem.status, body, (*issuer.pages.headers, *_retry_after(refusal)))


def _retry_after(refusal: Refusal) -> tuple[tuple[bytes, bytes], ...]:
    return () if refusal.retry_after is None else ((b"retry-after", str(refusal.retry_after).encode()),)
