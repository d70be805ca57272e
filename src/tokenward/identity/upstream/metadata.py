"""What a provider says of itself (OpenID Connect Discovery §4), read strictly and kept for an hour."""

import asyncio
import logging

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import OutboundError
from tokenward.base.problems import PROVIDER_UNAVAILABLE, Refusal
from tokenward.flows.metadata import OPENID, ServerMetadata, read_metadata
from tokenward.identity.upstream.provider import Web

TTL = 3600.0
"""Seconds for which it is believed."""
KEPT = 86_400.0
"""Seconds for which it is believed while none that is newer can be had."""
RETRY_AFTER = 5.0
"""Seconds between attempts that failed."""

_NEEDED = ("authorization_endpoint", "token_endpoint")

_log = logging.getLogger(__name__)


class Discovery:
    """The metadata of one provider: one fetch at a time, and not at once again after one that failed."""

    def __init__(self, issuer: str, web: Web, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._issuer = issuer
        self._web = web
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: ServerMetadata | None = None
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")

    async def metadata(self) -> ServerMetadata:
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
            body = await self._web.get_async(self._issuer.rstrip("/") + OPENID)
            self._known = read_metadata(body, self._issuer, required=_NEEDED)
        except (OutboundError, ValueError) as error:
            self._failed_at = self._clock.monotonic()
            _log.warning("the metadata of %s cannot be had: %s", self._issuer, error)
        else:
            self._fetched_at = self._clock.monotonic()

    def _age(self) -> float:
        return self._clock.monotonic() - self._fetched_at
