"""The decision through the proxy door over HTTP/2, seen from a backend that records raw bytes."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import RstStreamFrame

from app.http2_client import connected, listening
from gateway.cases import CASES, refused_as
from gateway.test_proxy import SPOOFED
from gateway.wire import OK, Backend
from gateway.world import World
from tokenward.gateway.doors.limits import Limits
from tokenward.gateway.doors.proxy import ProxyDoor

COOKIES = (
    ("authorization", "Bearer {reader}"),
    ("cookie", "a=1"),
    ("cookie", "__Host-tokenward=x"),
    ("cookie", "b=2"),
    ("te", "trailers"),
)


class Door:
    def __init__(self, world, backend, address):
        self.world = world
        self.backend = backend
        self.port = address[1]
        self.connect = lambda: connected(address)

    def fields(self, path="/bank/accounts/7", method="GET", headers=(), query="", token="reader"):
        headers = headers or ((("authorization", "Bearer {" + token + "}"),) if token else ())
        target = path + ("?" + self.world.fill(query).decode() if query else "")
        filled = [
            (name.lower().encode("latin-1"), self.world.fill(value, method, path)) for name, value in headers
        ]
        if b"host" not in dict(filled):
            filled.insert(0, (b":authority", b"api.example"))
        pseudo = [(":method", method), (":scheme", "https"), (":path", target)]
        return [*pseudo, *sorted(filled, key=lambda it: not it[0].startswith(b":"))]

    async def ask(self, *args, body=b"", **kwargs):
        async with self.connect() as raw:
            raw.head(1, self.fields(*args, **kwargs), end=not body)
            if body:
                raw.data(1, body, end=True)
            answer = await raw.answer()
            answer.farewell = raw.farewell
            return answer


@asynccontextmanager
async def door(directory, **limits):
    backend = Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    world = World(f"http://127.0.0.1:{backend.port}")
    proxy = ProxyDoor(world.engine, Limits(**limits))
    async with listening(proxy, directory) as (address, _):
        yield Door(world, backend, address)
    await proxy.close()
    backend.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
def through(tmp_path):
    def _through(scenario, **limits):
        async def run():
            async with door(tmp_path, **limits) as running:
                await asyncio.wait_for(scenario(running), 40)

        asyncio.run(run())

    return _through


def test_every_case_through_the_door(through):
    async def scenario(door):
        for case in CASES:
            before = door.backend.requests
            headers = case.headers or (("x-a", "b"),)
            answer = await door.ask(case.path, case.method, headers, case.query, body=case.body)
            reached = door.backend.requests - before
            if {"upgrade", "connection"} & {name for name, _ in case.headers}:
                assert answer.farewell.error_code == ErrorCodes.PROTOCOL_ERROR
                assert (case.name, reached) == (case.name, 0)
                continue
            if case.code == "allow":
                assert (case.name, answer.status, reached) == (case.name, 200, 1)
                continue
            assert (case.name, reached) == (case.name, 0)
            if answer.status in {None, 400}:  # what HTTP/2 itself does not allow
                assert answer.status or answer.farewell, case.name
            else:
                refused_as(case, answer.status, answer.headers, answer.body)

    through(scenario)


def test_a_body_that_nobody_announced_is_found_and_checked(through):
    async def scenario(door):
        buyer = ("authorization", "Bearer {buyer}")
        json = ("content-type", "application/json")
        for path, method, headers, body, status in (
            ("/shop/orders/7", "DELETE", (buyer,), b"", 200),
            ("/shop/orders/7", "DELETE", (buyer,), b"x", 400),
            ("/shop/orders/7", "GET", (buyer,), b"x", 400),
            ("/shop/orders/7", "PUT", (buyer,), b"", 200),
            ("/shop/orders/7", "PUT", (buyer, json), b"{}", 422),
            ("/shop/orders", "POST", (buyer, json), b'{"item": "tea", "count": 2}', 200),
        ):
            before = door.backend.requests
            answer = await door.ask(path, method, headers, body=body)
            assert (path, method, body, answer.status) == (path, method, body, status)
            assert door.backend.requests == before + (status == 200)
        assert door.backend.bodies[-1] == b'{"item": "tea", "count": 2}'

    through(scenario)


def test_the_backend_gets_http_1_1_without_a_trace_of_the_other(through):
    async def scenario(door):
        answer = await door.ask(query="a=%2F", headers=COOKIES)
        assert answer.status == 200
        head = door.backend.heads[-1]
        assert head.startswith(b"GET /v1/accounts/7?a=%2F HTTP/1.1\r\n")
        told = door.backend.headers()
        assert [value for name, value in told if name == "cookie"] == ["a=1; b=2"]
        assert ("x-forwarded-host", "api.example") in told
        assert ("x-forwarded-proto", "https") in told
        assert not {"te", "transfer-encoding", "content-length", "connection"} & {name for name, _ in told}

    through(scenario)


def test_no_header_that_speaks_in_our_name_reaches_the_backend(through):
    async def scenario(door):
        for name in SPOOFED:
            answer = await door.ask(headers=(("authorization", "Bearer {reader}"), (name, "planted")))
            assert answer.status in {200, 400, None}, name
        assert b"planted" not in b"".join(door.backend.heads)

    through(scenario)


@pytest.mark.parametrize("announced", [True, False], ids=["with a length", "without"])
def test_an_upload_streams(through, announced):
    async def scenario(door):
        headers = [("authorization", "Bearer {writer}")]
        headers += [("content-length", "11")] if announced else []
        async with door.connect() as raw:
            raw.head(1, door.fields("/bank/transfers", "POST", tuple(headers)), end=False)
            raw.data(1, b"first")
            while not door.backend.requests:  # noqa: ASYNC110 - it has the head before the end is sent
                await asyncio.sleep(0.01)
            raw.data(1, b"second", end=True)
            assert (await raw.answer()).status == 200
        assert door.backend.bodies == [b"firstsecond"]

    through(scenario)


def test_a_post_without_a_body_has_none_for_the_backend(through):
    async def scenario(door):
        assert (await door.ask("/bank/transfers", "POST", token="writer")).status == 200
        assert door.backend.header("transfer-encoding") == []

    through(scenario)


def test_a_body_above_the_limit_is_a_413(through):
    async def scenario(door):
        async with door.connect() as raw:
            raw.head(1, door.fields("/bank/transfers", "POST", token="writer"), end=False)
            raw.data(1, b"x" * 101)
            assert (await raw.answer()).status == 413
        assert door.backend.bodies == []

    through(scenario, body=100)


def test_a_client_that_never_begins_its_body_is_let_go(through):
    async def scenario(door):
        async with door.connect() as raw:
            raw.head(1, door.fields("/bank/transfers", "POST", token="writer"), end=False)
            assert (await raw.answer()).status == 408

    through(scenario, client=0.3)


def test_a_client_that_loses_interest_ends_the_upstream_exchange(through):
    async def scenario(door):
        arrived = asyncio.Event()

        async def respond(reader, writer):
            arrived.set()
            assert await reader.read() == b""

        door.backend.answer = respond
        async with door.connect() as raw:
            raw.head(1, door.fields())
            await arrived.wait()
            raw.send(RstStreamFrame(1, error_code=8))
            await asyncio.wait_for(door.backend.closed.wait(), 5)

    through(scenario)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
    ids=["too short", "without the last chunk"],
)
def test_an_answer_cut_short_is_no_clean_end(through, sent):
    async def scenario(door):
        async def respond(_reader, writer):
            writer.write(sent)
            await writer.drain()
            writer.close()

        door.backend.answer = respond
        answer = await door.ask()
        assert (answer.whole, answer.reset) == (False, ErrorCodes.INTERNAL_ERROR)

    through(scenario)


def test_what_belongs_to_the_upstreams_connection_stays_there(through):
    async def scenario(door):
        async def respond(_reader, writer):
            extra = b"Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: x\r\nUpgrade: h2c\r\nX-Kept: 1\r\n"
            writer.write(OK.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n"))
            await writer.drain()

        door.backend.answer = respond
        answer = await door.ask()
        assert answer.status == 200
        assert {name for name, _ in answer.headers} == {"date", "content-length", "x-kept", "x-request-id"}

    through(scenario)


LIES = {
    "no body at all": lambda raw, fields: raw.head(1, fields),
    "less of it, and trailer fields": lambda raw, fields: (
        raw.head(1, fields, end=False),
        raw.data(1, b"hi"),
        raw.head(1, (("x-a", "b"),)),
    ),
}


@pytest.mark.parametrize("send", LIES.values(), ids=LIES)
def test_a_body_shorter_than_announced_takes_nothing_of_the_next_request(through, send):
    async def scenario(door):
        async def respond(_reader, writer):  # without a look at the body, as many do who refuse
            writer.write(OK)
            await writer.drain()

        door.backend.answer = respond
        async with door.connect() as raw:
            headers = (("authorization", "Bearer {writer}"), ("content-length", "40"))
            send(raw, door.fields("/bank/transfers", "POST", headers))
            await raw.answer()
        assert (await door.ask()).status == 200
        assert door.backend.heads[-1].startswith(b"GET /v1/accounts/7 ")
        assert door.backend.connections >= door.backend.requests  # none is used again while a body is owed

    through(scenario)
