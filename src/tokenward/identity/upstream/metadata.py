"""What a provider says of itself (OpenID Connect Discovery §4), read strictly and kept for an hour."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import PROVIDER_UNAVAILABLE, Refusal
from tokenward.identity.upstream.provider import Web
from tokenward.tokens import strict_json

DISCOVERY = "/.well-known/openid-configuration"
TTL = 3600.0
"""Seconds for which it is believed."""
KEPT = 86_400.0
"""Seconds for which it is believed while none that is newer can be had."""
RETRY_AFTER = 5.0
"""Seconds between attempts that failed."""

_MAX_URL = 2048

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where its endpoints are.

    Attributes:
        authorization_endpoint: where browsers are sent.
        token_endpoint: where codes are redeemed.
        userinfo_endpoint: where claims can be asked for, or "".
        end_session_endpoint: where browsers are sent to sign out, or "" (RP-Initiated Logout §2.1).
        names_issuer: whether its answers carry `iss` (RFC 9207 §3).
    """

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str
    names_issuer: bool


def read_metadata(body: bytes, issuer: str) -> Metadata:
    """The metadata of exactly this issuer.

    Raises:
        ValueError: it is another's, or none that can be used; nothing of it is repeated.
    """
    said = strict_json.read_object(body)
    if said.get("issuer") != issuer:  # Discovery §4.3
        raise ValueError("the metadata is another issuer's")
    return Metadata(
        authorization_endpoint=_endpoint(said, "authorization_endpoint", issuer, required=True),
        token_endpoint=_endpoint(said, "token_endpoint", issuer, required=True),
        userinfo_endpoint=_endpoint(said, "userinfo_endpoint", issuer),
        end_session_endpoint=_endpoint(said, "end_session_endpoint", issuer),
        names_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(said: Mapping[str, object], name: str, issuer: str, *, required: bool = False) -> str:
    url = said.get(name)
    if url is None and not required:
        return ""
    if not isinstance(url, str) or len(url) > _MAX_URL or not url.isascii() or not url.isprintable():
        raise ValueError(f"{name} is missing or no URL")
    if any(character in url for character in ' #\\"<>'):  # RFC 6749 §3.1: no fragment
        raise ValueError(f"{name} has a fragment, or a character that no URL has")
    parts, own = urlsplit(url), urlsplit(issuer)
    # Plain http only to the very host that the operator named with it, which is loopback.
    in_the_clear = parts.scheme == own.scheme == "http" and parts.hostname == own.hostname
    if (parts.scheme != "https" and not in_the_clear) or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{name} is not https")
    return url


class Discovery:
    """The metadata of one provider: one fetch at a time, and not at once again after one that failed."""

    def __init__(self, issuer: str, web: Web, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._issuer = issuer
        self._web = web
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: Metadata | None = None
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")

    async def metadata(self) -> Metadata:
        """What the provider says of itself.

        Raises:
            Refusal: PROVIDER_UNAVAILABLE.
        """
        if self._known is None or self._age() > TTL:
            async with self._lock:
                await self._refresh()
        if self._known is None or self._age() > KEPT:
            raise Refusal(PROVIDER_UNAVAILABLE, f"{self._issuer}: no metadata")
        return self._known

    async def _refresh(self) -> None:
        now = self._clock.monotonic()
        if (self._known is not None and self._age() <= TTL) or now - self._failed_at < RETRY_AFTER:
            return  # somebody else has just tried
        try:
            # Discovery §4.1: a slash at the end of the issuer is left out.
            body = await self._web.get_async(self._issuer.rstrip("/") + DISCOVERY)
            self._known = read_metadata(body, self._issuer)
        except (OutboundError, ValueError) as error:
            self._failed_at = self._clock.monotonic()
            _log.warning("the metadata of %s cannot be had: %s", self._issuer, error)
        else:
            self._fetched_at = self._clock.monotonic()

    def _age(self) -> float:
        return self._clock.monotonic() - self._fetched_at
