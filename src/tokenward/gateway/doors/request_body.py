"""The body of a request at an ASGI door: read where the decision asks for it, passed on whole either way."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import CLIENT_SILENT, MALFORMED, Refusal

_PATIENCE = 2


class RequestBody:
    """See `access.Body`. After the decision, `receive` takes the place of the server's.

    Args:
        scope: of the request.
        receive: the server's.
        seconds: for which clients may be silent; what is read has to be there in twice that time.
    """

    __slots__ = ("_held", "_more", "_receive", "_scope", "_seconds", "_told")

    def __init__(self, scope: Scope, receive: Receive, seconds: float) -> None:
        self._scope = scope
        self._receive = receive
        self._seconds = seconds
        # Joined at once: a body may come byte by byte, and a message for each would take 300 times its size.
        self._held = bytearray()
        self._more = True
        self._told = True  # until something is read, all of it is still the server's to say

    @property
    def expected(self) -> bool:
        """Whether the framing announces one (RFC 9112 §6.3); from HTTP/2 on, none needs to be announced."""
        for name, value in self._scope["headers"]:
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                return True
        return self._scope.get("http_version", "1.1") not in {"1.0", "1.1"}

    async def read(self, limit: int) -> bytes | None:
        """Read on until the end, or beyond the limit."""
        try:
            # One for all of it: a timer for each message would outlive it in the loop's list of timers.
            async with asyncio.timeout(_PATIENCE * self._seconds):
                while self._more and len(self._held) <= limit:
                    await self._read_on()
        except TimeoutError:
            raise Refusal(CLIENT_SILENT, "the body took too long") from None
        return bytes(self._held) if len(self._held) <= limit else None

    async def _read_on(self) -> None:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Refusal(MALFORMED, "the client went away before the end of its body")
        self._held += message.get("body", b"")
        self._more = message.get("more_body", False)
        self._told = False

    @property
    def receive(self) -> Receive:
        """The body from its beginning, then whatever else the server has to say."""
        return self._receive if self._told else self._replay

    async def _replay(self) -> MutableMapping[str, Any]:
        if self._told:
            return await self._receive()
        self._told = True
        held, self._held = bytes(self._held), bytearray()
        return {"type": "http.request", "body": held, "more_body": self._more}
