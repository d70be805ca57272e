"""One request over HTTP/2 and its answer, in the words of ASGI (RFC 9113 §8)."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import MutableMapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from h2.errors import ErrorCodes

from tokenward.base.asgi import App

BUFFERED = 65_536
"""Bytes of an answer that may wait for the client before whoever sends it has to."""

_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_TARGET = re.compile(rb"/[\x21\x22\x24-\x7e]*")  # origin-form, visible ASCII but `#` (RFC 9112 §3.2.1)
_AUTHORITY = re.compile(rb"[A-Za-z0-9._:\[\]-]{1,255}")  # no user information (RFC 9113 §8.3.1)

# What would mean something to the connection of a request is of no use here (RFC 9113 §8.2.2).
_NOT_SENT = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})

_log = logging.getLogger("tokenward.app.http2")

Fields = Sequence[tuple[bytes, bytes]]


class BadHead(Exception):  # noqa: N818 - reads as the condition it is
    """The head is well-formed HTTP/2 and no request to this server."""


class Line(Protocol):
    """What a stream needs of its connection."""

    def start_answer(self, stream_id: int, fields: Fields) -> None:
        """Send a head; also an interim one."""

    def pump(self, stream: "Stream") -> None:
        """Send what the stream has to send, as far as the windows let it."""

    def took(self, stream_id: int, size: int) -> None:
        """So many bytes of a body were taken by the application."""

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """End a stream out of turn."""


def request_scope(
    fields: Fields, connection: MutableMapping[str, Any], *, whole: bool
) -> MutableMapping[str, Any]:
    """The ASGI scope of a request whose head has these fields.

    `:authority` becomes Host, and cookies one field, as they are in HTTP/1.1 (RFC 9113 §8.2.3, §8.3.1).

    Args:
        fields: as h2 has validated them: pseudo-header fields first and once, names in lower case, nothing
            connection-specific, no Host that differs from `:authority`.
        connection: what is the same for all of its requests.
        whole: nothing follows the head.

    Raises:
        BadHead: the text says why.
    """
    pseudo = {name: value for name, value in fields if name.startswith(b":")}
    method, target = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    authority = pseudo.get(b":authority")
    if not _METHOD.fullmatch(method) or method == b"CONNECT":
        raise BadHead("a tunnel, or no method")
    if not _TARGET.fullmatch(target):
        raise BadHead("the target is no path")
    if pseudo.get(b":scheme") != b"https":
        raise BadHead("another scheme")
    headers = [(name, value) for name, value in fields if name != b"cookie" and not name.startswith(b":")]
    hosts = [value for name, value in headers if name == b"host"]
    if authority is None:
        if len(hosts) != 1:
            raise BadHead("Host is missing or ambiguous")
    elif not _AUTHORITY.fullmatch(authority) or hosts not in ([], [authority]):
        raise BadHead("the authority is malformed, or Host differs from it")
    elif not hosts:
        headers.insert(0, (b"host", authority))
    if whole and _announced(headers):
        raise BadHead("a body is announced, and none comes")  # RFC 9113 §8.1.1
    if cookies := [value for name, value in fields if name == b"cookie"]:
        headers.append((b"cookie", b"; ".join(cookies)))
    raw_path, _, query = target.partition(b"?")
    return {
        **connection,
        "type": "http",
        "method": method.decode("ascii"),
        "path": unquote(raw_path.decode("ascii")),
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
    }


def _announced(headers: Fields) -> int:
    """Bytes of the body that the head promises (h2 sees to it that all say the same number)."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


class Stream:
    """The two ends of a request: the connection feeds it, the application reads and answers.

    Attributes:
        stream_id: its number on the connection.
        waiting: what of the answer the client has not yet let through.
        ends: whether nothing follows what is waiting.
        started: whether the head of the answer was sent.
    """

    __slots__ = (
        "_connection",
        "_gone",
        "_inbox",
        "_inbox_size",
        "_news",
        "_owed",
        "_room",
        "_scope",
        "_told_whole",
        "_wants_continue",
        "_whole",
        "ends",
        "started",
        "stream_id",
        "waiting",
    )

    def __init__(
        self, connection: Line, stream_id: int, scope: MutableMapping[str, Any], *, whole: bool
    ) -> None:
        self._connection = connection
        self._scope = scope
        self._inbox: deque[bytes] = deque()
        self._owed = _announced(scope["headers"])
        self._inbox_size = 0  # with padding: what the windows are to be widened by again
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._gone = False
        self._whole = whole
        self._told_whole = False
        self._wants_continue = not whole and (b"expect", b"100-continue") in scope["headers"]
        self.stream_id = stream_id
        self.waiting = bytearray()
        self.ends = False
        self.started = False

    @property
    def whole(self) -> bool:
        """Whether the client has sent all of its request."""
        return self._whole

    @property
    def owes(self) -> bool:
        """Whether the body is shorter than announced so far."""
        return self._owed > 0

    def feed(self, data: bytes, size: int) -> None:
        """Part of the body came, which took `size` bytes of the windows."""
        self._owed -= len(data)
        self._inbox.append(data)
        self._inbox_size += size
        self._news.set()

    def end(self) -> None:
        """The request is whole."""
        self._whole = True
        self._news.set()

    def lose(self) -> None:
        """The client has gone, or wants no answer any more."""
        self._gone = True
        self.waiting.clear()
        self._news.set()
        self._room.set()

    def went(self) -> None:
        """Some of what was waiting was sent."""
        if len(self.waiting) < BUFFERED:
            self._room.set()

    async def run(self, app: App) -> None:
        """Let the application answer; whatever it does, the stream ends."""
        try:
            await app(self._scope, self._receive, self._send)
        except Exception as fault:  # noqa: BLE001 - as any ASGI server: the others on this connection go on
            _log.warning("the application failed: %s", type(fault).__name__)
        finally:
            if not self._gone and not self.ends:
                self._give_up()
            self._discard()

    def _give_up(self) -> None:
        if self.started:  # a clean end would be a lie
            self._connection.reset(self.stream_id, ErrorCodes.INTERNAL_ERROR)
        else:
            self.started = self.ends = True
            self._connection.start_answer(self.stream_id, ((b":status", b"500"),))
            self._connection.pump(self)

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._wants_continue and not self.started:
            self._wants_continue = False
            self._connection.start_answer(self.stream_id, ((b":status", b"100"),))
        # Of a request that was told whole, there is nothing to hear of but that its client has gone.
        while not (self._inbox or self._gone or (self._whole and not self._told_whole)):
            self._news.clear()
            await self._news.wait()
        if self._gone:
            return {"type": "http.disconnect"}
        body = b"".join(self._inbox)
        self._discard()
        self._told_whole = self._whole
        return {"type": "http.request", "body": body, "more_body": not self._whole}

    def _discard(self) -> None:
        size, self._inbox_size = self._inbox_size, 0
        self._inbox = deque()
        if size:
            self._connection.took(self.stream_id, size)

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self.started = True
            status = (b":status", str(message["status"]).encode())
            fields = [it for it in message.get("headers", ()) if it[0].lower() not in _NOT_SENT]
            self._connection.start_answer(self.stream_id, (status, *fields))
            return
        if self._scope["method"] != "HEAD":
            self.waiting += message.get("body", b"")
        self.ends = not message.get("more_body", False)
        self._connection.pump(self)
        if len(self.waiting) >= BUFFERED and not self.ends:
            self._room.clear()
            await self._room.wait()
