"""The cheapest backend there is, straight on a socket: 200 bytes for every request. `backend.py listen=FD`.

It costs next to nothing, so that what the proxies in front of it cost is what is seen.
"""

import asyncio
import socket
import sys

import uvloop

BODY = b'{"forecast":"' + b"x" * 185 + b'"}'
RESPONSE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
)


class Answer(asyncio.Protocol):
    """One connection; the requests have no body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(RESPONSE * data.count(b"\r\n\r\n"))


async def serve(sock: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Answer, sock=sock)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(socket.socket(fileno=int(sys.argv[1].removeprefix("listen=")))))
