"""Passing a WebSocket on: one to the client, one to the upstream, and messages between (RFC 6455).

Never a tunnel of bytes. The client is told 101 after the upstream's 101 was found good, its frames are parsed
and written anew, and what is no message reaches nobody. Pings are answered on each side, compression is not
offered. Back-pressure is the transports': a message is read when the one before was taken.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
from aiohttp import WSMsgType
from yarl import URL

from tokenward.base.asgi import Receive, Send
from tokenward.base.problems import BAD_UPSTREAM, UNAVAILABLE, UPSTREAM_TIMEOUT, Refusal
from tokenward.gateway.doors.balancer import Balancer, Member
from tokenward.gateway.doors.connections import Unreachable
from tokenward.gateway.doors.running import LEAVING, Held
from tokenward.gateway.upstreams import Pool

MESSAGE = 1_048_576
"""Bytes of one message, in either direction."""

HEARTBEAT = 30.0
"""Seconds between two pings to an upstream."""

_NORMAL, _GOING_AWAY, _NO_CODE, _POLICY, _FAULT, _LATER = 1000, 1001, 1005, 1008, 1011, 1013
_NOT_SENT = ("sec-websocket-", "content-")


class Ending(NamedTuple):
    """With which code and reason a WebSocket ends (RFC 6455 §7.4), and whether the client said so."""

    code: int
    reason: str = ""
    by_client: bool = False


async def connect(
    session: aiohttp.ClientSession,
    balancer: Balancer,
    pool: Pool,
    target: str,
    headers: Sequence[tuple[str, str]],
    *,
    protocols: Sequence[str],
    seconds: float,
) -> tuple[Member, aiohttp.ClientWebSocketResponse]:
    """An upstream's end, its handshake done, and whose it is: he has it outstanding until it is closed.

    Args:
        session: of connections to upstreams.
        balancer: chooses among them.
        pool: the API's.
        target: path and query.
        headers: as for any request; those of the client's own handshake are left out.
        protocols: that the client offers, one of which the upstream may choose.
        seconds: for the handshake.

    Raises:
        Refusal: NO_UPSTREAM, BAD_UPSTREAM, UPSTREAM_TIMEOUT.
    """
    kept = [(name, value) for name, value in headers if not name.startswith(_NOT_SENT)]

    async def ask(member: Member) -> tuple[Member, aiohttp.ClientWebSocketResponse]:
        member.outstanding += 1
        try:
            async with asyncio.timeout(seconds):
                upstream = await session.ws_connect(
                    URL(member.address + target, encoded=True),
                    headers=kept,
                    protocols=protocols,
                    autoclose=False,
                    heartbeat=HEARTBEAT,
                    max_msg_size=MESSAGE,
                )
        except BaseException as fault:
            member.outstanding -= 1
            if isinstance(fault, Unreachable):
                balancer.unreached(member)
            raise
        member.reached()
        return member, upstream

    first = balancer.choose(pool)
    try:
        try:
            return await ask(first)
        except Unreachable:
            second = balancer.another(pool, first)
            if second is None:
                raise
            first.retried_ever += 1
        return await ask(second)
    except TimeoutError:
        raise Refusal(UPSTREAM_TIMEOUT, "the upstream did not finish the handshake") from None
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        raise Refusal(BAD_UPSTREAM, f"no WebSocket: {type(fault).__name__}") from None


class Conversation:
    """Both ends of one WebSocket, until either closes it or it is ended.

    Args:
        receive: from the client, whose handshake was accepted.
        send: to it.
        upstream: the other end.
        seconds: for which the client may take nothing.
    """

    __slots__ = ("_ended", "_receive", "_seconds", "_send", "_upstream")

    def __init__(
        self, receive: Receive, send: Send, upstream: aiohttp.ClientWebSocketResponse, seconds: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._upstream = upstream
        self._seconds = seconds
        self._ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    async def run(self, held: Held) -> None:
        """Carry messages both ways; at the end, tell each side that does not know it yet."""
        held.endless, held.cut = True, self._end
        if held.ended is not None:
            self._end(held.ended)
        pumps = [asyncio.ensure_future(it) for it in (self._from_client(), self._from_upstream())]
        try:
            done, _ = await asyncio.wait([self._ended, *pumps], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        ending = (self._ended if self._ended in done else done.pop()).result()
        if not ending.by_client:
            await self._tell_client(ending)
        code = _NORMAL if ending.code == _NO_CODE else ending.code
        await self._upstream.close(code=code, message=ending.reason.encode())

    def _end(self, refusal: Refusal) -> None:
        if not self._ended.done():
            code = _LATER if refusal.problem is UNAVAILABLE else _POLICY
            self._ended.set_result(
                Ending(_GOING_AWAY) if refusal is LEAVING else Ending(code, refusal.problem.code)
            )

    async def _from_client(self) -> Ending:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or _NO_CODE
                return Ending(_sendable(code), message.get("reason") or "", by_client=True)
            try:
                text = message.get("text")
                if text is not None:
                    await self._upstream.send_str(text)
                else:
                    await self._upstream.send_bytes(message["bytes"])
            except (aiohttp.ClientError, OSError):
                return Ending(_FAULT)

    async def _from_upstream(self) -> Ending:
        while True:
            message = await self._upstream.receive()
            if message.type is WSMsgType.TEXT:
                told = {"type": "websocket.send", "text": message.data}
            elif message.type is WSMsgType.BINARY:
                told = {"type": "websocket.send", "bytes": message.data}
            elif message.type is WSMsgType.CLOSE:
                return Ending(_sendable(message.data or _NO_CODE), message.extra or "")
            else:  # it broke off, or off the rules
                return Ending(_FAULT)
            try:
                async with asyncio.timeout(self._seconds):
                    await self._send(told)
            except OSError:  # the client has gone, or takes nothing (TimeoutError is an OSError)
                return Ending(_GOING_AWAY)

    async def _tell_client(self, ending: Ending) -> None:
        code = _NORMAL if ending.code == _NO_CODE else ending.code
        try:
            async with asyncio.timeout(1.0):
                await self._send({"type": "websocket.close", "code": code, "reason": ending.reason})
        except (OSError, RuntimeError):  # it has gone already
            return


def _sendable(code: int) -> int:
    """A code that may be in a frame (RFC 6455 §7.4): others say that something was wrong, and stay here."""
    return code if 1000 <= code < 5000 and code not in {1004, 1006, 1015} else _FAULT
