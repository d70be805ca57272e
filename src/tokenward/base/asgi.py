"""The little that a hot endpoint needs of ASGI: read a bounded body, look up a header, answer.

Pages and management use Starlette. `/token`, `/introspect` and the gateway use this, because a framework
costs a good part of what such a request costs in all.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tokenward.base.problems import CLIENT_SILENT, MALFORMED, TOO_LARGE, Refusal

Headers = Iterable[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NO_STORE = (b"cache-control", b"no-store")  # RFC 6749 §5.1
JSON = (b"content-type", b"application/json")
PROBLEM_JSON = (b"content-type", b"application/problem+json")


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of the header `name` (lower case), in order; usually none or one."""
    return [value for key, value in scope["headers"] if key == name]


def only_header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a header that may appear once, or None.

    Raises:
        Refusal: MALFORMED, it is there more than once.
    """
    values = header_values(scope, name)
    if len(values) > 1:
        raise Refusal(MALFORMED, f"{name.decode('latin-1')} is present {len(values)} times")
    return values[0] if values else None


def tls_extension(certificate: bytes) -> dict[str, dict[object, object]]:
    """How a server tells the application of the client's certificate (DER): the ASGI TLS extension.

    That the client holds its key is certain; nothing else about it is.
    """
    return {"tls": {"client_cert_chain": (ssl.DER_cert_to_PEM_cert(certificate),)}}


def client_certificate(scope: Scope) -> bytes | None:
    """The certificate (DER) whose key the client proved to hold in the TLS handshake; None without one."""
    extensions = scope.get("extensions")
    chain = extensions.get("tls", {}).get("client_cert_chain") if extensions else None
    return ssl.PEM_cert_to_DER_cert(next(iter(chain))) if chain else None


def peer(scope: Scope) -> str:
    """The address of who sent the request, "" where none is known."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def read_body(receive: Receive, *, limit: int, seconds: float | None = None) -> bytes:
    """The whole body, of at most `limit` bytes.

    Args:
        receive: the server's.
        limit: bytes.
        seconds: in which it has to be there, where the server does not see to that.

    Raises:
        Refusal: TOO_LARGE; MALFORMED, the peer went away before the end; CLIENT_SILENT.
    """
    if seconds is None:
        return await _read(receive, limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError:
        raise Refusal(CLIENT_SILENT, f"the body took more than {seconds:g} s") from None


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(MALFORMED, "the peer closed the connection before the end of the body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise Refusal(TOO_LARGE, f"more than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if len(chunks) > 1 else chunk


async def respond(send: Send, status: int, body: bytes = b"", headers: Headers = ()) -> None:
    """Send one whole response; `content-length` is set here and nowhere else."""
    length = () if status == 204 else ((b"content-length", str(len(body)).encode()),)  # RFC 9110 §8.6
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
