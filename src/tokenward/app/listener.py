"""How the house listens: uvicorn, with the limits that a hostile network asks for."""

import asyncio
import contextlib
import signal
import socket
from asyncio.events import TimerHandle
from collections.abc import Generator, Iterable

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tokenward.base.asgi import App

HEAD_LIMIT = 32_768
HEAD_SECONDS = 10.0
GRACE_SECONDS = 5


class EdgeProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose head is bounded in size and time.

    llhttp, beneath it, already refuses what smuggling is made of: Content-Length with Transfer-Encoding, bare
    LF, obs-fold, spaces before a colon. What it leaves open is closed here: a head without end, a head that
    trickles (slowloris), and a target whose fragment would be dropped in silence.
    """

    _head_bytes = 0
    _in_head = True
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_took_too_long)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and give up on a head that grows too long."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
            self._refuse(431)

    def on_message_begin(self) -> None:
        """A new head starts: it has its own limit, and on a kept-alive connection its own clock."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_took_too_long)

    def on_headers_complete(self) -> None:
        """The head is whole: look once at what uvicorn would silently drop from the target."""
        self._in_head = False
        self._stop_timer()
        if b"#" in self.url:
            raise ValueError("a request target has no fragment")  # RFC 9112 §3.2; becomes a 400
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > HEAD_LIMIT:
            raise ValueError("the head is too long")
        super().on_headers_complete()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_took_too_long(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


class Listener(uvicorn.Server):
    """One listening socket and the application behind it. Signals are the business of the process."""

    def __init__(self, app: App, sock: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=EdgeProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # X-Forwarded-For is a claim of the peer's, not a fact
                timeout_keep_alive=65,
                timeout_graceful_shutdown=GRACE_SECONDS,
                backlog=2048,
            )
        )
        self._socket = sock

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the process's handlers alone."""
        yield

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then let running requests finish for `GRACE_SECONDS`."""
        serving = asyncio.create_task(self.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self.should_exit = True
        stopping.cancel()
        await serving


def bind(host: str, port: int) -> socket.socket:
    """A listening-ready socket, inheritable by a child process.

    Raises:
        OSError: the address is taken or not ours; the message names it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    sock.set_inheritable(True)
    return sock


def stop_on_signals(
    stop: asyncio.Event, signals: Iterable[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
) -> None:
    """Set `stop` when the process is told to end."""
    loop = asyncio.get_running_loop()
    for number in signals:
        loop.add_signal_handler(number, stop.set)
