"""WebSockets through the gateway: a client that we did not write, and a backend that records raw bytes."""

import asyncio
import base64
import hashlib
import json
import logging
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop
from opentelemetry.trace import StatusCode
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.http2_client import SERVER, client_context
from gateway.world import BANK, World, operation
from tokenward.app.listener import Listener, bind
from tokenward.app.spans import spans_of
from tokenward.app.tls import ServerTls
from tokenward.base.problems import Refusal
from tokenward.gateway.cors import Cors
from tokenward.gateway.doors import running, websocket
from tokenward.gateway.doors.limits import Limits
from tokenward.gateway.doors.proxy import ProxyDoor
from tokenward.gateway.policy import Api, Policy
from tokenward.gateway.upstreams import Pool
from tokenward.gateway.websockets import check_handshake
from tokenward.store.records import FeedEvent

QUIET = logging.getLogger("test.websocket.client")  # the client writes down what it sends
QUIET.setLevel(logging.WARNING)

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode, payload=b"", *, fin=True, mask=None):
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + size.to_bytes(2)
    else:
        head += bytes([flag | 127]) + size.to_bytes(8)
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return head + (mask or b"") + payload


class Backend:
    """Answers the handshake as told, and keeps all frames that come."""

    def __init__(self):
        self.heads = []
        self.frames = []
        self.after = b""
        self.handshake = self.accept
        self.got = asyncio.Condition()
        self.writer = None
        self.closed = asyncio.Event()

    async def serve(self, reader, writer):
        self.writer = writer
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.handshake(self.heads[-1]))
            await writer.drain()
            while True:
                first, second = await reader.readexactly(2)
                size = second & 0x7F
                if size >= 126:
                    size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
                mask = await reader.readexactly(4)
                data = await reader.readexactly(size)
                payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
                async with self.got:
                    self.frames.append((first & 0x0F, payload))
                    self.got.notify_all()
                if first & 0x0F == CLOSE:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.closed.set()

    def accept(self, head, *extra):
        key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
        digest = base64.b64encode(hashlib.sha1(key.split(b": ")[1] + MAGIC).digest())
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        return b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + digest, *extra, b"", b""])

    async def until(self, *expected):
        async with self.got:
            await asyncio.wait_for(self.got.wait_for(lambda: set(expected) <= set(self.frames)), 5)

    async def send(self, *frames):
        self.writer.write(b"".join(frames))
        await self.writer.drain()


class Stage:
    def __init__(self, world, backend, door, port, stop, exchanges):
        self.exchanges = exchanges
        self.world = world
        self.backend = backend
        self.door = door
        self.port = port
        self.stop = stop

    def connect(self, path="/ticker/stream", token="reader", **more):
        headers = dict(more.pop("headers", ()))
        if token:
            headers["authorization"] = f"Bearer {self.world.tokens[token]}"
        url = f"ws://127.0.0.1:{self.port}{path}"
        return connect(
            url, additional_headers=headers, proxy=None, logger=QUIET, **({"compression": None} | more)
        )

    async def refused(self, *args, **more):
        with pytest.raises(InvalidStatus) as refusal:
            async with self.connect(*args, **more):
                pass
        response = refusal.value.response
        return response.status_code, response.headers, response.body

    def head(self, *extra, path="/ticker/stream", token="reader"):
        lines = [f"GET {path} HTTP/1.1", "Host: api.example", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
        lines += [f"Authorization: Bearer {self.world.tokens[token]}", *extra, "", ""]
        return "\r\n".join(lines).encode()


ORIGIN = "https://app.example"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@asynccontextmanager
async def stage(tls=None, **limits):
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    pool = Pool((f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1",))
    world = World()
    stream = operation("GET /stream", "moderate", "accounts:read", websocket=True)
    plain = operation("GET /plain", "public")
    cors = Cors(frozenset({ORIGIN.encode()}))
    world.engine.policy = Policy([Api("ticker", "/ticker", pool, BANK, (stream, plain), cors=cors)])
    exchanges = []
    door = ProxyDoor(world.engine, Limits(**limits), exchanged=exchanges.append)
    sock, stop = bind("127.0.0.1", 0), asyncio.Event()
    listener = Listener(door, sock, websockets=True, on_stop=door.leave, tls=tls)
    serving = asyncio.create_task(listener.run_until(stop))
    watching = asyncio.create_task(door.watch_running())
    try:
        yield Stage(world, backend, door, sock.getsockname()[1], stop, exchanges)
    finally:
        stop.set()
        await serving
        watching.cancel()
        await door.close()
        sock.close()
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    monkeypatch.setattr(running, "TICK", 0.02)


def through(scenario, **limits):
    async def run():
        async with stage(**limits) as running_stage:
            await asyncio.wait_for(scenario(running_stage), 20)

    asyncio.run(run())


def test_messages_pass_both_ways_and_the_backend_gets_the_inside_jwt():
    async def scenario(at):
        async with at.connect("/ticker/stream?a=%2F", headers={"X-User": "root"}) as client:
            await client.send("hello")
            await client.send(b"\0\1")
            await client.send(["frag", "mented"])
            await at.backend.until((TEXT, b"hello"), (BINARY, b"\0\1"), (TEXT, b"fragmented"))
            await at.backend.send(frame(TEXT, b"ticker "), frame(BINARY, b"\2" * 70_000))
            assert await client.recv() == "ticker "
            assert await client.recv() == b"\2" * 70_000
            await at.backend.send(frame(TEXT, b"one ", fin=False), frame(0, b"message"))
            assert await client.recv() == "one message"
        head = at.backend.heads[0]
        assert head.startswith(b"GET /v1/stream?a=%2F HTTP/1.1\r\n")
        assert at.world.tokens["reader"].encode() not in head
        told = [line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2]]
        assert dict(map(tuple, told))[b"x-forwarded-proto"] == b"http"
        names = [name for name, _ in told]
        assert {name for name in names if names.count(name) > 1} == set()
        assert b"authorization" in names
        assert not {b"x-user", b"sec-websocket-extensions", b"content-length"} & set(names)

    through(scenario)


def test_a_websocket_is_an_exchange_like_any_other_and_ends_when_it_closes():
    async def scenario(at):
        begun = at.world.clock.monotonic()
        at.door._clock = at.world.clock
        async with at.connect(headers={"traceparent": CALLER}) as client:
            await client.send("hello")
            await at.backend.until((TEXT, b"hello"))
            assert at.exchanges == []
            at.world.clock.advance(7)
        while not at.exchanges:  # noqa: ASYNC110 - told when both sides are closed
            await asyncio.sleep(0.01)
        (told,) = at.exchanges
        assert (told.decision.operation, told.status) == ("GET /stream", 101)
        assert (told.decided, told.seconds) == (0, at.world.clock.monotonic() - begun)
        whole, decide = spans_of(told)
        assert (whole.attributes["http.response.status_code"], whole.status.status_code) == (
            101, StatusCode.UNSET,
        )  # fmt: skip
        assert decide.parent == whole.context
        trace, span = CALLER.split("-")[1:3]
        assert (f"{whole.context.trace_id:032x}", f"{whole.parent.span_id:016x}") == (trace, span)
        assert f"{whole.context.span_id:016x}".encode() in at.backend.heads[0], "the backend's parent"

    through(scenario)


def test_what_became_no_websocket_is_an_exchange_with_the_status_of_its_answer():
    async def scenario(at):
        await at.refused(token=None)
        at.backend.handshake = lambda _head: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        await at.refused()
        assert [(told.decision.reason, told.status) for told in at.exchanges] == [
            ("no_credential", 401), ("allow", 502),
        ]  # fmt: skip

    through(scenario)


REFUSED = {
    "without a credential": ({"token": None}, 401),
    "with a bad one": ({"token": "unknown"}, 401),
    "without the scope": ({"token": "writer"}, 403),
    "for another audience": ({"token": "weather"}, 401),
    "at no operation": ({"path": "/ticker/other"}, 404),
    "at an operation that is none": ({"path": "/ticker/plain", "token": None}, 400),
    "at what is ours": ({"path": "/.well-known/tokenward/health", "token": None}, 404),
    "with the token in the URL": ({"path": "/ticker/stream?access_token=x", "token": None}, 400),
    "from a page that is not named": ({"origin": "https://evil.example"}, 403),
    "from nowhere": ({"origin": "null"}, 403),
    "from a page that is nearly named": ({"origin": "https://app.example.evil"}, 403),
    "from a page of another port": ({"origin": "https://app.example:8443"}, 403),
}


@pytest.mark.parametrize(("how", "status"), REFUSED.values(), ids=REFUSED)
def test_a_handshake_is_decided_on_like_any_request(how, status, caplog):
    async def scenario(at):
        got, headers, body = await at.refused(**how)
        assert got == status
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == status
        assert ("www-authenticate" in headers) == (
            status == 401 or "writer" in str(how) or "access_" in str(how)
        )
        assert at.backend.heads == []

    through(scenario)
    assert [it.message for it in caplog.records if it.name == "tokenward.app.websocket"] == []


def test_a_websocket_over_tls_on_the_loop_of_the_server(tmp_path):
    chain, key = SERVER.write(tmp_path, "server")

    async def run():
        async with stage(ServerTls(tmp_path / chain, tmp_path / key, http2=True)) as at:
            headers = {"authorization": f"Bearer {at.world.tokens['reader']}"}
            async with connect(
                f"wss://localhost:{at.port}/ticker/stream",
                additional_headers=headers,
                ssl=client_context("http/1.1"),
                proxy=None,
                logger=QUIET,
            ) as client:
                await client.send("hello")
                await at.backend.until((TEXT, b"hello"))
                await at.backend.send(frame(TEXT, b"back"))
                assert await client.recv() == "back"
            assert b"x-forwarded-proto: https\r\n" in at.backend.heads[0].lower()

    uvloop.run(asyncio.wait_for(run(), 20))


def test_a_page_that_is_named_may_connect():
    async def scenario(at):
        async with at.connect(origin=ORIGIN):
            await asyncio.sleep(0)
        assert f"origin: {ORIGIN}\r\n".encode() in at.backend.heads[0].lower()

    through(scenario)


@pytest.mark.parametrize(
    "lines",
    [(), ("Upgrade: h2c",), ("Upgrade: websocket", "Upgrade: websocket"), ("Upgrade: websocket, h2c",)],
    ids=["no upgrade", "another", "two", "a list"],
)
def test_an_operation_that_is_a_websocket_is_nothing_else(lines):
    async def scenario(at):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        token = at.world.tokens["reader"]
        head = [
            "GET /ticker/stream HTTP/1.1",
            "Host: a",
            "Connection: upgrade",
            f"Authorization: Bearer {token}",
        ]
        writer.write("\r\n".join([*head, *lines, "", ""]).encode())
        received = await reader.readuntil(b"\r\n\r\n")
        assert received.startswith((b"HTTP/1.1 426 ", b"HTTP/1.1 400 "))
        assert b"upgrade: websocket\r\n" in received.lower() or b" 400 " in received
        assert at.backend.heads == []
        writer.close()

    through(scenario)


@pytest.mark.parametrize("values", [(), (b"h2c",), (b"websocket", b"websocket"), (b"websocket, h2c",)])
def test_a_handshake_asks_for_a_websocket_and_nothing_else_also_behind_other_servers(values):
    with pytest.raises(Refusal, match="upgrade_required"):
        check_handshake([(b"upgrade", value) for value in values], None)


def test_what_is_sent_before_the_answer_reaches_nobody():
    async def scenario(at):
        for early in (frame(TEXT, b"early", mask=b"abcd"), b"GET /v1/admin HTTP/1.1\r\nHost: a\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
            writer.write(at.head() + early)
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
            writer.close()
        assert at.backend.heads == []

    through(scenario)


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head.replace(b"\r\n\r\n", b"\r\nContent-Length: 43\r\n\r\n"),
        lambda head: head.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        lambda head: head.replace(b"\r\n\r\n", b"\r\nX-A: " + b"x" * 9000 + b"\r\n\r\n"),
        lambda head: head.replace(b"\r\n\r\n", b"\r\n" + b"X-A: x\r\n" * 200 + b"\r\n"),
        lambda head: head.replace(b"GET ", b"POST ", 1),
        lambda head: head.replace(b"Version: 13", b"Version: 12"),
        lambda head: head.replace(b"Sec-WebSocket-Key", b"X-Key"),
        lambda head: head.replace(b"AAAA", b"A", 1),
        lambda head: head.replace(b" HTTP/1.1", b" HTTP/1.0", 1),
        lambda head: head.replace(b"Host: api.example", b"X: y", 1),
    ],
    ids=[
        "length",
        "chunked",
        "long",
        "many",
        "POST",
        "version",
        "no key",
        "short key",
        "HTTP/1.0",
        "no host",
    ],
)
def test_what_is_no_handshake_is_answered_and_reaches_nobody(change):
    async def scenario(at):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(change(at.head()))
        received = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert received[:10] == b"HTTP/1.1 4"
        with suppress(ConnectionError):
            writer.write(b"GET /v1/admin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert at.backend.heads == []

    through(scenario)


BAD = {
    "no 101": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a refusal": lambda _: b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    "another key": lambda head: Backend().accept(head.replace(b"Key: ", b"Key: x")),
    "no key": lambda _: b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "another protocol": lambda head: Backend().accept(head).replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    "nonsense": lambda _: b"\0\1\2\r\n\r\n",
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("handshake", BAD.values(), ids=BAD)
def test_until_the_upstream_has_switched_the_client_has_not(handshake):
    async def scenario(at):
        at.backend.handshake = handshake
        status, _, _ = await at.refused()
        assert status in {502, 504}
        assert at.backend.frames == []
        assert [member.outstanding for _, member in at.door.upstreams()] == [0]

    through(scenario, read=0.5)


def test_an_upstream_whose_handshake_trickles_is_not_waited_for():
    async def scenario(at):
        async def trickle():
            while not at.backend.heads:  # noqa: ASYNC110 - it is on its way
                await asyncio.sleep(0.01)
            with suppress(ConnectionError):
                while not at.backend.writer.is_closing():
                    await at.backend.send(b"x")
                    await asyncio.sleep(0.05)

        at.backend.handshake = lambda _: b"HTTP/1.1 101 Switching Protocols\r\nX-A: "
        trickling = asyncio.create_task(trickle())
        assert (await at.refused())[0] == 504
        await asyncio.wait_for(trickling, 5)

    through(scenario, read=0.5)


def test_an_upstream_that_is_not_there_is_a_502():
    async def scenario(at):
        (api,) = at.world.engine.policy.apis
        gone = Api("ticker", "/ticker", Pool(("http://127.0.0.1:9",)), BANK, api.operations)
        at.world.engine.policy = Policy([gone])
        assert (await at.refused())[0] == 502

    through(scenario)


@pytest.mark.parametrize("chosen", ["b", None, "c"])
def test_the_upstream_chooses_among_the_protocols_that_the_client_offers(chosen):
    async def scenario(at):
        extra = [f"Sec-WebSocket-Protocol: {chosen}".encode()] if chosen else []
        at.backend.handshake = lambda head: at.backend.accept(head, *extra)
        async with at.connect(subprotocols=["a", "b"]) as client:
            assert client.subprotocol == ("b" if chosen == "b" else None)
        assert b"sec-websocket-protocol: a,b\r\n" in at.backend.heads[0].lower()

    through(scenario)


def test_the_close_code_of_the_client_reaches_the_upstream():
    async def scenario(at):
        async with at.connect() as client:
            await client.close(4001, "enough")
        await at.backend.until((CLOSE, (4001).to_bytes(2) + b"enough"))

    through(scenario)


@pytest.mark.parametrize(("sent", "code"), [((4002).to_bytes(2) + b"so", 4002), (b"", 1000)])
def test_the_close_code_of_the_upstream_reaches_the_client(sent, code):
    async def scenario(at):
        async with at.connect() as client:
            await at.backend.send(frame(CLOSE, sent))
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, sent[2:].decode())

    through(scenario)


def test_an_upstream_that_breaks_off_is_told_as_a_fault():
    async def scenario(at):
        async with at.connect() as client:
            at.backend.writer.transport.abort()
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
        assert closed.value.rcvd.code == 1011

    through(scenario)


def test_a_client_that_breaks_off_is_told_to_the_upstream():
    async def scenario(at):
        client = await at.connect()
        client.transport.abort()
        await asyncio.wait_for(at.backend.closed.wait(), 5)
        while [member.outstanding for _, member in at.door.upstreams()] != [0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    through(scenario)


def test_pings_are_answered_on_each_side():
    async def scenario(at):
        async with at.connect() as client:
            await asyncio.wait_for(await client.ping(), 5)
            await at.backend.send(frame(PING, b"are you there"))
            await at.backend.until((PONG, b"are you there"))
            assert not [it for it in at.backend.frames if it[0] == PING]

    through(scenario)


@pytest.mark.parametrize("whose", ["client", "upstream"])
def test_a_message_above_the_limit_ends_it(whose, monkeypatch):
    async def scenario(at):
        async with at.connect(max_size=None) as client:
            if whose == "client":
                await client.send(b"x" * (websocket.MESSAGE + 1))
            else:
                await at.backend.send(frame(BINARY, b"x" * (websocket.MESSAGE + 1)))
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
        assert closed.value.rcvd.code == (1009 if whose == "client" else 1011)
        assert not [it for it in at.backend.frames if it[0] == BINARY]

    through(scenario)


def test_compression_is_not_offered():
    async def scenario(at):
        async with at.connect(compression="deflate") as client:
            assert client.protocol.extensions == []
        assert b"sec-websocket-extensions" not in at.backend.heads[0].lower()

    through(scenario)


def test_a_client_that_takes_nothing_holds_the_upstream_back_and_is_let_go():
    async def scenario(at):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(at.head())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        sent = 0
        with suppress(ConnectionError):
            while sent < 2000 and not at.backend.writer.is_closing():
                await at.backend.send(frame(BINARY, b"x" * 65_536))
                sent += 1
        assert sent < 1000
        writer.close()

    through(scenario, client=0.5)


def revoke(at):
    gone = at.world.known.pop(at.world.tokens["reader"])
    at.world.engine.verified.on_event(FeedEvent(1, "token", gone.token_id, 0.0))


ENDS = {
    "revoked": (revoke, 1008, "invalid_token"),
    "expired": (lambda at: at.world.clock.advance(600), 1008, "invalid_token"),
    "unconfirmed": (lambda at: setattr(at.world, "fresh", False), 1013, "unavailable"),
    "the process ends": (lambda at: at.stop.set(), 1001, ""),
}


@pytest.mark.parametrize(("end", "code", "reason"), ENDS.values(), ids=ENDS)
def test_it_ends_with_its_credential_and_with_the_process(end, code, reason):
    async def scenario(at):
        async with at.connect() as client:
            await client.send("still")
            await at.backend.until((TEXT, b"still"))
            end(at)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(client.recv(), 5)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)
        await at.backend.until((CLOSE, code.to_bytes(2) + reason.encode()))

    through(scenario)


def test_it_goes_on_while_others_are_revoked():
    async def scenario(at):
        async with at.connect() as client:
            lookups = at.world.lookups
            at.world.engine.verified.clear()
            while at.world.lookups == lookups:  # noqa: ASYNC110 - it is asked about again
                await asyncio.sleep(0.01)
            await client.send("still")
            await at.backend.until((TEXT, b"still"))

    through(scenario)


NONSENSE = {
    "without a mask": frame(TEXT, b"x"),
    "a reserved bit": bytes([0xC1, 0x80]) + b"abcd",
    "a reserved opcode": frame(3, b"x", mask=b"abcd"),
    "text that is none": frame(TEXT, b"\xff\xfe", mask=b"abcd"),
    "a continuation of nothing": frame(0, b"x", mask=b"abcd"),
    "a long ping": frame(PING, b"x" * 126, mask=b"abcd"),
    "a length that is none": bytes([0x82, 0xFF]) + b"\xff" * 8,
    "a close code that is none": frame(CLOSE, (1005).to_bytes(2), mask=b"abcd"),
    "HTTP": b"GET /v1/admin HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE)
def test_what_is_no_frame_reaches_nobody(sent):
    async def scenario(at):
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        writer.write(at.head())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        received = await asyncio.wait_for(reader.read(4), 5)
        assert received[:1] == b"\x88"
        assert int.from_bytes(received[2:]) in {1002, 1007, 1009}
        writer.close()
        await asyncio.wait_for(at.backend.closed.wait(), 10)
        assert {opcode for opcode, _ in at.backend.frames} <= {CLOSE}

    through(scenario)
