"""The gateway's HTTP server and forwarding without a decision. `bare_proxy.py UPSTREAM listen=FD`."""

import asyncio
import socket
import sys

import uvloop

from tokenward.app.collector import spare_the_loaded
from tokenward.app.listener import Listener, stop_on_signals
from tokenward.base.asgi import Receive, Scope, Send
from tokenward.gateway.doors.forward import Forwarder
from tokenward.gateway.upstreams import Pool

NOT_PASSED = frozenset({b"host", b"connection", b"keep-alive", b"content-length", b"transfer-encoding"})


async def serve(upstream: str, sock: socket.socket) -> None:
    forwarder, pool = Forwarder(), Pool((upstream,))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in NOT_PASSED
        ]
        path = scope["raw_path"].decode("ascii")
        await forwarder.forward(scope, receive, send, pool=pool, path=path, headers=headers)

    stop = asyncio.Event()
    stop_on_signals(stop)
    spare_the_loaded()
    try:
        await Listener(app, sock).run_until(stop)
    finally:
        await forwarder.close()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2].removeprefix("listen=")))))
