"""One request to an upstream and its answer back, streaming both ways.

Back-pressure is the transport's: a chunk is read from one side when the other side has taken the one before.

A request is tried twice at most, and only where nobody can tell the difference: when no connection could be
made, so that nothing was sent, or when the connection closed before anything of an answer came, the method is
idempotent (RFC 9110 §9.2.2) and there is no body. The second try is another upstream's if there is one.
"""

import asyncio
from asyncio.events import TimerHandle
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

import aiohttp
from yarl import URL

from tokenward.base.asgi import Receive, Send
from tokenward.base.problems import BAD_UPSTREAM, CLIENT_SILENT, TOO_LARGE, UPSTREAM_TIMEOUT, Refusal
from tokenward.gateway.doors.balancer import Balancer, Member
from tokenward.gateway.doors.connections import Unreachable, begin
from tokenward.gateway.doors.limits import Limits
from tokenward.gateway.doors.running import Held
from tokenward.gateway.doors.scissors import Scissors
from tokenward.gateway.headers import RawHeaders, incoming
from tokenward.gateway.upstreams import Pool

T = TypeVar("T")

Tell = Callable[[RawHeaders], RawHeaders]
"""Makes of an upstream's headers, as far as they may pass, those that the client gets."""

UNWATCHED = 0.05
"""Seconds for which nobody looks whether the client is still there. Most calls are over by then, and a task
that waits for that would cost each of them 8 µs."""

_BODILESS = frozenset({204, 304})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})  # RFC 9110 §9.2.2


class UpstreamTruncated(Exception):  # noqa: N818 - reads as the condition it is
    """The upstream broke off in the middle of its answer.

    It leaves the ASGI application, whose server then cuts the connection: a clean end would be a lie.
    """


class Call(NamedTuple):
    """A request to an upstream, but for its body and for which upstream it is."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bool

    @property
    def repeatable(self) -> bool:
        """Whether nobody could tell if an upstream got it twice."""
        return not self.body and self.method in _IDEMPOTENT


class Transfer:
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
        "_status",
        "_tell",
        "_unwatched",
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
        self._tell: Tell | None = None
        self._is_cut = False
        self._status = 0
        self._refusal: Refusal | None = None
        self._scissors = Scissors()
        self._unwatched: TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def run(self, call: Call, pool: Pool, held: Held | None, tell: Tell | None) -> int:
        """Do it; the status of the answer, 0 if the client went away before it began.

        Raises:
            Refusal, UpstreamTruncated: as `Forwarder.forward`.
        """
        if held is not None:
            if held.ended is not None:
                raise held.ended
            self._held, held.cut = held, self._cut
        self._tell = tell
        first = self._balancer.choose(pool)
        if not call.body:
            self._watch_client()
        try:
            with self._scissors:
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
            if self._unwatched is not None:
                self._unwatched.cancel()
                self._unwatched = None
            if self._watcher is not None:
                self._watcher.cancel()
                self._watcher = None
        return self._status

    async def _stopped(self) -> None:
        if not self._scissors.have_cut:
            self._fail(Refusal(UPSTREAM_TIMEOUT, "the upstream was silent for too long"))
        elif self._refusal is not None and self._status and self._held is not None and self._held.endless:
            await self._end_politely()
        elif self._refusal is not None:
            self._fail(self._refusal)
        elif not self._is_cut:
            self._fail(Refusal(CLIENT_SILENT, "the client was silent for too long"))
        # Otherwise the client has gone, and there is nobody to answer.

    async def _ask(self, call: Call, pool: Pool, first: Member) -> tuple[Member, aiohttp.ClientResponse]:
        """The beginning of the answer, and whose it is. He has it outstanding until the end is here."""
        try:
            return first, await self._ask_one(call, first)
        except (Unreachable, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as fault:
            second = self._second(call, pool, first, fault)
            if second is None:
                raise
        first.retried_ever += 1
        return second, await self._ask_one(call, second)

    async def _ask_one(self, call: Call, member: Member) -> aiohttp.ClientResponse:
        member.outstanding += 1
        try:
            response = await begin(
                self._session,
                call.method,
                URL(member.address + call.target, encoded=True),
                headers=call.headers,
                body=self._body() if call.body else None,
                timeout=self._limits.timeout,
            )
        except BaseException as fault:
            member.outstanding -= 1
            if isinstance(fault, Unreachable):
                self._balancer.unreached(member)
            raise
        member.reached()
        return response

    def _second(self, call: Call, pool: Pool, first: Member, fault: Exception) -> Member | None:
        """Who gets the request that the first one did not answer; None where nobody may."""
        if isinstance(fault, Unreachable):  # nothing was sent, and there is no use in asking it again
            return self._balancer.another(pool, first)
        if not call.repeatable or not _said_nothing(fault):
            return None
        # An upstream may close an idle connection in the moment in which it is used again (RFC 9112 §9.3.1).
        return self._balancer.another(pool, first) or first

    def _fail(self, refusal: Refusal) -> None:
        if self._status:
            raise UpstreamTruncated(refusal.detail) from None
        raise refusal from None

    async def _end_politely(self) -> None:
        """What has no end of its own may end anywhere: its client asks again, and hears why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, response: aiohttp.ClientResponse, method: str) -> None:
        status = response.status
        headers = incoming(response.raw_headers, bodiless=status in _BODILESS)
        told = headers if self._tell is None else self._tell(headers)
        await self._send({"type": "http.response.start", "status": status, "headers": told})
        self._status = status
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
        if not self._is_cut:
            self._scissors.cut_in(self._limits.client)
        done = await act
        if not self._is_cut:
            self._scissors.leave()
        return done

    def _watch_client(self) -> None:
        """Once the body is read, the next thing that the client can do is to go away."""
        self._unwatched = asyncio.get_running_loop().call_later(UNWATCHED, self._watch)

    def _watch(self) -> None:
        self._unwatched = None
        self._watcher = asyncio.ensure_future(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cut(None)

    def _cut(self, refusal: Refusal | None) -> Exception:
        """End the exchange now. To be raised where a body is being sent, so that it never looks complete."""
        self._refusal = refusal
        if not self._is_cut:
            self._is_cut = True
            self._scissors.cut_in(0)
        return ConnectionAbortedError("the request body was cut short")


def _said_nothing(fault: Exception) -> bool:
    """Whether the connection closed before any byte of an answer came: aiohttp tells the part that did."""
    return not isinstance(fault, aiohttp.ServerDisconnectedError) or isinstance(fault.message, str)
