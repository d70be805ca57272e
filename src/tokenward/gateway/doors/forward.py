"""Passing requests on to upstreams, and WebSockets. No decision is made here.

What is looked at of a request is its framing: whether a body follows, and where it ends, must be as clear to
the upstream as it is to us.
"""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

import aiohttp

from tokenward.base.asgi import Receive, Scope, Send
from tokenward.base.problems import CLIENT_SILENT, MALFORMED, TOO_LARGE, Refusal
from tokenward.gateway.bounds import UNBOUND, Bounds
from tokenward.gateway.doors import websocket
from tokenward.gateway.doors.balancer import Balancer, Member
from tokenward.gateway.doors.connections import connections
from tokenward.gateway.doors.limits import DEFAULT_LIMITS, Limits, within
from tokenward.gateway.doors.running import Held
from tokenward.gateway.doors.transfer import Call, Tell, Transfer
from tokenward.gateway.upstreams import Pool


class Forwarder:
    """Connections to upstreams.

    Attributes:
        balancer: chooses among several.
    """

    __slots__ = ("_limits", "_session", "balancer")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.balancer = Balancer()
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:  # made here, because it belongs to the running loop
            self._session = connections(timeout=self._limits.timeout, most=self._limits.connections)
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def forward(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        pool: Pool,
        path: str,
        headers: Sequence[tuple[str, str]],
        bounds: Bounds = UNBOUND,
        held: Held | None = None,
        tell: Tell | None = None,
    ) -> int:
        """Send the request to one of `pool`, with exactly these headers, and its response to the client.

        A client that goes away ends the upstream's exchange too.

        Args:
            scope: of type http; method, query and framing are taken from it.
            receive: the request body.
            send: the response.
            pool: the upstreams to choose from.
            path: canonical path below any of them.
            headers: complete but for Host and framing.
            bounds: where it is not bound as usual.
            held: by which the exchange can be ended, if anybody wants to.
            tell: what the client gets beside the upstream's headers; nothing by default.

        Returns:
            The status of the answer; 0 if the client went away before it began.

        Raises:
            Refusal: before anything was sent: BAD_UPSTREAM, UPSTREAM_TIMEOUT, NO_UPSTREAM, TOO_LARGE,
                MALFORMED.
            UpstreamTruncated: after that.
        """
        query: bytes = scope["query_string"]
        limits = self._limits if bounds is UNBOUND else within(self._limits, bounds)
        body = _has_body(scope, limits.body)
        if body is None:
            receive, body = await _peek(receive, limits.client)
        call = Call(scope["method"], f"{path}?{query.decode('ascii')}" if query else path, headers, body)
        transfer = Transfer(receive, send, limits, self._connected(), self.balancer)
        return await transfer.run(call, pool, held, tell)

    async def connect(
        self,
        *,
        pool: Pool,
        target: str,
        headers: Sequence[tuple[str, str]],
        protocols: Sequence[str],
        bounds: Bounds = UNBOUND,
    ) -> tuple[Member, aiohttp.ClientWebSocketResponse, float]:
        """An upstream's end of a WebSocket, whose it is, and how long the client may take nothing."""
        limits = self._limits if bounds is UNBOUND else within(self._limits, bounds)
        member, upstream = await websocket.connect(
            self._connected(),
            self.balancer,
            pool,
            target,
            headers,
            protocols=protocols,
            seconds=limits.read,
        )
        return member, upstream, limits.client


async def _peek(receive: Receive, seconds: float) -> tuple[Receive, bool]:
    """Whether there is a body, and `receive` as if nobody had looked."""
    try:
        async with asyncio.timeout(seconds):
            first = await receive()
    except TimeoutError:
        raise Refusal(CLIENT_SILENT, "the client was silent for too long") from None
    if first["type"] == "http.request" and not first.get("body") and not first.get("more_body", False):
        return receive, False
    unread = [first]

    async def again() -> MutableMapping[str, Any]:
        return unread.pop() if unread else await receive()

    return again, True


def _has_body(scope: Scope, limit: int) -> bool | None:
    """Whether a request body follows (RFC 9112 §6.3); None where only what comes can tell: from HTTP/2 on.

    Raises:
        Refusal: MALFORMED, the framing is ambiguous; TOO_LARGE, the announced length is.
    """
    lengths: tuple[bytes, ...] = ()
    codings: tuple[bytes, ...] = ()
    for name, value in scope["headers"]:
        if name == b"content-length":
            lengths += (value,)
        elif name == b"transfer-encoding":
            codings += (value,)
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise Refusal(MALFORMED, "a transfer coding other than chunked")  # it ends here and is not undone
    chunked = bool(codings)
    if len(lengths) > 1 or (lengths and (chunked or not lengths[0].isdigit())):
        raise Refusal(MALFORMED, "content-length is repeated, no number, or beside transfer-encoding")
    if lengths:
        if len(lengths[0]) > 18 or int(lengths[0]) > limit:
            raise Refusal(TOO_LARGE, "the announced body is above the limit")
        return int(lengths[0]) > 0
    return chunked or (False if scope.get("http_version", "1.1") in {"1.0", "1.1"} else None)
