"""The body of a request at an ASGI door: read where the decision asks for it, passed on whole either way."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from tokenward.base.asgi import Receive, Scope
from tokenward.base.problems import CLIENT_SILENT, MALFORMED, Refusal


class RequestBody:
    """See `access.Body`. After the decision, `receive` takes the place of the server's.

    Args:
        scope: of the request.
        receive: the server's.
        seconds: for which the client may be silent.
    """

    __slots__ = ("_held", "_receive", "_scope", "_seconds", "_size", "_told")

    def __init__(self, scope: Scope, receive: Receive, seconds: float) -> None:
        self._scope = scope
        self._receive = receive
        self._seconds = seconds
        self._held: list[MutableMapping[str, Any]] = []
        self._size = 0
        self._told = 0

    @property
    def expected(self) -> bool:
        """Whether the framing announces one (RFC 9112 §6.3); from HTTP/2 on, none needs to be announced."""
        for name, value in self._scope["headers"]:
            if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                return True
        return self._scope.get("http_version", "1.1") not in {"1.0", "1.1"}

    async def read(self, limit: int) -> bytes | None:
        """Read on until the end, or beyond the limit."""
        while self._size <= limit and (not self._held or self._held[-1].get("more_body", False)):
            try:
                async with asyncio.timeout(self._seconds):
                    message = await self._receive()
            except TimeoutError:
                raise Refusal(CLIENT_SILENT, "the client was silent for too long") from None
            if message["type"] == "http.disconnect":
                raise Refusal(MALFORMED, "the client went away before the end of its body")
            self._held.append(message)
            self._size += len(message.get("body", b""))
        return b"".join([each.get("body", b"") for each in self._held]) if self._size <= limit else None

    @property
    def receive(self) -> Receive:
        """The body from its beginning, then whatever else the server has to say."""
        return self._replay if self._held else self._receive

    async def _replay(self) -> MutableMapping[str, Any]:
        if self._told < len(self._held):
            self._told += 1
            return self._held[self._told - 1]
        return await self._receive()
