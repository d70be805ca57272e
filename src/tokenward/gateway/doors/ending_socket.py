"""A WebSocket of an application in this process, closed when its credential ends (`doors.running`)."""

import asyncio
import contextlib
from collections.abc import MutableMapping
from typing import Any

from tokenward.base.asgi import Receive, Send
from tokenward.base.problems import Refusal
from tokenward.gateway.doors.running import Held

POLICY_VIOLATION = 1008
"""The code with which it is closed (RFC 6455 §7.4.1)."""


class EndingSocket:
    """Stands between application and server: at the end, the client is told, and nothing passes any more.

    Args:
        receive: the server's.
        send: the server's.
        held: ends it.
    """

    __slots__ = ("_closing", "_gone", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send, held: Held) -> None:
        self._receive = receive
        self._send = send
        self._gone = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        held.cut = self._cut

    async def receive(self) -> MutableMapping[str, Any]:
        """What the client says next, or that it is over."""
        coming = asyncio.ensure_future(self._receive())
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not coming.done():
                coming.cancel()
        if self._gone.is_set():
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
        return await coming

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Tell the client, unless it is over."""
        if not self._gone.is_set():
            await self._send(message)

    def _cut(self, _refusal: Refusal) -> None:
        if not self._gone.is_set():
            self._gone.set()
            self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        with contextlib.suppress(Exception):  # the client has gone, or the application has closed it already
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION})
