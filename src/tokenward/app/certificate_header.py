"""The client's certificate as a proxy tells it: in a header, which is believed from named proxies only.

A certificate is no secret, so whoever could set the header would be whoever it names. From anybody but a
named proxy a request with the header, or with one that careless servers take for it, is refused.
"""

import base64
import binascii
import re
import ssl
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes

from tokenward.base.asgi import (
    NO_STORE,
    PROBLEM_JSON,
    App,
    Receive,
    Scope,
    Send,
    only_header,
    respond,
    tls_extension,
)
from tokenward.base.problems import MALFORMED, Refusal, problem_json

RFC_9440 = "client-cert"
"""The header of this name holds base64 between colons (RFC 9440 §2.2), any other percent-encoded PEM."""

UNIX = "unix"
"""The name of who connected by a Unix socket, which has no addresses."""

MAX_BYTES = 16_384
_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/][A-Za-z0-9+/=\s]*-----END CERTIFICATE-----\s*"
)
_SEPARATORS = re.compile(rb"[^a-z0-9]+")


class CertificateHeader:
    """Puts the certificate where a TLS listener would have put it, and the header away.

    Args:
        app: what is asked afterwards; it never sees the header.
        name: of the header.
        proxies: addresses and networks of those that may set it, or `UNIX`.
    """

    __slots__ = ("_app", "_folded", "_name", "_proxies", "_unix")

    def __init__(self, app: App, name: str, proxies: Sequence[str]) -> None:
        self._app = app
        self._name = name.lower().encode()
        self._folded = _fold(self._name)
        self._unix = UNIX in proxies
        self._proxies = tuple(ip_network(proxy) for proxy in proxies if proxy != UNIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            certificate = self._certificate(scope)
        except Refusal as refusal:
            body = problem_json(refusal.problem)
            await respond(send, refusal.problem.status, body, (PROBLEM_JSON, NO_STORE))
            return
        # From a listener that asked the proxy itself for one, it would be the proxy's.
        others = {name: it for name, it in scope.get("extensions", {}).items() if name != "tls"}
        scope["extensions"] = others if certificate is None else others | tls_extension(certificate)
        await self._app(scope, receive, send)

    def _certificate(self, scope: Scope) -> bytes | None:
        candidates = [name for name, _ in scope["headers"] if _fold(name) == self._folded]
        if not candidates:
            return None
        if not self._is_proxy(scope):
            raise Refusal(MALFORMED, "a certificate header from somebody who is no proxy")
        if candidates != [self._name]:  # nginx and WSGI take X_SSL_Cert for X-SSL-Cert
            raise Refusal(MALFORMED, "the certificate header is there twice, or under another name")
        value = only_header(scope, self._name) or b""
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != self._name]
        return read_certificate(self._name, value) if value else None

    def _is_proxy(self, scope: Scope) -> bool:
        if self._unix and scope["client"] == (UNIX, 0):
            return True
        try:
            peer = ip_address(scope["client"][0])
        except (TypeError, ValueError):  # a socket without addresses
            return False
        return any(peer in network for network in self._proxies)


def _fold(name: bytes) -> bytes:
    return _SEPARATORS.sub(b"-", name.lower()).strip(b"-")


def read_certificate(name: bytes, value: bytes) -> bytes:
    """The certificate (DER) in a header value."""
    if len(value) > MAX_BYTES:
        raise Refusal(MALFORMED, "the certificate header is too long")
    try:
        return _from_rfc_9440(value) if name == RFC_9440.encode() else _from_pem(unquote_to_bytes(value))
    except (ValueError, binascii.Error):
        raise Refusal(MALFORMED, "the certificate header holds no certificate") from None


def _from_rfc_9440(value: bytes) -> bytes:
    if len(value) < 3 or not value.startswith(b":") or not value.endswith(b":"):
        raise ValueError
    return base64.b64decode(value[1:-1], validate=True)


def _from_pem(pem: bytes) -> bytes:
    if not _PEM.fullmatch(pem):  # exactly one
        raise ValueError
    return ssl.PEM_cert_to_DER_cert(pem.decode("ascii"))
