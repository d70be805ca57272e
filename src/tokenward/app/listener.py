"""How the house listens: uvicorn, with the limits that a hostile network asks for."""

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
from asyncio.events import TimerHandle
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from tokenward.app.certificate_header import UNIX, CertificateHeader
from tokenward.app.http2 import Http2Protocol
from tokenward.app.tls import ServerTls
from tokenward.app.websocket_protocol import EdgeWebSocket
from tokenward.base.asgi import App, Receive, Scope, Send, tls_extension
from tokenward.gateway.doors.websocket import MESSAGE

HEAD_LIMIT = 32_768
REQUEST_SECONDS = 10.0
GRACE_SECONDS = 5
BACKLOG = 2048
GATHERED = 65_536  # bytes


class _Gathering:
    """What uvicorn needs of a transport, sending in one piece what is written in one turn of the loop.

    uvicorn writes head and body apart, and uvloop sends at once whatever is written: that would be two system
    calls and two packets for every answer. Above `GATHERED` bytes nothing waits: back-pressure must be felt.
    """

    __slots__ = ("_loop", "_parts", "_size", "transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send by the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)
        self._size += len(data)
        if self._size > GATHERED:
            self._send()

    def close(self) -> None:
        """Send what was written, and close."""
        self._send()
        self.transport.close()

    def is_closing(self) -> bool:
        """Whether it is closing or closed."""
        return self.transport.is_closing()

    def _send(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self.transport.is_closing():
            self.transport.write(b"".join(parts))


class EdgeProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose head is bounded in size and time.

    llhttp, beneath it, already refuses what smuggling is made of: Content-Length with Transfer-Encoding, bare
    LF, obs-fold, spaces before a colon. What it and uvicorn leave open is closed here: a head or trailer
    section without end, a head that trickles (slowloris), trailer fields that would count as header fields,
    a missing or second Host, and a target whose fragment would be dropped in silence.
    """

    _in_head = True
    _on_the_clock = False  # what is being read has to be whole in time
    _in_trailers = False
    _field_bytes = 0  # of the head or the trailer section that is being read
    _fed = 0  # bytes of what was received last
    _timer: TimerHandle | None = None
    _extensions: dict[str, dict[object, object]] | None = None  # ASGI: what is known of the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head."""
        super().connection_made(transport)
        connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        certificate = connection.getpeercert(binary_form=True) if connection is not None else None
        if certificate is not None:
            self._extensions = tls_extension(certificate)
        # All that uvicorn uses of a transport.
        self.transport = _Gathering(transport, self.loop)  # type: ignore[assignment]
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and give up on header or trailer fields that grow too long."""
        self._field_bytes += len(data)
        # Between two requests uvicorn's own clock runs, until something comes, if only the empty line that
        # RFC 9112 §2.2 lets stand before a request. It counts as the beginning of a head.
        self._on_the_clock |= self.timeout_keep_alive_task is not None
        self._fed = len(data)
        super().data_received(data)
        if (self._in_head or self._in_trailers) and self._field_bytes > HEAD_LIMIT:
            self._give_up(431)
        elif self._on_the_clock:  # nearly every request is whole by now, and needs no timer
            self._start_timer()

    def on_message_begin(self) -> None:
        """A new head starts: it has its own limit, and on a kept-alive connection its own clock."""
        super().on_message_begin()
        if self._extensions is not None:
            self.scope["extensions"] = self._extensions
        self._in_head, self._in_trailers, self._field_bytes = True, False, 0
        self._on_the_clock = True

    def on_headers_complete(self) -> None:
        """The head is whole: look once at what uvicorn would silently accept or drop."""
        self._in_head = False
        if b"#" in self.url:
            raise ValueError("a request target has no fragment")  # RFC 9112 §3.2; becomes a 400
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value)
            hosts += name == b"host"
        if size > HEAD_LIMIT:
            raise ValueError("the head is too long")
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1") or hosts > 1 or (hosts == 0 and version == "1.1"):
            raise ValueError("Host is missing or ambiguous")  # RFC 9112 §3.2
        super().on_headers_complete()
        if self.parser.should_upgrade() and self._should_upgrade():
            return  # uvicorn calls `handle_websocket_upgrade`
        # uvicorn appends trailer fields to the list that the application sees as the head. No front server
        # looked at them as that, so they go nowhere (RFC 9110 §6.5.1).
        self.headers = []
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # to this we never switch, and the parser reads no further
        self._head_is_whole()

    def on_chunk_header(self) -> None:
        """A chunk starts; trailer fields follow it if it is the last one."""
        self._in_trailers, self._field_bytes = True, 0

    def on_body(self, body: bytes) -> None:
        """Part of the body: so it was not the last chunk."""
        self._in_trailers = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_trailers = False
        self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is whole; if the request is not, what is left of it may not trickle for ever."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._start_timer()

    def handle_websocket_upgrade(self) -> None:
        """The handshake of a WebSocket is whole; what comes from now on is none of ours.

        Called while llhttp's exception is being handled, which tells how far it has read. Whoever sends more
        before it was answered speaks to somebody else (RFC 6455 §4.1, CVE-2025-64763).
        """
        self._head_is_whole()
        upgrade = sys.exception()
        early = upgrade is None or upgrade.args[0] < self._fed
        if early or self.parser.get_http_version() != "1.1":
            self._give_up(400)
            return
        gathering, self.transport = self.transport, self.transport.transport  # type: ignore[attr-defined]
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, EdgeWebSocket) and protocol.handshake_initiated:
            protocol.tls_extension = self._extensions
        else:  # `websockets` would not read it: no GET, a body, more or longer fields than it takes
            self.transport = gathering
            self._give_up(400)

    def _unsupported_upgrade_warning(self) -> None:
        """Ignoring an upgrade is no fault (RFC 9110 §7.8), and the remedy that uvicorn logs is none."""

    def _head_is_whole(self) -> None:
        self._stop_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self._took_too_long)

    def _stop_timer(self) -> None:
        self._on_the_clock = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _took_too_long(self) -> None:
        self._timer = None
        self._give_up(408)

    def _give_up(self, status: int) -> None:
        """Close; say why only where that cannot fall into the middle of an answer."""
        if self.transport.is_closing():
            return
        # uvicorn's annotation leaves out that there is no cycle before the first request
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


class ShortBodyProtocol(EdgeProtocol):
    """The same for a server that takes nothing but small bodies: they are under the clock, too."""

    def _head_is_whole(self) -> None:
        """Let the clock run until the whole request is there."""


class AsNegotiated(asyncio.Protocol):
    """Becomes what was agreed on in the TLS handshake (RFC 7301): without an agreement, HTTP/1.1."""

    def __init__(self, http1: Callable[[], asyncio.Protocol], http2: Callable[[], asyncio.Protocol]) -> None:
        self._http1 = http1
        self._http2 = http2

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Step aside."""
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        protocol = self._http2() if tls.selected_alpn_protocol() == "h2" else self._http1()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class Listener(uvicorn.Server):
    """One listening socket and the application behind it. Signals are the business of the process.

    Args:
        app: the application.
        sock: bound.
        proxies: addresses and networks whose X-Forwarded-For and -Proto are believed. At a Unix socket it is
            whoever its rights let connect.
        streams: whether a request's body may take its time; otherwise it has `REQUEST_SECONDS`, as the head.
        tls: with it, nothing but TLS is spoken; a handshake, too, has `REQUEST_SECONDS`.
        certificate_header: the header in which `proxies`, and nobody else, tell the client's certificate.
        websockets: whether the application knows what to do with them; otherwise none is made.
        grace: seconds that running requests have to finish.
        on_stop: called before the listener stops to listen.

    Attributes:
        listening: set once connections are accepted.
    """

    def __init__(
        self,
        app: App,
        sock: socket.socket,
        *,
        streams: bool = True,
        proxies: Sequence[str] = (),
        tls: ServerTls | None = None,
        certificate_header: str | None = None,
        websockets: bool = False,
        grace: int = GRACE_SECONDS,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._unix = sock.family == socket.AF_UNIX
        if self._unix:
            proxies = (UNIX,)
        # From anybody else X-Forwarded-For is a claim, not a fact.
        outer = ProxyHeadersMiddleware(app, list(proxies)) if proxies else app  # type: ignore[arg-type]
        if certificate_header is not None:  # outside: there the peer is still the one that connected
            outer = CertificateHeader(outer, certificate_header, proxies)  # type: ignore[arg-type]
        if self._unix:
            outer = _named(outer)  # type: ignore[arg-type]
        super().__init__(
            uvicorn.Config(
                outer,
                http=EdgeProtocol if streams else ShortBodyProtocol,
                ws=EdgeWebSocket if websockets else "none",
                ws_max_size=MESSAGE,
                ws_per_message_deflate=False,  # a few bytes could become many
                lifespan="off",
                interface="asgi3",  # it would be guessed from whether the application is `async def`
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=65,
                timeout_graceful_shutdown=grace,
                backlog=BACKLOG,
            )
        )
        self._socket = sock
        self._tls = tls
        self._on_stop = on_stop
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, as uvicorn would, but for how long a TLS handshake may take."""
        await super().startup(sockets=[])
        for sock in sockets or ():
            server = await listen_at(
                sock,
                self._http1 if self._tls is None else lambda: AsNegotiated(self._http1, self._http2),
                self._tls,
            )
            self.servers.append(server)
        self.listening.set()

    def _http1(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def _http2(self) -> asyncio.Protocol:
        return Http2Protocol(self.config, self.server_state)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the process's handlers alone."""
        yield

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then let running requests finish for as long as they may."""
        serving = asyncio.create_task(self.serve(sockets=[self._socket]))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._on_stop()
        self.should_exit = True
        stopping.cancel()
        await serving


async def listen_at(
    sock: socket.socket, protocol: Callable[[], asyncio.BaseProtocol], tls: ServerTls | None
) -> asyncio.Server:
    """A server at a bound socket. One in the file system stays there for whoever comes after.

    asyncio would leave a TLS handshake a minute.
    """
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {"sock": sock, "backlog": BACKLOG}
    if tls is not None:
        options |= {"ssl": tls.context, "ssl_handshake_timeout": REQUEST_SECONDS}
    if sock.family != socket.AF_UNIX:
        return await loop.create_server(protocol, **options)
    stays: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
    return await loop.create_unix_server(protocol, **options, **stays)


def _named(app: App) -> App:
    """The application, for which whoever came by a Unix socket has a name."""

    async def serving(scope: Scope, receive: Receive, send: Send) -> None:
        scope["client"] = (UNIX, 0)
        await app(scope, receive, send)

    return serving


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, inheritable by a child process.

    It listens at once: until then, Linux would let a second program bind the same port.

    Raises:
        OSError: the address is taken or not ours; the message names it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
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
