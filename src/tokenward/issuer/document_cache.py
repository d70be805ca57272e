"""Client ID metadata documents, fetched within limits and kept for as long as their answers allow.

What is fetched, anybody can name: so it is little, from public addresses only, without redirects
(`base.outbound`), and no host is asked often. Nothing is judged here but that it is a JSON object.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.outbound import Answer, OutboundError
from tokenward.base.problems import CLIENT_DOCUMENT_REFUSED, TOO_MANY_REQUESTS, Refusal
from tokenward.base.throttle import TokenBuckets
from tokenward.tokens import strict_json

FetchDocument = Callable[[str], Awaitable[Answer]]

DOCUMENT_BYTES = 5 * 1024  # draft-ietf-oauth-client-id-metadata-document-02 §8.7
SHORTEST = 60.0  # seconds: a sign-in reads a document some times
USUAL = 300.0
LONGEST = 86_400.0
STALE = 86_400.0
"""Seconds for which a document that is old counts while its host does not answer."""

_KEPT = 1000
_AT_ONCE = 20  # fetches
_MEDIA_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json(?:\s*;.*)?", re.IGNORECASE)
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?([0-9]{1,9})")


async def fetch_nothing(_url: str) -> Answer:
    """For an issuer that has no way outside."""
    raise OutboundError("unreachable", "there is no way outside")


@dataclass(frozen=True, slots=True)
class _Kept:
    content: dict[str, Any]
    old_at: float


@dataclass(slots=True)
class DocumentCache:
    """At most one fetch of a document at a time, 20 in all; 20 documents of a host, then one in 3 seconds.

    Attributes:
        fetch: gives what is answered at a URL, a refusal included; raises OutboundError where nothing is.
        clock: its monotonic reading counts.
    """

    fetch: FetchDocument = fetch_nothing
    clock: Clock = SYSTEM_CLOCK
    _known: OrderedDict[str, _Kept] = field(default_factory=OrderedDict, init=False)
    _flights: dict[str, asyncio.Task[dict[str, Any] | Refusal]] = field(default_factory=dict, init=False)
    _hosts: TokenBuckets = field(init=False)

    def __post_init__(self) -> None:
        self._hosts = TokenBuckets(burst=20, every=3, clock=self.clock)

    async def content(self, url: str) -> dict[str, Any]:
        """The object at the URL, which the caller has checked.

        Raises:
            Refusal: CLIENT_DOCUMENT_REFUSED; TOO_MANY_REQUESTS, its host was asked too often.
        """
        known = self._known.get(url)
        if known is not None and self.clock.monotonic() < known.old_at:
            self._known.move_to_end(url)
            return known.content
        flight = self._flights.get(url) or self._start(url)
        found = await asyncio.shield(flight)  # others wait for it, too
        if isinstance(found, Refusal):
            raise found
        return found

    def forget(self, url: str) -> None:
        """Fetch it anew next time: it is not acceptable."""
        self._known.pop(url, None)

    def _start(self, url: str) -> "asyncio.Task[dict[str, Any] | Refusal]":
        if len(self._flights) >= _AT_ONCE:
            raise Refusal(TOO_MANY_REQUESTS, "too many documents at once", retry_after=1)
        host = urlsplit(url).hostname or ""
        if wait := self._hosts.take(host):
            raise Refusal(TOO_MANY_REQUESTS, f"too many documents at {host}", retry_after=ceil(wait))
        flight = self._flights[url] = asyncio.ensure_future(self._fetched(url))
        flight.add_done_callback(lambda _: self._flights.pop(url, None))
        return flight

    async def _fetched(self, url: str) -> dict[str, Any] | Refusal:
        try:
            answer = await self.fetch(url)
        except OutboundError as error:
            known = self._known.get(url) if error.code in ("timeout", "unreachable") else None
            if known is not None and self.clock.monotonic() < known.old_at + STALE:
                return known.content
            return Refusal(CLIENT_DOCUMENT_REFUSED, f"{urlsplit(url).hostname}: {error}")
        try:
            content = _object(answer)
        except ValueError as error:
            self.forget(url)
            return Refusal(CLIENT_DOCUMENT_REFUSED, f"{urlsplit(url).hostname}: {error}")
        self._known[url] = _Kept(content, self.clock.monotonic() + _lifetime(answer))
        self._known.move_to_end(url)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return content


def _object(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ValueError(f"it answered {answer.status}")
    if not _MEDIA_TYPE.fullmatch(_header(answer, "content-type")):
        raise ValueError("what it answered is not JSON by its media type")
    if len(answer.body) > DOCUMENT_BYTES:
        raise ValueError(f"it has more than {DOCUMENT_BYTES} bytes")
    try:
        return strict_json.read_object(answer.body)
    except ValueError:
        raise ValueError("what it answered is no JSON object") from None


def _lifetime(answer: Answer) -> float:
    """Seconds for which it is kept, by Cache-Control (RFC 9111 §5.2.2) and within our bounds."""
    said = _header(answer, "cache-control").lower()
    if "no-store" in said or "no-cache" in said:
        return SHORTEST
    age = _MAX_AGE.search(said)
    return min(max(float(age[1]), SHORTEST), LONGEST) if age else USUAL


def _header(answer: Answer, name: str) -> str:
    return ", ".join(value for each, value in answer.headers if each == name)
