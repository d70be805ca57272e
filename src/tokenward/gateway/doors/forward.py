"""Passing one exchange on to an upstream and its answer back, streaming both ways. No decision is made here.

Back-pressure is the transport's: a chunk is read from one side when the other side has taken the one before.

A request is tried twice at most, and only where nobody can tell the difference: when no connection could be
made, so that nothing was sent, or when the connection closed before anything of an answer came, the method is
idempotent (RFC 9110 §9.2.2) and there is no body. The second try is another upstream's if there is one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import aiohttp
from aiohttp.client import ClientTimeout
from yarl import URL

from tokenward.base.asgi import Receive, Scope, Send
from tokenward.base.problems import (
    BAD_UPSTREAM,
    CLIENT_SILENT,
    MALFORMED,
    TOO_LARGE,
    UPSTREAM_TIMEOUT,
    Refusal,
)
from tokenward.gateway.bounds import UNBOUND, Bounds
from tokenward.gateway.doors import websocket
from tokenward.gateway.doors.balancer import Balancer, Member
from tokenward.gateway.doors.connections import Unreachable, connections
from tokenward.gateway.doors.running import Held
from tokenward.gateway.headers import incoming
from tokenward.gateway.upstreams import Pool

T = TypeVar("T")

_BODILESS = frozenset({204, 304})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110 §9.2.2


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long.

    Attributes:
        body: bytes of a request body.
        connect: seconds until a new connection to the upstream is there.
        wait: seconds until there is a connection, waiting for a free one included.
        read: seconds for which the upstream may be silent.
        client: seconds for which the client may neither send the rest of its body nor take the answer. What
            it holds up is a connection to an upstream, and those are few.
        connections: to one upstream, so that an API that is held up does not hold up the others.
    """

    body: int = 10 * 1024 * 1024
    connect: float = 3.0
    wait: float = 5.0
    read: float = 30.0
    client: float = 30.0
    connections: int = 512

    @property
    def timeout(self) -> ClientTimeout:
        """As aiohttp takes them."""
        return ClientTimeout(
            total=None,
            connect=max(self.wait, self.connect),
            sock_connect=self.connect,
            sock_read=self.read,
        )


@lru_cache(maxsize=1024)  # few: what the policy says of APIs and operations
def _within(limits: Limits, bounds: Bounds) -> Limits:
    said = {name: value for name, value in asdict(bounds).items() if value is not None}
    return replace(limits, **said)


DEFAULT_LIMITS = Limits()


class UpstreamTruncated(Exception):  # noqa: N818 - reads as the condition it is
    """The upstream broke off in the middle of its answer.

    It leaves the ASGI application, whose server then cuts the connection: a clean end would be a lie.
    """


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
    ) -> None:
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

        Raises:
            Refusal: before anything was sent: BAD_UPSTREAM, UPSTREAM_TIMEOUT, NO_UPSTREAM, TOO_LARGE,
                MALFORMED.
            UpstreamTruncated: after that.
        """
        query: bytes = scope["query_string"]
        limits = self._limits if bounds is UNBOUND else _within(self._limits, bounds)
        body = _has_body(scope, limits.body)
        if body is None:
            receive, body = await _peek(receive, limits.client)
        call = _Call(scope["method"], f"{path}?{query.decode('ascii')}" if query else path, headers, body)
        await _Exchange(receive, send, limits, self._connected(), self.balancer).run(call, pool, held)

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
        limits = self._limits if bounds is UNBOUND else _within(self._limits, bounds)
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
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
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


class _Call(NamedTuple):
    """A request to an upstream, but for its body and for which upstream it is."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bool

    @property
    def repeatable(self) -> bool:
        """Whether nobody could tell if an upstream got it twice."""
        return not self.body and self.method in _IDEMPOTENT


class _Exchange:
    """One request and its response, cut short when the client goes away or a limit is passed."""

    __slots__ = (
        "_balancer",
        "_held",
        "_is_cut",
        "_limits",
        "_receive",
        "_refusal",
        "_scissors",
        "_send",
        "_session",
        "_started",
        "_watcher",
    )

    def __init__(
        self,
        receive: Receive,
        send: Send,
        limits: Limits,
        session: aiohttp.ClientSession,
        balancer: Balancer,
    ) -> None:
        self._held: Held | None = None
        self._receive = receive
        self._send = send
        self._limits = limits
        self._session = session
        self._balancer = balancer
        self._is_cut = False
        self._started = False
        self._refusal: Refusal | None = None
        self._scissors = asyncio.timeout(None)
        self._watcher: asyncio.Task[None] | None = None

    async def run(self, call: _Call, pool: Pool, held: Held | None) -> None:
        if held is not None:
            if held.ended is not None:
                raise held.ended
            self._held, held.cut = held, self._cut
        first = self._balancer.choose(pool)
        if not call.body:
            self._watch_client()
        try:
            async with self._scissors:
                member, response = await self._ask(call, pool, first)
                try:
                    async with response:
                        if not 200 <= response.status < 600:
                            raise Refusal(BAD_UPSTREAM, f"status {response.status}")
                        await self._answer(response, call.method)
                finally:
                    member.outstanding -= 1
        except TimeoutError:
            await self._stopped()
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            why = str(fault) if isinstance(fault, Unreachable) else type(fault).__name__
            self._fail(self._refusal or Refusal(BAD_UPSTREAM, why))
        finally:
            # Let go of, because each knows this exchange: what is left in cycles costs a tenth of a call.
            if held is not None:
                held.cut = None
            if self._watcher is not None:
                self._watcher.cancel()
                self._watcher = None

    async def _stopped(self) -> None:
        if not self._scissors.expired():
            self._fail(Refusal(UPSTREAM_TIMEOUT, "the upstream was silent for too long"))
        elif self._refusal is not None and self._started and self._held is not None and self._held.endless:
            await self._end_politely()
        elif self._refusal is not None:
            self._fail(self._refusal)
        elif not self._is_cut:
            self._fail(Refusal(CLIENT_SILENT, "the client was silent for too long"))
        # Otherwise the client has gone, and there is nobody to answer.

    async def _ask(self, call: _Call, pool: Pool, first: Member) -> tuple[Member, aiohttp.ClientResponse]:
        """The beginning of the answer, and whose it is. He has it outstanding until the end is here."""
        try:
            return first, await self._ask_one(call, first)
        except (Unreachable, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as fault:
            second = self._second(call, pool, first, fault)
            if second is None:
                raise
        first.retried_ever += 1
        return second, await self._ask_one(call, second)

    async def _ask_one(self, call: _Call, member: Member) -> aiohttp.ClientResponse:
        member.outstanding += 1
        try:
            response = await self._session.request(
                call.method,
                URL(member.address + call.target, encoded=True),
                headers=call.headers,
                data=self._body() if call.body else None,
                allow_redirects=False,
                timeout=self._limits.timeout,
            )
        except BaseException as fault:
            member.outstanding -= 1
            if isinstance(fault, Unreachable):
                self._balancer.unreached(member)
            raise
        member.reached()
        return response

    def _second(self, call: _Call, pool: Pool, first: Member, fault: Exception) -> Member | None:
        """Who gets the request that the first one did not answer; None where nobody may."""
        if isinstance(fault, Unreachable):  # nothing was sent, and there is no use in asking it again
            return self._balancer.another(pool, first)
        if not call.repeatable or not _said_nothing(fault):
            return None
        # An upstream may close an idle connection in the moment in which it is used again (RFC 9112 §9.3.1).
        return self._balancer.another(pool, first) or first

    def _fail(self, refusal: Refusal) -> None:
        if self._started:
            raise UpstreamTruncated(refusal.detail) from None
        raise refusal from None

    async def _end_politely(self) -> None:
        """What has no end of its own may end anywhere: its client asks again, and hears why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, response: aiohttp.ClientResponse, method: str) -> None:
        await self._send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": incoming(response.raw_headers, bodiless=response.status in _BODILESS),
            }
        )
        self._started = True
        if self._held is not None and response.content_type == "text/event-stream":
            self._held.endless = True
        content = response.content
        while method != "HEAD" and not content.at_eof():
            chunk = await content.readany()
            last = content.at_eof()
            sending = self._send({"type": "http.response.body", "body": chunk, "more_body": not last})
            await (sending if last else self._in_time(sending))
            if last:
                return
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _body(self) -> AsyncIterator[bytes]:
        size = 0
        while True:
            message = await self._in_time(self._receive())
            if message["type"] == "http.disconnect":
                raise self._cut(None)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._limits.body:
                raise self._cut(Refusal(TOO_LARGE, f"a body of more than {self._limits.body} bytes"))
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                self._watch_client()
                return

    async def _in_time(self, act: Awaitable[T]) -> T:
        """What the client has to do for it, it does within its time, or the exchange ends."""
        self._set_scissors(asyncio.get_running_loop().time() + self._limits.client)
        done = await act
        self._set_scissors(None)
        return done

    def _set_scissors(self, when: float | None) -> None:
        if not self._is_cut:
            with suppress(RuntimeError):  # the exchange is over already
                self._scissors.reschedule(when)

    def _watch_client(self) -> None:
        """Once the body is read, the next thing that the client can do is to go away."""
        self._watcher = asyncio.ensure_future(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cut(None)

    def _cut(self, refusal: Refusal | None) -> Exception:
        """End the exchange now. To be raised where a body is being sent, so that it never looks complete."""
        self._refusal = refusal
        self._set_scissors(0)
        self._is_cut = True
        return ConnectionAbortedError("the request body was cut short")


def _said_nothing(fault: Exception) -> bool:
    """Whether the connection closed before any byte of an answer came: aiohttp tells the part that did."""
    return not isinstance(fault, aiohttp.ServerDisconnectedError) or isinstance(fault.message, str)
