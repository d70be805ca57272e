"""The cheapest backend there is, on a socket: 200 bytes for every request. `backend.py listen=FD`.

`backend.py yes listen=FD` says 200 without a body, as who is asked for a decision: nginx drops the
connection on which a subrequest's answer has a body that it has no use for.

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
YES = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Answer(asyncio.Protocol):
    """One connection. What has a body comes one after the other, and says how long it is."""

    left = 0  # bytes of a body that are still to come
    response = YES if "yes" in sys.argv else RESPONSE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.left and b"\r\nContent-Length: " not in data:
            self.transport.write(self.response * data.count(b"\r\n\r\n"))
            return
        if not self.left:
            head, _, data = data.partition(b"\r\n\r\n")
            self.left = int(head.partition(b"\r\nContent-Length: ")[2].partition(b"\r\n")[0])
        self.left -= len(data)
        if not self.left:
            self.transport.write(self.response)


async def serve(sock: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Answer, sock=sock)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(socket.socket(fileno=int(sys.argv[-1].removeprefix("listen=")))))
