"""An HTTP/2 client that sends whatever frame and field it is told to, over real TLS; it follows no rule."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from certificates import LOOPBACK, certificate
from tokenward.app.listener import Listener, bind
from tokenward.app.tls import ServerTls

SERVER = certificate("CN=server", extensions=(LOOPBACK,))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = ((":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/"))
POST = ((":method", "POST"), *GET[1:])


@asynccontextmanager
async def listening(app, directory, **options):
    """`app` behind a TLS listener that speaks HTTP/2; the address, and the event that stops it."""
    chain, key = SERVER.write(directory, "server")
    sock, stop = bind("127.0.0.1", 0), asyncio.Event()
    tls = ServerTls(directory / chain, directory / key, http2=True)
    running = asyncio.create_task(Listener(app, sock, tls=tls, **options).run_until(stop))
    try:
        yield sock.getsockname(), stop
    finally:
        stop.set()
        await running
        sock.close()


def client_context(*protocols):
    context = ssl.create_default_context(cadata=SERVER.pem.decode())
    context.set_alpn_protocols(protocols or ["h2"])
    return context


class Answer:
    """What came on one stream."""

    def __init__(self):
        self.heads = []
        self.body = b""
        self.whole = False
        self.reset = None

    @property
    def status(self):
        return int(dict(self.heads[-1])[":status"]) if self.heads else None

    @property
    def headers(self):
        return [it for it in self.heads[-1] if not it[0].startswith(":")]

    @property
    def over(self):
        return self.whole or self.reset is not None


class Raw:
    """The client's end of a connection."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._encoder = Encoder()
        self._decoder = Decoder()
        self.answers = {}
        self.frames = []
        self.farewell = None
        self.closed = False
        self.widens = True

    def send(self, *frames):
        with suppress(ConnectionError):
            self._writer.write(b"".join(it if isinstance(it, bytes) else it.serialize() for it in frames))

    def head(self, stream_id, fields=GET, *, end=True, **more):
        block = self._encoder.encode([(name, value) for name, value in (*fields, *more.get("extra", ()))])
        frame = HeadersFrame(stream_id, block, flags=["END_HEADERS", *(["END_STREAM"] if end else [])])
        self.send(frame)

    def data(self, stream_id, data, *, end=False):
        self.send(DataFrame(stream_id, data, flags=["END_STREAM"] if end else []))

    async def until(self, done):
        """Take what comes until `done()`, or until the server closes."""
        while not done() and not self.closed:
            try:
                header = await asyncio.wait_for(self._reader.readexactly(9), 10)
                frame, length = Frame.parse_frame_header(memoryview(header))
                frame.parse_body(memoryview(await self._reader.readexactly(length)))
            except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
                self.closed = True
                return
            self._take(frame)

    async def answer(self, stream_id=1):
        """The whole answer on a stream; or what is there when the connection ends."""
        await self.until(lambda: stream_id in self.answers and self.answers[stream_id].over)
        return self.answers.get(stream_id) or Answer()

    async def end(self):
        """The code with which the server closed."""
        await self.until(lambda: False)
        return ErrorCodes(self.farewell.error_code) if self.farewell is not None else None

    def _take(self, frame):
        self.frames.append(frame)
        answer = self.answers.setdefault(frame.stream_id, Answer()) if frame.stream_id else None
        if isinstance(frame, GoAwayFrame):
            self.farewell = frame
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, HeadersFrame):
            answer.heads.append(self._decoder.decode(frame.data))
        elif isinstance(frame, DataFrame):
            answer.body += frame.data
            if self.widens and frame.flow_controlled_length:
                for stream_id in (0, frame.stream_id):
                    self.send(WindowUpdateFrame(stream_id, window_increment=frame.flow_controlled_length))
        elif isinstance(frame, RstStreamFrame):
            answer.reset = ErrorCodes(frame.error_code)
        if answer is not None and "END_STREAM" in frame.flags:
            answer.whole = True

    async def close(self):
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(2):
                await self._writer.wait_closed()
        self._writer.transport.abort()


@asynccontextmanager
async def connected(address, *, settings=None, preface=PREFACE):
    reader, writer = await asyncio.open_connection(
        *address, ssl=client_context(), server_hostname="localhost", limit=1 << 20
    )
    raw = Raw(reader, writer)
    raw.send(preface, SettingsFrame(0, settings or {}))
    try:
        yield raw
    finally:
        await raw.close()
