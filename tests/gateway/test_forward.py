"""Streaming, back-pressure, and what happens when either side breaks off."""

import asyncio
import gc
import gzip

import pytest
from yarl import URL

from gateway.wire import OK, Backend, answer, through
from gateway.world import apis
from tokenward.base.problems import Refusal
from tokenward.gateway.doors.connections import begin, connections
from tokenward.gateway.doors.forward import Forwarder
from tokenward.gateway.doors.limits import Limits
from tokenward.gateway.doors.transfer import UpstreamTruncated
from tokenward.gateway.policy import Policy
from tokenward.gateway.upstreams import Pool

POST = [("authorization", "Bearer {writer}"), ("content-type", "application/octet-stream")]


def post(gateway, *headers, body=b""):
    return gateway.raw("/bank/transfers", "POST", [*POST, *headers], body=body)


def reply(data, *, then=None):
    async def respond(reader, writer):
        writer.write(data)
        await writer.drain()
        if then is not None:
            await then()
        writer.close()

    return respond


def test_a_download_streams_chunk_by_chunk():
    async def scenario(gateway):
        seen = asyncio.Event()

        async def respond(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            await writer.drain()
            await seen.wait()  # only after the client has the first chunk
            writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
            await writer.drain()

        gateway.backend.answer = respond
        reader, writer = await gateway.open()
        writer.write(gateway.raw())
        await reader.readuntil(b"first")
        seen.set()
        await reader.readuntil(b"second\r\n0\r\n\r\n")
        writer.close()

    through(scenario)


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_an_upload_streams_chunk_by_chunk(framing):
    async def scenario(gateway):
        arrived = asyncio.Event()

        async def respond(reader, writer):
            await reader.readuntil(b"first")
            arrived.set()
            await reader.readuntil(b"second")
            writer.write(OK)
            await writer.drain()

        gateway.backend.answer = respond
        header = ("content-length", "11") if framing == "content-length" else ("transfer-encoding", "chunked")
        reader, writer = await gateway.open()
        chunk = (
            (lambda data: data)
            if framing == "content-length"
            else (lambda data: b"%x\r\n%s\r\n" % (len(data), data))
        )
        writer.write(post(gateway, header) + chunk(b"first"))
        await asyncio.wait_for(arrived.wait(), 5)
        writer.write(chunk(b"second") + (b"" if framing == "content-length" else b"0\r\n\r\n"))
        assert (await answer(reader))[0] == 200
        writer.close()
        assert gateway.backend.header("content-length") == (["11"] if framing == "content-length" else [])

    through(scenario)


def test_a_client_that_reads_nothing_holds_the_upstream_back():
    async def scenario(gateway):
        sent = 0
        stuck = asyncio.Event()

        async def respond(_reader, writer):
            nonlocal sent
            writer.transport.set_write_buffer_limits(high=65536)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n")
            while sent < 256:
                writer.write(b"x" * 1048576)
                try:
                    await asyncio.wait_for(writer.drain(), 1)
                except TimeoutError:
                    stuck.set()
                    return
                sent += 1

        gateway.backend.answer = respond
        _, writer = await gateway.open()
        writer.write(gateway.raw())
        await asyncio.wait_for(stuck.wait(), 15)
        assert sent < 64
        writer.close()

    through(scenario)


@pytest.mark.parametrize("moment", ["before the answer", "while streaming"])
def test_a_client_that_goes_away_ends_the_upstream_exchange(moment):
    async def scenario(gateway):
        arrived = asyncio.Event()

        async def respond(reader, writer):
            if moment == "while streaming":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
                await writer.drain()
            arrived.set()
            assert await reader.read() == b""

        gateway.backend.answer = respond
        reader, writer = await gateway.open()
        writer.write(gateway.raw())
        await arrived.wait()
        if moment == "while streaming":
            await reader.readuntil(b"x\r\n")
        writer.close()
        await asyncio.wait_for(gateway.backend.closed.wait(), 5)

    through(scenario)


def test_a_client_that_goes_away_within_its_body_never_completes_it():
    async def scenario(gateway):
        received = b""
        arrived = asyncio.Event()

        async def respond(reader, _writer):
            nonlocal received
            arrived.set()
            received = await reader.read()

        gateway.backend.answer = respond
        _, writer = await gateway.open()
        writer.write(post(gateway, ("transfer-encoding", "chunked")) + b"4\r\nhalf\r\n")
        await arrived.wait()
        writer.close()
        await asyncio.wait_for(gateway.backend.closed.wait(), 5)
        assert b"0\r\n\r\n" not in received

    through(scenario)


def test_a_client_that_goes_away_after_its_body_ends_the_exchange():
    async def scenario(gateway):
        arrived = asyncio.Event()

        async def respond(reader, _writer):
            await reader.readexactly(2)
            arrived.set()
            assert await reader.read() == b""

        gateway.backend.answer = respond
        _, writer = await gateway.open()
        writer.write(post(gateway, ("content-length", "2"), body=b"{}"))
        await arrived.wait()
        writer.close()
        await asyncio.wait_for(gateway.backend.closed.wait(), 5)

    through(scenario)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
def test_an_answer_cut_short_is_no_clean_end(sent):
    async def scenario(gateway):
        gateway.backend.answer = reply(sent, then=lambda: asyncio.sleep(0.05))
        reader, writer = await gateway.open()
        writer.write(gateway.raw())
        received = await reader.read()  # to the end: the connection is cut
        writer.close()
        assert received.endswith((b"half", b"half\r\n"))
        assert not received.endswith(b"0\r\n\r\n")

    through(scenario)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 2",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Big: " + b"x" * 100_000 + b"\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Bad: a\x01b\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Bad: a\r\nX-Bad: a\x01b\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
)
def test_an_upstream_that_answers_nonsense_is_a_502(sent):
    async def scenario(gateway):
        gateway.backend.answer = reply(sent)
        assert (await gateway.ask())[0] == 502
        assert (await gateway.ask("/weather/about", token=None))[0] == 502

    through(scenario)


@pytest.mark.parametrize("part", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"X-A: b\r\n"], ids=["1xx", "fields"])
def test_an_upstream_that_never_comes_to_its_answer_is_a_502(part):
    async def scenario(gateway):
        async def respond(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\n" if part.startswith(b"X") else b"")
            while not writer.is_closing():
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)

        gateway.backend.answer = respond
        assert (await gateway.ask())[0] == 502
        gateway.backend.answer = reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 16 + OK)
        assert (await gateway.ask())[0] == 200

    through(scenario)


def test_an_upstream_that_is_not_there_is_a_502():
    async def scenario(gateway):
        gateway.world.engine.policy = Policy(apis("http://127.0.0.1:1"))
        assert (await gateway.ask())[0] == 502

    through(scenario)


def test_an_upstream_that_says_nothing_is_a_504():
    async def scenario(gateway):
        gateway.backend.answer = reply(b"", then=lambda: asyncio.sleep(5))
        assert (await gateway.ask())[0] == 504

    through(scenario, read=0.2)


def test_a_body_above_the_limit_is_a_413_and_the_upstream_never_has_it_whole():
    async def scenario(gateway):
        assert (await gateway.send(post(gateway, ("content-length", "101"))))[0] == 413  # before any of it
        assert gateway.backend.requests == 0
        received = b""

        async def respond(reader, _writer):
            nonlocal received
            received = await reader.read()

        gateway.backend.answer = respond
        chunks = b"".join(b"32\r\n" + b"x" * 50 + b"\r\n" for _ in range(3)) + b"0\r\n\r\n"
        assert (await gateway.send(post(gateway, ("transfer-encoding", "chunked"), body=chunks)))[0] == 413
        await asyncio.wait_for(gateway.backend.closed.wait(), 5)
        assert not received.endswith(b"0\r\n\r\n")
        gateway.backend.answer = None
        assert (await gateway.send(post(gateway, ("content-length", "100"), body=b"x" * 100)))[0] == 200

    through(scenario, body=100)


def test_expect_is_answered_here():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        writer.write(post(gateway, ("content-length", "2"), ("expect", "100-continue")))
        assert b"100 Continue" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(b"{}")
        assert (await answer(reader))[0] == 200
        writer.close()
        assert gateway.backend.header("expect") == []
        assert gateway.backend.bodies == [b"{}"]

    through(scenario)


@pytest.mark.parametrize(
    ("sent", "method", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", 204),
        (b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n', "GET", 304),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 200),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "GET", 302),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, "GET", 200),
    ],
)
def test_answers_without_a_body_and_redirects_pass_as_they_are(sent, method, expected):
    async def scenario(gateway):
        gateway.backend.answer = reply(sent)
        status, headers, _ = await gateway.ask(method=method)
        assert status == expected
        assert ("content-length" in dict(headers)) == (status not in {204, 304})
        if method == "HEAD":
            assert ("content-length", "5") in headers

    through(scenario)


def test_an_answer_loses_what_belongs_to_its_connection_and_nothing_else():
    async def scenario(gateway):
        body = gzip.compress(b"data")
        gateway.backend.answer = reply(
            b"HTTP/1.1 200 OK\r\nServer: secretware/1.0\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Hop: 1\r\n"
            b"Connection: close, X-Hop, Set-Cookie, Content-Length\r\n"
            b"Keep-Alive: timeout=5\r\nProxy-Authenticate: x\r\n"
            b"Content-Encoding: gzip\r\n"
            b"X-Kept: caf\xc3\xa9\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        status, headers, received = await gateway.ask()
        assert (status, received) == (200, body)
        names = sorted(name for name, _ in headers)
        kept = ["content-encoding", "content-length", "date", "set-cookie", "set-cookie", "x-kept"]
        assert names == [*kept, "x-request-id"]

    through(scenario)


def test_a_backend_cannot_set_our_cookies():
    async def scenario(gateway):
        planted = ("tokenward-session=x", "__Host-Tokenward-session=x; Secure", "=tokenward=x", "mine=1")
        gateway.backend.answer = reply(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
            + b"".join(b"Set-Cookie: %s\r\n" % cookie.encode() for cookie in planted)
            + b"\r\n"
        )
        _, headers, _ = await gateway.ask()
        assert [value for name, value in headers if name == "set-cookie"] == ["mine=1"]

    through(scenario)


@pytest.mark.parametrize(
    "first",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_an_upstream_says_unasked_answers_nobody(first):
    async def scenario(gateway):
        asked = 0
        heard = asyncio.Event()

        async def respond(_reader, writer):
            nonlocal asked
            asked += 1
            writer.write(first if asked == 1 else OK)
            await writer.drain()
            if asked == 1:
                await heard.wait()  # the connection is back in the pool by then
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalien")
                await writer.drain()

        gateway.backend.answer = respond
        await gateway.ask()
        heard.set()
        await asyncio.sleep(0.1)
        assert (await gateway.ask())[2] == b"ok"
        assert gateway.backend.connections == 2

    through(scenario)


def test_a_client_that_does_not_send_its_body_is_let_go():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        writer.write(post(gateway, ("content-length", "4")) + b"ha")
        assert (await answer(reader))[0] == 408
        await asyncio.wait_for(gateway.backend.closed.wait(), 5)
        writer.close()

    through(scenario, client=0.2)


def test_a_client_that_sends_its_body_slowly_is_not():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        writer.write(post(gateway, ("content-length", "4")))
        for letter in (b"s", b"l", b"o", b"w"):
            await asyncio.sleep(0.2)
            writer.write(letter)
        assert (await answer(reader))[0] == 200
        assert gateway.backend.bodies == [b"slow"]
        writer.close()

    through(scenario, client=0.5, read=0.3)


def test_a_client_that_does_not_take_the_answer_is_let_go():
    async def scenario(gateway):
        async def respond(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n")
            while True:
                writer.write(b"x" * 1048576)
                await writer.drain()

        gateway.backend.answer = respond
        _, writer = await gateway.open()
        writer.transport.pause_reading()
        writer.write(gateway.raw())
        await asyncio.wait_for(gateway.backend.closed.wait(), 10)
        writer.transport.abort()

    through(scenario, client=0.3)


def test_an_api_whose_connections_are_all_held_does_not_hold_up_another():
    async def scenario(gateway):
        elsewhere = await asyncio.start_server(gateway.backend.serve, "127.0.0.1", 0)
        port = elsewhere.sockets[0].getsockname()[1]
        (weather, *_), (_, bank, *_) = apis(f"http://127.0.0.1:{port}"), gateway.world.policy.apis
        gateway.world.engine.policy = Policy((weather, bank))
        reader, writer = await gateway.open()
        writer.write(post(gateway, ("content-length", "4")))
        await asyncio.sleep(0.1)
        assert (await gateway.ask())[0] == 504
        assert (await gateway.ask("/weather/about", token=None))[0] == 200
        writer.write(b"done")
        assert (await answer(reader))[0] == 200
        writer.close()
        elsewhere.close()

    through(scenario, connections=1, wait=0.3)


def test_a_bare_proxy_is_the_forwarder_alone_and_hears_of_a_cut():
    async def scenario(gateway):
        async def ask():
            sent = []

            async def receive():
                return await asyncio.Event().wait()

            async def send(message):
                sent.append(message)

            scope = {"type": "http", "method": "GET", "query_string": b"q=1", "headers": []}
            pool = Pool((f"http://127.0.0.1:{gateway.backend.port}",))
            try:
                await forwarder.forward(scope, receive, send, pool=pool, path="/p", headers=[("x-a", "b")])
            finally:
                statuses.append(sent[0]["status"])

        statuses = []
        forwarder = Forwarder()
        await ask()
        gateway.backend.answer = reply(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        with pytest.raises(UpstreamTruncated):
            await ask()
        await forwarder.close()
        assert statuses == [200, 200]
        host = f"127.0.0.1:{gateway.backend.port}".encode()
        head = b"GET /p?q=1 HTTP/1.1\r\nHost: " + host + b"\r\nx-a: b\r\n\r\n"
        assert gateway.backend.heads == [head, head]

    through(scenario)


def test_the_environment_names_no_proxy_for_upstreams(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")

    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200

    through(scenario)


def test_a_cookie_that_an_upstream_sets_goes_to_its_client_alone():
    async def scenario(gateway):
        # By a name: aiohttp's own cookie jar would not keep those of an address.
        policy = Policy(apis(f"http://localhost:{gateway.backend.port}"))
        gateway.world.engine.policy = policy
        gateway.backend.answer = reply(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n"
        )
        for _ in range(2):
            assert ("set-cookie", "a=1; Path=/") in (await gateway.ask())[1]
            assert gateway.backend.header("cookie") == []

    through(scenario)


@pytest.mark.parametrize(
    "framing",
    [
        [("content-length", "2"), ("content-length", "2")],
        [("content-length", "2"), ("transfer-encoding", "chunked")],
        [("content-length", "+2")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "gzip, chunked")],
    ],
)
def test_ambiguous_framing_is_refused_also_behind_a_server_that_lets_it_through(framing):
    async def ask():
        headers = [(name.encode(), value.encode()) for name, value in framing]
        scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
        forwarder = Forwarder()
        try:
            pool = Pool(("http://127.0.0.1:1",))
            await forwarder.forward(scope, None, None, pool=pool, path="/", headers=[])
        finally:
            await forwarder.close()

    with pytest.raises(Refusal, match="malformed_request"):
        asyncio.run(ask())


def test_upstream_connections_are_used_again():
    async def scenario(gateway):
        for _ in range(5):
            assert (await gateway.ask())[0] == 200
            assert (await gateway.send(post(gateway, ("content-length", "2"), body=b"{}")))[0] == 200
        assert gateway.backend.connections == 1

    through(scenario)


def test_an_answer_without_a_length_lasts_until_its_connection_closes():
    # RFC 9112 §6.3 (8).
    async def scenario(gateway):
        gateway.backend.answer = reply(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        status, _, body = await gateway.ask()
        assert (status, body) == (200, b"to the end")

    through(scenario)


def test_an_answer_to_head_leaves_its_connection_to_the_next_call():
    async def scenario(gateway):
        async def respond(_reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            await writer.drain()

        gateway.backend.answer = respond
        for _ in range(2):
            assert (await gateway.ask(method="HEAD"))[0] == 200
        assert gateway.backend.connections == 1

    through(scenario)


def test_a_connection_on_which_nothing_could_be_sent_is_let_go():
    async def scenario():
        backend = Backend()
        server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        limits = Limits(connections=1)
        session = connections(timeout=limits.timeout, most=limits.connections)
        same = {"body": None, "timeout": limits.timeout}
        with pytest.raises(ValueError, match="control character"):
            await begin(session, "GET", url, headers=[("name", "two\r\nlines")], **same)
        async with await asyncio.wait_for(begin(session, "GET", url, headers=[], **same), 1) as response:
            assert await response.read() == b"ok"
        await session.close()
        server.close()
        backend.close()

    asyncio.run(scenario())


def test_a_request_gets_no_header_that_nobody_gave_it():
    # What aiohttp adds by itself: what a client accepts, and what its body is.
    async def scenario(gateway):
        headers = [("authorization", "Bearer {writer}"), ("content-length", "2")]
        await gateway.send(gateway.raw("/bank/transfers", "POST", headers, body=b"{}"))
        assert gateway.backend.bodies == [b"{}"]
        for name in ("accept", "accept-encoding", "content-type", "user-agent"):
            assert gateway.backend.header(name) == []

    through(scenario)


def test_a_keep_alive_connection_carries_several_requests():
    async def scenario(gateway):
        reader, writer = await gateway.open()
        for _ in range(3):
            writer.write(gateway.raw())
            assert (await answer(reader))[0] == 200
        writer.write(gateway.raw(token=None))
        assert (await answer(reader))[0] == 401
        writer.write(post(gateway, ("content-length", "2"), body=b"{}"))
        assert (await answer(reader))[0] == 200
        writer.close()

    through(scenario)


def test_a_call_leaves_nothing_behind_for_the_cycle_collector():
    # Where a call left itself in a cycle, collecting those cost a tenth of all calls.
    async def scenario(gateway):
        reader, writer = await gateway.open()

        async def call():
            writer.write(gateway.raw())
            await answer(reader)

        await call()
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(5):
                await call()
            gc.collect()
            left = {type(each).__name__ for each in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert {"Transfer", "Held", "Task", "RequestResponseCycle"}.isdisjoint(left)
        writer.close()

    through(scenario)
