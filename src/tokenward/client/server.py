"""The authorization server, as an application names it: by its issuer identifier and nothing else."""

# ruff: noqa: PLC0415 - what does the work is imported when a token is asked for

import ssl
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tokenward.base.addresses import LOOPBACK, is_loopback
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.client.errors import ServerUnavailable, TokenError
from tokenward.client.server_clock import ServerClock
from tokenward.flows.metadata import OPENID, ServerMetadata, addresses, read_metadata

if TYPE_CHECKING:
    from tokenward.base.outbound import OutboundClient
    from tokenward.client.flow import Flow

TTL = 3600.0
"""Seconds for which the metadata is believed."""


class Server:
    """An authorization server: any that publishes metadata (RFC 8414, or OpenID Connect Discovery).

    It can be shared by any number of token sources, threads and event loops. Nothing is fetched before a
    token is needed. Requests follow no redirect, read no proxy variable, and reach no private address unless
    told so; a server on loopback may be reached there, by plain http.

    Args:
        issuer: its issuer identifier, such as `https://login.example.com`; exactly as it writes it itself.
        inside_networks: private networks in which it may be, such as `10.1.0.0/16`.
        tls: trust settings where the system's authorities are not enough; with `ClientCertificate`, that one
            brings its own.
        timeout: seconds for a whole request.
        clock: what time it is.

    Raises:
        ValueError: the issuer is no https URL, or a network is none.
    """

    def __init__(
        self,
        issuer: str,
        *,
        inside_networks: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
        timeout: float = 5.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        parts = urlsplit(issuer)
        self._loopback = is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._loopback):
            raise ValueError("the issuer must be an https URL; plain http is for loopback alone")
        if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:  # RFC 8414 §2
            raise ValueError("the issuer must be a URL with a host, and without user, query or fragment")
        self.issuer = issuer
        self.clock = ServerClock(clock)
        self.timeout = timeout
        self.own_clock = clock
        self._tls = tls
        self._networks = tuple(inside_networks)
        self._known: dict[bool, tuple[ServerMetadata, float]] = {}

    def http(self, tls: ssl.SSLContext | None = None) -> "OutboundClient":
        """What fetches from it; with the certificate in `tls`, where there is one."""
        from tokenward.base.outbound import OutboundClient

        return OutboundClient(
            allow=(*self._networks, *(LOOPBACK if self._loopback else ())),
            https_only=not self._loopback,
            timeout=self.timeout,
            tls=tls or self._tls,
        )

    @cached_property
    def plain_http(self) -> "OutboundClient":
        """The same without a certificate, kept: making trust settings takes milliseconds."""
        return self.http()

    def metadata(self, *, openid: bool = False) -> "Flow[ServerMetadata]":
        """What it publishes of itself, at most an hour old; as an OpenID provider, if it tells more of that.

        Raises:
            TokenError: it is another's, or of no use.
            ServerUnavailable: it cannot be had.
        """
        from tokenward.base.outbound import OutboundError
        from tokenward.client.flow import Send

        now = self.own_clock.monotonic()
        known, fetched_at = self._known.get(openid, (None, 0.0))
        if known is not None and now - fetched_at < TTL:
            return known
        status = 0
        for url in sorted(addresses(self.issuer), key=lambda url: OPENID in url, reverse=openid):
            try:
                answer = yield Send("GET", url, {"Accept": "application/json"})
            except OutboundError as error:
                if known is not None:
                    return known
                raise ServerUnavailable("server_unavailable", str(error)) from None
            status = answer.status
            if status == 200:
                try:
                    found = read_metadata(answer.body, self.issuer, required=("token_endpoint",))
                except ValueError as error:
                    raise TokenError("wrong_metadata", f"{self.issuer}: {error}") from None
                self._known[openid] = found, now
                return found
            if status >= 500:
                break
        if known is not None:
            return known
        kind = ServerUnavailable if status >= 500 else TokenError
        raise kind("no_metadata", f"{self.issuer} answers {status} where its metadata should be")
