"""The listener that engines in front ask for decisions: HTTP/1.1, kept alive, nothing but whole requests.

What is asked here costs each call of theirs, so it is no framework that answers, but llhttp and the door. An
engine is believed what it says of its clients. So only those may connect that the configuration names, or
that the rights of a Unix socket let, and over TLS those alone that show a certificate of the named CA.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address, ip_network

import httptools

from tokenward.app.certificate_files import decision_tls
from tokenward.app.certificate_header import read_certificate
from tokenward.app.config import Configuration
from tokenward.app.listener import HEAD_LIMIT, REQUEST_SECONDS, listen_at
from tokenward.app.tls import ServerTls
from tokenward.base.addresses import Network
from tokenward.base.problems import MALFORMED, TOO_LARGE, Refusal
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.gateway.doors.answers import Answer
from tokenward.gateway.doors.decisions import CERTIFICATE, Asked, DecisionDoor, denied, no_decision
from tokenward.gateway.engine import Engine, as_refusal

_STATUS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("ascii") for status in HTTPStatus
}
_LONGEST_HEAD = HEAD_LIMIT + 40_960  # bytes: an engine adds a certificate, and some lines
_WAITING = 16  # requests of one connection that came before the first was answered

_log = logging.getLogger("tokenward.gateway.decisions")

Answering = Callable[[Asked], Awaitable[Answer]]


class _Connection(asyncio.Protocol):
    """One connection of an engine; its requests are answered in their order."""

    def __init__(self, listener: "DecisionListener") -> None:
        self._listener = listener
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Asked | Refusal, str, bool]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._over = False  # what comes from now on is no request
        self._partial = False  # whether a request has begun to come, and is not whole
        self._begin()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, if it is one of those that may ask."""
        if not self._listener.admits(transport):
            transport.abort()
            return
        self._transport = transport
        self._listener.made(self)
        self._task = asyncio.get_running_loop().create_task(self._answer_all())

    def connection_lost(self, _exc: Exception | None) -> None:
        """Nobody waits for the answer any more. A decision that was begun is made all the same.

        It may have used up what is good once, such as a refresh token, and what came of that must be stored.
        """
        self._listener.lost(self)
        self._stop_timer()
        self._writable.set()
        if self._task is not None and self._wake is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Answers are not taken away, so no more of them are made."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """They are."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Parse, and bound the time that a request takes to come, and the size of its head."""
        if self._over or self._transport is None or self._transport.is_closing():
            return
        self._partial = True
        self._unparsed += len(data)
        fault = ""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._over = True  # its request is answered as any, and nothing is upgraded to
        except httptools.HttpParserError:
            fault = "an engine passed on what is no HTTP/1.1"
        else:
            # The parser tells of a field when it is whole, and this one may never be.
            fault = "the head has no end" if self._unparsed > _LONGEST_HEAD else ""
        if fault:
            self._over = True
            self._put(Refusal(MALFORMED, fault), "", lasts=False)
        if self._over:
            self._transport.pause_reading()
        elif self._partial and self._timer is None:  # most requests come whole, and need none
            self._timer = asyncio.get_running_loop().call_later(REQUEST_SECONDS, self._give_up)

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begin()
        self._partial = True

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._target += url
        self._bound(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        # A trailer section would come as headers, too, and no engine has looked at it as that.
        if not self._head_is_whole:
            self._headers.append((name.lower(), value))
        self._bound(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Those were all."""
        self._head_is_whole = True

    def on_body(self, body: bytes) -> None:
        """A part of its body. What is longer than anybody reads is not kept."""
        self._unparsed = 0
        self._length += len(body)
        if self._length <= MAX_BODY:
            self._body += body

    def on_message_complete(self) -> None:
        """It is whole."""
        self._stop_timer()
        self._partial = False
        self._unparsed = 0
        method = self._parser.get_method().decode("ascii")
        # After an offer to upgrade, llhttp reads no further (RFC 9110 §7.8: it may be ignored).
        lasts = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        if self._length > MAX_BODY:
            self._put(Refusal(TOO_LARGE, f"more than {MAX_BODY} bytes"), method, lasts=lasts)
        else:
            self._put(Asked(method, self._target, self._headers, bytes(self._body)), method, lasts=lasts)

    def close_when_idle(self) -> None:
        """Close, unless something is being answered; that closes it then."""
        if self._wake is not None and self._transport is not None and not self._waiting:
            self._transport.close()

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body, self._length, self._head = bytearray(), 0, 0
        self._head_is_whole = False
        self._unparsed = 0  # bytes since the parser told of the beginning, or of a part of the body

    def _bound(self, more: int) -> None:
        self._head += more
        if self._head > _LONGEST_HEAD:
            raise ValueError("the head is too long")  # the parser makes an error of its own of it

    def _put(self, asked: Asked | Refusal, method: str, *, lasts: bool) -> None:
        self._waiting.append((asked, method, lasts))
        if len(self._waiting) == _WAITING and self._transport is not None:
            self._transport.pause_reading()
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                self._wake = loop.create_future()
                await self._wake
                self._wake = None
            asked, method, lasts = self._waiting.popleft()
            if len(self._waiting) == _WAITING - 1 and self._transport is not None and not self._over:
                self._transport.resume_reading()
            answer = await self._answer(asked)
            lasts = lasts and not self._listener.leaving
            if not self._writable.is_set():
                await self._writable.wait()
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(_written(answer, bodiless=method == "HEAD", lasts=lasts))
            if not lasts:
                self._transport.close()
                return

    async def _answer(self, asked: Asked | Refusal) -> Answer:
        if isinstance(asked, Refusal):
            return denied(asked)
        try:
            return await self._listener.answering(asked)
        except Exception as fault:  # noqa: BLE001 - whatever it is, an engine waits for an answer
            return no_decision(as_refusal(fault))

    def _give_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _written(answer: Answer, *, bodiless: bool, lasts: bool) -> bytes:
    """The answer on the wire (RFC 9112 §6.3)."""
    head = b"".join([name + b": " + value + b"\r\n" for name, value in answer.headers])
    length = b"" if answer.status == 204 else b"content-length: %d\r\n" % len(answer.body)
    end = b"\r\n" if lasts else b"connection: close\r\n\r\n"
    return b"".join([_STATUS[answer.status], head, length, end, b"" if bodiless else answer.body])


def decision_listener(
    engine: Engine, configuration: Configuration, sock: socket.socket
) -> "DecisionListener":
    """The one of a gateway.

    Raises:
        ValueError: its certificate, key or CAs cannot be used.
    """
    said = configuration.settings.gateway.decisions
    return DecisionListener(
        DecisionDoor(engine, partial(read_certificate, CERTIFICATE)).answer,
        sock,
        peers=[ip_network(peer) for peer in said.peers],
        tls=decision_tls(said, configuration.base_dir, configuration.files),
    )


class DecisionListener:
    """Listens for engines.

    Args:
        answering: gives the decisions.
        sock: bound; a Unix socket, whose rights say who may connect, or one with a port.
        peers: addresses and networks that may connect to a port.
        tls: with it, nothing but TLS is spoken, and only with those who show a certificate of its CAs.
        grace: seconds for which connections that were made are answered after the listener was told to end.

    Attributes:
        answering: as given.
        leaving: whether it was told to end.
        listening: set once connections are accepted.
    """

    def __init__(
        self,
        answering: Answering,
        sock: socket.socket,
        *,
        peers: Sequence[Network] = (),
        tls: ServerTls | None = None,
        grace: float = 2.0,
    ) -> None:
        self.answering = answering
        self._connections: set[_Connection] = set()
        self._all_gone = asyncio.Event()
        self.leaving = False
        self.listening = asyncio.Event()
        self._socket = sock
        self._peers = tuple(peers)
        self._tls = tls
        self._grace = grace

    def made(self, connection: _Connection) -> None:
        """One more is open."""
        self._connections.add(connection)

    def lost(self, connection: _Connection) -> None:
        """One is open no longer."""
        self._connections.discard(connection)
        if self.leaving and not self._connections:
            self._all_gone.set()

    def admits(self, transport: asyncio.Transport) -> bool:
        """Whether who connected may ask."""
        if self._socket.family == socket.AF_UNIX:
            return True
        connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if self._tls is not None and (connection is None or not connection.getpeercert(binary_form=True)):
            _log.warning("somebody asked for decisions without a certificate")
            return False
        peer = transport.get_extra_info("peername")
        if not peer:  # it has gone already
            return False
        address = ip_address(peer[0].partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in self._peers):
            _log.warning("%s asked for decisions, and is none of `gateway.decisions.peers`", address)
            return False
        return True

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, and go on for a while with those who have connected.

        An engine sends the next request over a connection that it has. So each is told with an answer that it
        ends, and only what stays silent is cut.
        """
        server = await listen_at(self._socket, lambda: _Connection(self), self._tls)
        self.listening.set()
        await stop.wait()
        self.leaving = True
        server.close()
        await self._until_all_are_gone()
        for each in [*self._connections]:
            each.close_when_idle()
        await self._until_all_are_gone()  # those that are being answered

    async def _until_all_are_gone(self) -> None:
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_gone.wait(), self._grace)
