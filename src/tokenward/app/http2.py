"""HTTP/2 at the TLS listener (RFC 9113): an asyncio protocol that hands each request to the ASGI application.

h2 keeps the state machine and judges frames and heads. What it leaves to its user is here: how much one
connection may ask for at once, how often it may send what moves nothing (resets, settings, pings), how long
it may idle, and that nobody sends faster than the other side takes.
"""

import asyncio
import logging
import ssl
from asyncio.events import TimerHandle
from collections.abc import Callable, MutableMapping
from typing import Any

import uvicorn
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from tokenward.app.http2_stream import BadHead, Fields, Stream, request_scope
from tokenward.base.asgi import tls_extension
from tokenward.base.clock import SYSTEM_CLOCK

STREAMS = 100
"""Requests of one connection at a time, those included whose client has lost interest but which still run."""

HEAD_LIMIT = 32_768
"""Bytes of a head as RFC 9113 §6.5.2 counts them: 32 more for each field."""

CONNECTION_WINDOW = 1_048_576
"""Bytes of bodies that a client may send ahead of the application, on all streams together."""

STREAM_WINDOW = 65_535

FIRST_SECONDS = 10.0
IDLE_SECONDS = 65.0
STALL_SECONDS = 30.0
"""A client has so long for its first request, may be idle so long, and leave an answer untaken so long."""

FUTILE_BURST = 200.0
FUTILE_A_SECOND = 20.0
"""Frames that move nothing: so many at once, and so many a second for ever. What is sent allows for more."""

logging.getLogger("hpack").setLevel(logging.INFO)  # below that it writes down every field, credentials too

_FUTILE = frozenset(
    {PingReceived, PriorityUpdated, RemoteSettingsChanged, StreamReset, UnknownFrameReceived, WindowUpdated}
)


class Http2Protocol(asyncio.Protocol):
    """One connection.

    Args:
        config: of the server; its `loaded_app` answers.
        server_state: of the server; connection and running requests are kept there, as uvicorn's are.
    """

    def __init__(self, config: uvicorn.Config, server_state: ServerState) -> None:
        self._app = config.loaded_app
        self._state = server_state
        self._loop = asyncio.get_running_loop()
        self._http2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._streams: dict[int, Stream] = {}
        self._running = 0
        self._scope: MutableMapping[str, Any] = {}
        self._transport: asyncio.Transport | None = None
        self._writable = True
        self._leaving = False
        self._flush_is_due = False
        self._idle: TimerHandle | None = None
        self._stalled: TimerHandle | None = None
        self._moved = False
        self._futile = FUTILE_BURST
        self._futile_at = SYSTEM_CLOCK.monotonic()

    # The transport's side.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send the settings."""
        self._transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]  # it has what uvicorn uses
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True)
        self._scope = {
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "2",
            "scheme": "https",
            "root_path": "",
            "client": get_remote_addr(transport),
            "server": get_local_addr(transport),
            "extensions": tls_extension(certificate) if certificate is not None else {},
        }
        self._http2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_LIMIT,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.ENABLE_CONNECT_PROTOCOL: 0,
            },
        )
        self._http2.decoder.max_header_list_size = HEAD_LIMIT  # also before the settings are acknowledged
        self._http2.initiate_connection()
        self._http2.increment_flow_control_window(CONNECTION_WINDOW - STREAM_WINDOW)
        self._flush()
        self._idle_for(FIRST_SECONDS)

    def connection_lost(self, _exc: Exception | None) -> None:
        """All requests of the connection have lost their client."""
        self._state.connections.discard(self)
        self._transport = None
        for timer in (self._idle, self._stalled):
            if timer is not None:
                timer.cancel()
        for stream in self._streams.values():
            stream.lose()
        self._streams.clear()

    def data_received(self, data: bytes) -> None:
        """Feed h2, and do what it found."""
        try:
            for event in self._http2.receive_data(data):
                self._on_event(event)
        except H2Error:  # it has written a GOAWAY that says why
            self._close()
            return
        if self._futile < 0:
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)
            return
        self._flush_soon()

    def pause_writing(self) -> None:
        """The client takes nothing: it is not heard either, because most of what it says wants an answer."""
        self._writable = False
        if self._transport is not None:
            self._transport.pause_reading()
        self._watch_for_progress()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = self._moved = True
        if self._transport is not None:
            self._transport.resume_reading()
        self._pump_all()

    def shutdown(self) -> None:
        """Take no more requests, and close when those that are here are answered (RFC 9113 §6.8)."""
        if self._leaving or self._transport is None:
            return
        self._leaving = True
        if not self._streams:
            self._close(ErrorCodes.NO_ERROR)
            return
        # h2 sends nothing more after a GOAWAY of its own.
        farewell = GoAwayFrame(0)
        farewell.last_stream_id = max(self._streams)
        self._flush()
        self._transport.write(farewell.serialize())

    # What h2 found.

    def _on_event(self, event: Event) -> None:
        if type(event) in _FUTILE:
            self._spend()
        if isinstance(event, RequestReceived):
            self._start(event.stream_id, event.headers, whole=event.stream_ended is not None)
        elif isinstance(event, DataReceived):
            self._on_data(event)
        elif isinstance(event, StreamEnded):
            self._on_end(event.stream_id)
        elif isinstance(event, StreamReset):
            self._drop(event.stream_id)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            self._pump_all()
        elif isinstance(event, ConnectionTerminated):
            self._close()
        # Of trailer fields nothing becomes anything (RFC 9110 §6.5.1).

    def _start(self, stream_id: int, fields: Fields, *, whole: bool) -> None:
        if self._leaving or self._running >= STREAMS:
            self.reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        try:
            scope = request_scope(fields, self._scope, whole=whole)
        except BadHead:
            self._spend()
            self._http2.send_headers(stream_id, ((b":status", b"400"),), end_stream=True)
            if not whole:
                self.reset(stream_id, ErrorCodes.NO_ERROR)
            return
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        stream = self._streams[stream_id] = Stream(self, stream_id, scope, whole=whole)
        self._running += 1
        self._state.total_requests += 1
        task = self._loop.create_task(stream.run(self._app))
        self._state.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._state.tasks.discard(task)
        self._running -= 1

    def _on_data(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        size = event.flow_controlled_length or 0
        if not event.data and event.stream_ended is None:
            self._spend()
        if stream is None:  # it was answered already, or reset
            self.took(event.stream_id, size)
        else:
            stream.feed(event.data, size)

    def _on_end(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        if stream.owes:  # h2 adds up DATA frames, and does not look when trailer fields end the request
            self._spend()
            self.reset(stream_id, ErrorCodes.PROTOCOL_ERROR)
            return
        stream.end()

    # What streams want.

    def start_answer(self, stream_id: int, fields: Fields) -> None:
        """Send a head, with Date in a final one."""
        if self._transport is None:
            return
        final = not fields[0][1].startswith(b"1")
        if final:
            fields = (fields[0], *self._state.default_headers, *fields[1:])
            self._futile += 2
        try:
            self._http2.send_headers(stream_id, fields)
        except H2Error:  # the stream has ended, or the answer has fields that HTTP/2 does not allow
            self.reset(stream_id, ErrorCodes.INTERNAL_ERROR)
        self._flush_soon()

    def took(self, stream_id: int, size: int) -> None:
        """Widen the windows again."""
        if size:
            self._act(lambda: self._http2.acknowledge_received_data(size, stream_id))

    def reset(self, stream_id: int, code: ErrorCodes) -> None:
        """End a stream out of turn."""
        self._act(lambda: self._http2.reset_stream(stream_id, code))
        self._drop(stream_id)

    def pump(self, stream: Stream) -> None:
        """Send what waits, as far as windows and transport let it, and the end if nothing else comes."""
        if self._transport is None or stream.stream_id not in self._streams:
            return
        try:
            self._pump(stream)
        except H2Error:  # the stream has ended otherwise
            self._drop(stream.stream_id)
            return
        self._flush_soon()
        if stream.waiting:
            self._watch_for_progress()

    def _pump(self, stream: Stream) -> None:
        stream_id, waiting = stream.stream_id, stream.waiting
        while waiting and self._writable:
            window = self._http2.local_flow_control_window(stream_id)
            size = min(len(waiting), window, self._http2.max_outbound_frame_size)
            if size <= 0:
                break
            chunk = bytes(waiting[:size])
            del waiting[:size]
            self._http2.send_data(stream_id, chunk, end_stream=stream.ends and not waiting)
            self._futile += 2  # it may widen two windows again
            self._moved = True
            if stream.ends and not waiting:
                self._answered(stream)
                return
        if stream.ends and not waiting and self._writable:
            self._http2.end_stream(stream_id)
            self._answered(stream)
            return
        stream.went()

    def _answered(self, stream: Stream) -> None:
        """The answer is whole; if the request is not, nobody wants the rest (RFC 9113 §8.1)."""
        if not stream.whole:
            self._http2.reset_stream(stream.stream_id, ErrorCodes.NO_ERROR)
        self._drop(stream.stream_id)

    def _drop(self, stream_id: int) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            stream.lose()
        if not self._streams and self._transport is not None:
            if self._leaving:
                self._close()
            elif self._idle is None:
                self._idle_for(IDLE_SECONDS)

    def _pump_all(self) -> None:
        for stream in list(self._streams.values()):
            if stream.waiting or stream.ends:
                self.pump(stream)

    # Limits.

    def _spend(self) -> None:
        """The client sent a frame that moves nothing."""
        now = SYSTEM_CLOCK.monotonic()
        if self._futile < FUTILE_BURST:
            earned = (now - self._futile_at) * FUTILE_A_SECOND
            self._futile = min(FUTILE_BURST, self._futile + earned)
        self._futile -= 1
        self._futile_at = now

    def _idle_for(self, seconds: float) -> None:
        self._idle = self._loop.call_later(seconds, self._close, ErrorCodes.NO_ERROR)

    def _watch_for_progress(self) -> None:
        if self._stalled is None:
            self._moved = False
            self._stalled = self._loop.call_later(STALL_SECONDS, self._look_for_progress)

    def _look_for_progress(self) -> None:
        self._stalled = None
        if self._writable and not any(stream.waiting for stream in self._streams.values()):
            return
        if self._moved:
            self._watch_for_progress()
        else:
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)

    # Writing.

    def _act(self, act: Callable[[], None]) -> None:
        if self._transport is None:
            return
        try:
            act()
        except H2Error:  # the stream has ended, or the client asked for what cannot be sent: it gets nothing
            return
        self._flush_soon()

    def _flush_soon(self) -> None:
        """By the end of this turn of the loop, in one piece."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._transport is not None and (data := self._http2.data_to_send()):
            self._transport.write(data)

    def _close(self, code: ErrorCodes | None = None) -> None:
        """Close; with a code, after a GOAWAY that tells it."""
        transport = self._transport
        if transport is None:
            return
        if code is not None:
            self._act(lambda: self._http2.close_connection(code))
        self._flush()
        transport.close()
        if code is not None and code is not ErrorCodes.NO_ERROR:
            # What is still in the way out would wait for a client that does not take it.
            self._loop.call_later(1.0, transport.abort)
        self.connection_lost(None)
