"""WebSockets at a listener: uvicorn's protocol (over `websockets`), bounded, and not written into logs."""

import asyncio
import logging

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# uvicorn writes target and query of every handshake there: the query of a refused one may hold a credential.
_QUIET = logging.getLogger("tokenward.app.websocket")
_QUIET.setLevel(logging.WARNING)


class EdgeWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, from its handshake on.

    Attributes:
        tls_extension: what is known of the client's certificate (ASGI), if it showed one.
    """

    tls_extension: dict[str, dict[object, object]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin quietly."""
        self.logger = self.conn.logger = _QUIET
        super().connection_made(transport)

    def pause_writing(self) -> None:
        """A client that takes nothing is not heard either: each of its pings would want an answer."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on; but for a message that nobody has taken yet."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """Tell the application of the client's certificate, too."""
        if self.tls_extension is not None:
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), **self.tls_extension}
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """What the application says. A refusal that is whole is an answer, which uvicorn does not see."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
