"""Redirect addresses: what may be registered, and when a requested one is the registered one.

Compared by exact characters (RFC 9700 §2.1). The one exception is RFC 8252 §7.3: a native app cannot know its
loopback port beforehand.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tokenward.base.problems import INVALID_INPUT, Refusal
from tokenward.store.records import Client, ClientType

_MAX_LENGTH = 2_000
_URI = re.compile(r"[!$-;=?-\[\]_a-z~]+")  # RFC 3986 characters without `#`, quotes and brackets of markup
_LOOPBACK_LITERAL = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?(/.*)?")
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})

_WITHOUT: dict[ClientType, str] = {
    "service": "a service client has no person before it",
    "device": "a device client has no browser",
}

_MAY_LISTEN: frozenset[ClientType] = frozenset({"native", "agent"})
"""Who runs on the machine of the browser, and takes a port there that is free."""


def check_redirect_uris(client_type: ClientType, uris: Sequence[str]) -> None:
    """Check what a client wants to register.

    Raises:
        Refusal: INVALID_INPUT; the detail says what is wrong with which address.
    """
    if client_type in _WITHOUT:
        if uris:
            raise Refusal(INVALID_INPUT, f"{_WITHOUT[client_type]}, so no redirect addresses")
        return
    if client_type == "agent" and not uris:  # one that acts on its own
        return
    if not uris:
        raise Refusal(INVALID_INPUT, f"a {client_type} client needs at least one redirect address")
    if len(set(uris)) != len(uris):
        raise Refusal(INVALID_INPUT, "a redirect address is there twice")
    for uri in uris:
        if why := why_no_redirect(client_type, uri):
            raise Refusal(INVALID_INPUT, f"redirect address {uri[:200]!r}: {why}")


def why_no_redirect(client_type: ClientType, uri: str) -> str:
    """Why browsers are not sent there for a client of that type, in words; "" where they may be."""
    if len(uri) > _MAX_LENGTH or not _URI.fullmatch(uri):
        return "too long, or with a fragment or a character that no URI has"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "host or port is malformed"
    if "@" in parts.netloc:
        return "it must not hold a user name"
    if parts.scheme == "https":
        return "" if host else "it has no host"
    if parts.scheme == "http":
        if client_type in _MAY_LISTEN:
            return (
                ""
                if _LOOPBACK_LITERAL.fullmatch(uri)
                else "http is for 127.0.0.1 and [::1] (RFC 8252 §7.3, §8.3)"
            )
        return "" if host in _LOOPBACK_HOSTS else "http is for this machine only; use https"
    if client_type != "native":
        return "use https"
    if "." not in parts.scheme:
        return "a private-use scheme is a reversed domain name, as com.example.app (RFC 8252 §7.1)"
    return (
        "" if parts.path.startswith("/") and not parts.netloc else "write it as scheme:/path (RFC 8252 §7.1)"
    )


def is_registered(client: Client, uri: str) -> bool:
    """Whether an authorization response for this client may go to `uri`."""
    if uri in client.redirect_uris:
        return True
    if client.type not in _MAY_LISTEN:
        return False
    requested = _without_port(uri)
    return requested is not None and any(requested == _without_port(each) for each in client.redirect_uris)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Host and path-with-query of a loopback address; None for any other."""
    match = _LOOPBACK_LITERAL.fullmatch(uri)
    if match is None or int(match[2] or 80) > 65_535:
        return None
    return match[1], match[3] or ""


def stays_here(uri: str) -> bool:
    """Whether what answers there runs on the machine of the browser."""
    return urlsplit(uri).hostname in _LOOPBACK_HOSTS


def with_parameters(uri: str, encoded: str) -> str:
    """The address with the response parameters added to its query (RFC 6749 §4.1.2)."""
    return f"{uri}{'&' if '?' in uri else '?'}{encoded}"
