"""Lines behind Envoy are as strict as without it: whatever it would mend is refused, and nobody sees it."""

import asyncio
import base64
import contextlib
import hashlib
import json
import ssl

import pytest
import wasmtime
from websockets.asyncio.client import connect

from app.http2_client import PREFACE, Raw
from app.test_websocket import QUIET
from certificates import LOOPBACK, certificate
from engines.behind_envoy import behind, through
from gateway.wire import OK, answer
from tokenward.app.engines import envoy_strict
from tokenward.app.engines.plan import Tls

SERVER = certificate("CN=server", extensions=(LOOPBACK,))
GET = b"GET /bank/accounts/7 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {reader}\r\n"
POST = b"POST /bank/transfers HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {writer}\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
UPGRADE = GET.replace(b"accounts/7", b"ticker") + (
    b"upgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

WRONG = {
    "LF after the request line": GET.replace(b"1.1\r\n", b"1.1\n") + b"\r\n",
    "LF between headers": GET + b"x-a: b\nx-c: d\r\n\r\n",
    "LF at the end": GET + b"x-a: b\n\n",
    "LF before the end": GET + b"x-a: b\n\r\n",
    "LF as the last line": GET + b"x-a: b\r\n\n",
    "LF everywhere": (GET + b"\r\n").replace(b"\r", b""),
    "LF before the request": b"\n" + GET + b"\r\n",
    "CR after the request line": GET.replace(b"1.1\r\n", b"1.1\r") + b"\r\n",
    "CR between headers": GET + b"x-a: b\rx-c: d\r\n\r\n",
    "CR before CRLF": GET + b"x-a: b\r\r\n\r\n",
    "CR before the end": GET + b"x-a: b\r\n\r\r\n",
    "folded by a space": GET + b"x-a: b\r\n c\r\n\r\n",
    "folded by a tab": GET + b"x-a: b\r\n\tc\r\n\r\n",
    "folded to nothing": GET + b"x-a: b\r\n \r\n\r\n",
    "a space before the first header": GET.replace(b"\r\nhost", b"\r\n host") + b"\r\n",
    "a length that is folded": POST + b"content-length:\r\n 2\r\n\r\n{}",
    "a length twice": POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a length of two": POST + b"content-length: 2, 2\r\n\r\n{}",
    "a length with a sign": POST + b"content-length: +2\r\n\r\n{}",
    "two framings": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
    "a tab behind the method": GET.replace(b"GET ", b"GET\t") + b"\r\n",
    "a tab before the version": GET.replace(b" HTTP/1.1", b"\tHTTP/1.1") + b"\r\n",
    "two spaces behind the method": GET.replace(b"GET ", b"GET  ") + b"\r\n",
    "two spaces before the version": GET.replace(b" HTTP/1.1", b"  HTTP/1.1") + b"\r\n",
    "a handshake with chunks": UPGRADE + b"transfer-encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n",
    "a handshake with a length": UPGRADE + b"content-length: 1\r\n\r\n\n",
    "no version": b"GET /bank/accounts/7\r\n\r\n",
    "LF after a chunk's size": CHUNKED + b"2\n{}\r\n0\r\n\r\n",
    "LF after an extension": CHUNKED + b"2;a=b\n{}\r\n0\r\n\r\n",
    "LF in an extension": CHUNKED + b"2;a\n=b\r\n{}\r\n0\r\n\r\n",
    "CR in an extension": CHUNKED + b"2;a\r=b\r\n{}\r\n0\r\n\r\n",
    "LF after a chunk": CHUNKED + b"2\r\n{}\n0\r\n\r\n",
    "no end of a chunk": CHUNKED + b"2\r\n{}0\r\n\r\n",
    "LF after the last chunk's size": CHUNKED + b"2\r\n{}\r\n0\n\r\n",
    "LF as the end of the body": CHUNKED + b"2\r\n{}\r\n0\r\n\n",
    "LF after a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nx-a: b\n\r\n",
    "CR in a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nx-a: b\rc\r\n\r\n",
    "a folded trailer": CHUNKED + b"2\r\n{}\r\n0\r\nx-a: b\r\n c\r\n\r\n",
    "a space after a chunk's size": CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
    "a chunk's size with a sign": CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n",
    "HTTP/2 without TLS": PREFACE,
}
LINES = b"\n\r\n folded: no\n\nGET /bank/admin HTTP/1.1\n\n\r\rcontent-length: 1\r\n\r\n0\r\n"
RIGHT = {
    "plain": (GET + b"\r\n", b""),
    "empty lines before": (b"\r\n\r\n" + GET + b"\r\n", b""),
    "a body with lines": (POST + b"content-length: %d\r\n\r\n" % len(LINES) + LINES, LINES),
    "chunks with lines": (
        CHUNKED + b"%X;a=b\r\n" % len(LINES) + LINES + b"\r\n1 ;c\r\n\n\r\n000\r\nx-a: b\r\n\r\n",
        LINES + b"\n",
    ),
    "HTTP/1.0": (GET.replace(b"1.1", b"1.0") + b"\r\n", b""),
}


class Bench:
    """One Envoy for all."""

    def __init__(self, loop, gateway):
        self.loop, self.gateway = loop, gateway

    def exchange(self, raw, *cuts):
        """What came for what was sent, in pieces; the client stops when it is answered."""
        return self.loop.run_until_complete(self._exchange(self.fill(raw), cuts))

    def at_every_byte(self, raw):
        filled = self.fill(raw)

        async def all_of_them():
            return await asyncio.gather(*(self._exchange(filled, [at]) for at in range(1, len(filled))))

        return self.loop.run_until_complete(all_of_them())

    def fill(self, raw):
        return self.gateway.world.fill(raw.decode("latin-1"))

    async def _exchange(self, raw, cuts):
        reader, writer = await self.gateway.open()
        reading = asyncio.create_task(answer(reader))
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            writer.write(raw[start:end])
            await asyncio.wait({reading}, timeout=0.003)
            if reading.done():
                break
        try:
            return await asyncio.wait_for(reading, 10)
        finally:
            writer.close()


@pytest.fixture(scope="module")
def bench():
    loop = asyncio.new_event_loop()
    context = behind()
    yield Bench(loop, loop.run_until_complete(context.__aenter__()))
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.close()


def _is_malformed(told):
    status, headers, body = told
    assert (status, json.loads(body)["type"]) == (400, "urn:tokenward:problem:malformed_request")
    assert dict(headers)["content-type"] == "application/problem+json"


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_what_envoy_would_mend_is_refused_by_the_usual_answer(bench, raw):
    whole = len(bench.gateway.backend.bodies)
    _is_malformed(bench.exchange(raw))
    assert len(bench.gateway.backend.bodies) == whole


@pytest.mark.parametrize("name", [*WRONG])
def test_it_is_refused_wherever_it_is_cut(bench, name):
    if len(WRONG[name]) < 100 or name.startswith(("LF", "CR", "folded by")):
        whole = len(bench.gateway.backend.bodies)
        for told in bench.at_every_byte(WRONG[name]):
            _is_malformed(told)
        assert len(bench.gateway.backend.bodies) == whole


@pytest.mark.parametrize(("raw", "body"), RIGHT.values(), ids=RIGHT)
def test_what_is_right_passes_wherever_it_is_cut(bench, raw, body):
    backend = bench.gateway.backend
    before = len(backend.bodies)
    seen = backend.requests
    answers = [
        bench.exchange(raw),
        *bench.at_every_byte(raw),
        bench.exchange(raw, *range(1, len(bench.fill(raw)))),
    ]
    assert {status for status, *_ in answers} == {200}
    assert backend.bodies[before:] == [body] * len(answers)
    assert backend.requests - seen == len(answers)


async def _rest(reader):
    """What comes until the end; bytes that Envoy has not read when it closes make that a reset."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.wait_for(reader.read(65_536), 10):
            received += piece
    return received


def _next(gateway, path, *lines, body=b""):
    raw = gateway.raw(path, headers=[("authorization", "Bearer {reader}")])
    return raw[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def test_requests_that_do_not_wait_are_answered_one_after_the_other():
    async def scenario(gateway):
        paths = [
            "/bank/accounts/1",
            "/bank/accounts/none",
            "/elsewhere",
            "/bank/accounts/2",
            "/bank/accounts/3",
        ]
        whole = b"".join(_next(gateway, path) for path in paths)
        whole += gateway.world.fill(RIGHT["a body with lines"][0].decode("latin-1"))
        whole += gateway.world.fill(RIGHT["chunks with lines"][0].decode("latin-1")) + b"\r\n"
        for cuts in ([], [len(whole) // 2], [len(whole) - 1], list(range(9, len(whole), 9))):
            before = gateway.backend.requests
            reader, writer = await gateway.open()
            for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
                writer.write(whole[start:end])
                await asyncio.sleep(0.001)
            statuses = [(await answer(reader))[0] for _ in range(7)]
            assert statuses == [200, 200, 404, 200, 200, 200, 200]
            writer.close()
            heads = [it.split(b" ")[1] for it in gateway.backend.heads[before:]]
            assert heads[:4] == [f"/v1/accounts/{it}".encode() for it in ("1", "none", "2", "3")]
            assert gateway.backend.bodies[-2:] == [LINES, LINES + b"\n"]

    through(scenario)


@pytest.mark.parametrize("wrong", ["LF between headers", "folded by a tab", "two framings", "LF everywhere"])
def test_what_is_hidden_behind_a_request_is_refused_when_its_turn_comes(bench, wrong):
    first, second = _next(bench.gateway, "/bank/accounts/1"), bench.fill(WRONG[wrong])
    whole, size = first + second, len(first)

    async def hidden(cut):
        reader, writer = await bench.gateway.open()
        writer.write(whole[:cut])
        await asyncio.sleep(0.003)
        writer.write(whole[cut:])
        assert (await answer(reader))[0] == 200
        _is_malformed(await answer(reader))
        assert await _rest(reader) == b""
        writer.close()

    async def scenario():
        for _ in range(5):  # they come before, while, and after the first is answered
            await asyncio.gather(*(hidden(cut) for cut in (0, size - 1, size, size + 1, size + 60)))

    before = bench.gateway.backend.requests
    bench.loop.run_until_complete(scenario())
    assert bench.gateway.backend.requests == before + 25


def test_a_flood_of_requests_that_do_not_wait_is_answered_as_fast_as_it_is_read():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        for number in range(1500):
            writer.write(_next(gateway, f"/bank/accounts/{number}"))
        await asyncio.sleep(0.5)
        for _ in range(1500):
            assert (await answer(reader))[0] == 200
        writer.close()
        seen = [it.split(b" ")[1].rpartition(b"/")[2] for it in gateway.backend.heads]
        assert seen == [b"%d" % number for number in range(1500)]

    through(scenario)


def test_a_request_waits_for_one_that_takes_long():
    async def scenario(gateway):
        go = asyncio.Event()

        async def late(_reader, writer):
            await go.wait()
            writer.write(OK)

        gateway.backend.answer = late
        reader, writer = await gateway.open()
        writer.write(_next(gateway, "/bank/accounts/1") + _next(gateway, "/bank/accounts/2"))
        await asyncio.sleep(0.2)
        writer.write(_next(gateway, "/bank/accounts/3"))
        await asyncio.sleep(0.2)
        assert gateway.backend.requests == 1
        go.set()
        assert [(await answer(reader))[0] for _ in range(3)] == [200] * 3
        assert [it.split(b" ")[1][-1:] for it in gateway.backend.heads] == [b"1", b"2", b"3"]
        writer.close()

    through(scenario)


def test_a_request_behind_one_that_envoy_itself_refuses_is_not_read():
    async def scenario(gateway):
        first = _next(gateway, "/bank/accounts/1", b"x_a: b")
        reader, writer = await gateway.open()
        writer.write(first + _next(gateway, "/bank/accounts/2"))
        assert (await answer(reader))[0] == 400
        assert (await _rest(reader)).count(b"HTTP/1.1 ") <= 1
        writer.close()
        assert gateway.backend.requests == 0

    through(scenario)


@pytest.mark.parametrize("framing", [b"content-length: 3000000", b"transfer-encoding: chunked"])
def test_a_large_upload_passes_after_a_request_and_before_one(framing):
    body = b"\n \r\n" * 750_000

    async def scenario(gateway):
        sent = body if b"length" in framing else b"2dc6c0\r\n" + body + b"\r\n0\r\n\r\n"
        head = gateway.world.fill((POST + framing + b"\r\nexpect: 100-continue\r\n\r\n").decode())
        reader, writer = await gateway.open()
        writer.write(_next(gateway, "/bank/accounts/1") + head)
        assert (await answer(reader))[0] == 200
        assert (await answer(reader))[0] == 100
        writer.write(sent + _next(gateway, "/bank/accounts/2"))
        assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
        assert gateway.backend.bodies == [b"", body, b""]
        writer.close()

    through(scenario, body=4_000_000)


HANDSHAKE = [
    ("authorization", "Bearer {reader}"),
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def _echoing(backend):
    """A WebSocket, as far as one that echoes short messages needs to know."""

    async def answering(reader, writer):
        key = backend.header("sec-websocket-key")[0].encode()
        digest = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        lines = [b"HTTP/1.1 101 Switching Protocols", b"upgrade: websocket", b"connection: upgrade"]
        writer.write(b"\r\n".join([*lines, b"sec-websocket-accept: " + digest, b"", b""]))
        while True:
            size = (await reader.readexactly(2))[1] & 127
            mask, data = await reader.readexactly(4), await reader.readexactly(size)
            plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            writer.write(bytes([0x82, size]) + plain)

    return answering


def test_what_a_websocket_says_is_no_http():
    async def scenario(gateway):
        gateway.backend.answer = _echoing(gateway.backend)
        token = gateway.world.tokens["reader"]
        url = f"ws://127.0.0.1:{gateway.port}/bank/ticker"
        headers = {"authorization": f"Bearer {token}"}
        async with connect(url, additional_headers=headers, proxy=None, logger=QUIET) as socket:
            for said in (b"\n", b"\r", b" folded\n", b"GET / HTTP/1.1\n\n", b"\0\r\n\r\n"):
                await socket.send(said)
                assert await asyncio.wait_for(socket.recv(), 5) == said

    through(scenario)


@pytest.mark.parametrize("pause", [0, 0.001, 0.02], ids=["at once", "soon", "later"])
@pytest.mark.parametrize("upgrade", ["websocket", "other", "h2c"])
def test_nothing_passes_behind_an_upgrade_that_was_not_agreed_on(upgrade, pause):
    """Envoy takes all that follows such a head for the other protocol, and hands it on."""

    async def late(reader, _writer):
        await reader.read()

    async def scenario(gateway):
        gateway.backend.answer = late
        headers = [(name, upgrade if name == "upgrade" else value) for name, value in HANDSHAKE]
        reader, writer = await gateway.open()
        writer.write(gateway.raw("/bank/ticker", headers=headers))
        await asyncio.sleep(pause)
        writer.write(gateway.world.fill(WRONG["LF everywhere"].decode()))
        received = await _rest(reader)
        assert b" 101 " not in received
        assert b" 200 " not in received
        writer.close()
        assert [it for it in gateway.backend.heads if b"accounts" in it] == []

    through(scenario)


def _context(*protocols):
    context = ssl.create_default_context(cadata=SERVER.pem.decode())
    if protocols:
        context.set_alpn_protocols([*protocols])
    return context


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    loop = asyncio.new_event_loop()
    files = [directory / name for name in SERVER.write(directory, "server")]
    context = behind(tls=Tls(*files, asks=False))
    gateway = loop.run_until_complete(context.__aenter__())

    async def said(protocols, pieces):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", gateway.port, ssl=_context(*protocols), server_hostname="localhost"
        )
        try:
            for piece in filter(None, pieces):
                writer.write(gateway.world.fill(piece.decode("latin-1")))
                await asyncio.sleep(0.01)
            return await answer(reader), await _rest(reader)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return None
        finally:
            writer.transport.abort()

    async def all_of(protocols, conversations):
        return await asyncio.gather(*(said(protocols, pieces) for pieces in conversations))

    def exchange(protocols, *conversations):
        """What was answered, and how many requests reached the backend."""
        before = gateway.backend.requests
        told = loop.run_until_complete(all_of(protocols, conversations))
        return told, gateway.backend.requests - before

    exchange.loop, exchange.gateway = loop, gateway
    yield exchange
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.close()


PROTOCOLS = [(), ("http/1.1",), ("h2", "http/1.1")]


@pytest.mark.parametrize("protocols", PROTOCOLS[:2])
@pytest.mark.parametrize("wrong", ["LF between headers", "folded by a space", "LF in an extension"])
def test_lines_within_tls_are_read_as_strictly(secure, protocols, wrong):
    bodies = len(secure.gateway.backend.bodies)
    told, _ = secure(protocols, [WRONG[wrong]], [WRONG[wrong][:60], WRONG[wrong][60:]])
    for first, rest in told:
        _is_malformed(first)
        assert rest == b""
    assert len(secure.gateway.backend.bodies) == bodies


@pytest.mark.parametrize("protocols", PROTOCOLS)
def test_the_preface_of_http2_lets_no_http1_through(secure, protocols):
    """Envoy takes the protocol that was agreed on within TLS, and without one looks for the preface, too."""
    conversations = [[PREFACE, RIGHT["plain"][0]], [PREFACE + RIGHT["plain"][0]]]
    for at in (0, 1, 3, 12, 16, 18, 23, 24):
        for smuggled in (WRONG["LF everywhere"], WRONG["folded by a space"]):
            whole = PREFACE + smuggled
            conversations += [[whole[:at], whole[at:]], [PREFACE[:at] + smuggled]]
    assert secure(protocols, *conversations)[1] == 0


def test_http2_passes(secure):
    gateway = secure.gateway

    async def run():
        streams = await asyncio.open_connection(
            "127.0.0.1", gateway.port, ssl=_context("h2"), server_hostname="localhost"
        )
        raw = Raw(*streams)
        raw.send(PREFACE, b"\0\0\0\4\0\0\0\0\0")
        token = gateway.world.tokens["writer"]
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost")]
        fields += [(":path", "/bank/transfers"), ("authorization", f"Bearer {token}")]
        raw.head(1, fields, end=False)
        raw.data(1, LINES, end=True)
        told = await raw.answer()
        await raw.close()
        return told.status

    assert secure.loop.run_until_complete(run()) == 200
    assert gateway.backend.bodies[-1] == LINES


BROKEN = """
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) i32.const 0)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
    (if (i32.eq (local.get 1) (i32.const 13)) (then unreachable))
    i32.const 0))
"""


def test_a_machine_that_fails_lets_nothing_pass_and_is_replaced(tmp_path, monkeypatch):
    package = tmp_path / "strict"
    package.mkdir()
    (package / "strict.wasm").write_bytes(wasmtime.wat2wasm(BROKEN))
    monkeypatch.setattr(envoy_strict, "files", lambda _package: tmp_path)

    async def scenario(gateway):
        others = await gateway.open()
        assert (await gateway.ask())[0] == 200
        reader, writer = await gateway.open()
        writer.write(b"GET / HTTP/1.")
        assert await _rest(reader) == b""
        writer.close()
        reader, writer = others
        writer.write(gateway.raw())
        assert await _rest(reader) == b""
        writer.close()
        assert gateway.backend.requests == 1
        refused = 0
        for _ in range(100):
            try:
                assert (await gateway.ask())[0] == 200
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                refused += 1
                await asyncio.sleep(0.1)
        assert refused > 0
        assert gateway.backend.requests == 2

    through(scenario)
