"""The listener for engines: who may ask, and what it makes of bytes on a connection."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
import uvloop

from certificates import certificate, certificate_authority
from tokenward.app.decision_listener import DecisionListener
from tokenward.app.tls import ServerTls
from tokenward.base.addresses import LOOPBACK
from tokenward.gateway.contract.operation import MAX_BODY
from tokenward.gateway.doors.answers import Answer

GET = b"GET /decide/head/a HTTP/1.1\r\nHost: api.example\r\n\r\n"


class Asking:
    """Answers with what was asked, and notes it."""

    def __init__(self):
        self.asked = []
        self.gate = None
        self.fault = None
        self.body = b""
        self.made = 0
        self.reached, self.both = asyncio.Event(), asyncio.Event()

    async def __call__(self, asked):
        self.asked.append(asked)
        self.reached.set()
        if self.fault is not None:
            raise self.fault
        if self.gate is not None:
            await self.gate.wait()
        self.made += 1
        if self.made == 2:
            self.both.set()
        return Answer(200, ((b"tokenward-decision", b"allow"),), self.body)


def listening(scenario, tmp_path, *, tcp=False, loop=asyncio.run, **more):
    """Run `scenario(asking, address, stop, task)` beside a listener."""

    async def run():
        asking, stop = Asking(), asyncio.Event()
        if tcp:
            sock = socket.socket()
            sock.bind(("127.0.0.1", 0))
            address = sock.getsockname()
        else:
            sock = socket.socket(socket.AF_UNIX)
            address = str(tmp_path / "decisions")
            sock.bind(address)
        sock.listen()
        listener = DecisionListener(asking, sock, **more)
        task = asyncio.create_task(listener.run_until(stop))
        await listener.listening.wait()
        try:
            await asyncio.wait_for(scenario(asking, address, stop, task), 20)
        finally:
            stop.set()
            await task

    loop(run())


@contextlib.asynccontextmanager
async def connected(address, **more):
    if isinstance(address, str):
        reader, writer = await asyncio.open_unix_connection(address, **more)
    else:
        reader, writer = await asyncio.open_connection(*address, **more)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    told = dict(line.lower().split(": ", 1) for line in head[1:-2])
    body = await reader.readexactly(int(told.get("content-length", 0)))
    return int(head[0].split()[1]), told, body


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_requests_of_one_connection_are_answered_in_their_order(tmp_path, loop):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            body = b"POST /decide/whole/b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-A: 1\r\n\r\nbody"
            writer.write(GET + body + GET)
            assert [(await answer(reader))[0] for _ in range(3)] == [200, 200, 200]
        targets = [each.target for each in asking.asked]
        assert targets == [b"/decide/head/a", b"/decide/whole/b?c=d", b"/decide/head/a"]
        assert asking.asked[1] == (
            "POST",
            b"/decide/whole/b?c=d",
            [(b"host", b"a"), (b"content-length", b"4"), (b"x-a", b"1")],
            b"body",
        )

    listening(scenario, tmp_path, loop=loop)
    # Another process may be listening there still.
    assert (tmp_path / "decisions").is_socket()


def test_a_request_may_come_byte_by_byte(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            for byte in GET:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            assert (await answer(reader))[0] == 200
        assert asking.asked[0].target == b"/decide/head/a"

    listening(scenario, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /decide/head/a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n",
        b"GET /decide/head/a HTTP/1.1\r\nBad Name: a\r\n\r\n",
        b"GET /decide/head/a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /decide/head/a b HTTP/1.1\r\n\r\n",
        b"GET /decide/head/a HTTP/1.1\r\nX-A: a\x00b\r\n\r\n",
        b"GET /decide/head/" + b"a" * 80_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /decide/head/a HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(30_000)) + b"\r\n",
    ],
    ids=["folded", "name", "framing", "line", "NUL", "long target", "many headers"],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(tmp_path, raw):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(raw)
            status, told, _ = await answer(reader)
            assert (status, told["tokenward-decision"]) == (400, "deny")
            assert (told["content-type"], told["connection"]) == ("application/problem+json", "close")
            with contextlib.suppress(ConnectionError):  # what it has sent beyond was not read
                assert await reader.read() == b""
        assert asking.asked == []

    listening(scenario, tmp_path)


def test_a_body_longer_than_anybody_reads_is_refused(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            head = b"POST /decide/whole/a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % (MAX_BODY + 1) + bytes(MAX_BODY + 1))
            status, told, _ = await answer(reader)
            assert (status, told["tokenward-decision"]) == (413, "deny")
            writer.write(head % MAX_BODY + bytes(MAX_BODY))
            assert (await answer(reader))[0] == 200
        assert [len(each.body) for each in asking.asked] == [MAX_BODY]

    listening(scenario, tmp_path)


def test_head_is_answered_without_a_body(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(GET.replace(b"GET", b"HEAD") + GET)
            assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]

    listening(scenario, tmp_path)


def test_whoever_is_not_named_is_not_answered(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(GET)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert asking.asked == []

    listening(scenario, tmp_path, tcp=True, peers=())


def test_whoever_is_named_is_answered(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(GET)
            assert (await answer(reader))[0] == 200

    listening(scenario, tmp_path, tcp=True, peers=LOOPBACK)


def test_over_tls_only_engines_with_a_certificate_of_their_ca_are_answered(tmp_path):
    ours, theirs = certificate_authority(), certificate_authority("CN=Other CA")
    own, key = certificate("CN=gateway").write(tmp_path, "server")
    tls = ServerTls(Path(own), Path(key), client_authorities=[ours.der])

    def context(issuer=None):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        if issuer is not None:
            made.load_cert_chain(*certificate("CN=engine", issuer=issuer).write(tmp_path, "engine"))
        return made

    async def scenario(asking, address, *_):
        async with connected(address, ssl=context(ours)) as (reader, writer):
            writer.write(GET)
            assert (await answer(reader))[0] == 200
        for stranger in (context(), context(theirs)):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                async with connected(address, ssl=stranger) as (reader, writer):
                    writer.write(GET)
                    assert await reader.read() == b""
        assert len(asking.asked) == 1

    listening(scenario, tmp_path, tcp=True, peers=LOOPBACK, tls=tls)


def test_who_has_connected_is_answered_while_it_ends_and_told_to_go(tmp_path):
    async def scenario(asking, address, stop, task):
        asking.gate = asyncio.Event()
        async with connected(address) as (reader, writer), connected(address) as (idle, _):
            writer.write(GET)
            await asking.reached.wait()
            stop.set()
            asking.gate.set()
            status, told, _ = await answer(reader)
            assert (status, told["connection"]) == (200, "close")
            assert await reader.read() == b""
            await task
            assert await idle.read() == b""

    listening(scenario, tmp_path, grace=0.5)


def test_a_connection_that_is_used_once_more_is_answered_once_more(tmp_path):
    async def scenario(asking, address, stop, task):
        async with connected(address) as (reader, writer):
            writer.write(GET)
            await answer(reader)
            stop.set()
            await asyncio.sleep(0)
            writer.write(GET)
            status, told, _ = await answer(reader)
            assert (status, told["connection"]) == (200, "close")
            await task

    listening(scenario, tmp_path, grace=10)


def test_trailer_fields_are_no_header_fields(tmp_path):
    """No engine looked at them as that, so one could name a certificate that nobody proved."""

    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            head = b"POST /decide/whole/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            writer.write(head + b"1\r\na\r\n0\r\nX-Tokenward-Certificate: forged\r\n\r\n" + GET)
            assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
        assert asking.asked[0].headers == [(b"host", b"a"), (b"transfer-encoding", b"chunked")]
        assert asking.asked[0].body == b"a"
        assert asking.asked[1].headers == [(b"host", b"api.example")]

    listening(scenario, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        GET.replace(b"GET", b"CONNECT"),
    ],
    ids=["upgrade", "CONNECT"],
)
def test_what_offers_an_upgrade_gets_one_answer_and_is_the_last(tmp_path, raw):
    """A second would be taken for the answer to somebody else's request."""

    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(raw + b"what follows")
            status, told, _ = await answer(reader)
            assert (status, told["connection"]) == (200, "close")
            assert await reader.read() == b""
        assert len(asking.asked) == 1

    listening(scenario, tmp_path)


def test_a_refusal_of_head_has_no_body(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            head = b"HEAD /decide/whole/a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % (MAX_BODY + 1) + bytes(MAX_BODY + 1) + GET)
            first = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
            assert first.startswith(b"HTTP/1.1 413 ")
            assert (await answer(reader))[0] == 200

    listening(scenario, tmp_path)


def test_a_fault_of_the_door_is_answered_and_no_decision(tmp_path, caplog):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            asking.fault = RuntimeError("Bearer secret")
            writer.write(GET)
            status, told, _ = await answer(reader)
            assert (status, "tokenward-decision" in told) == (503, False)
            asking.fault = None
            writer.write(GET)
            assert (await answer(reader))[0] == 200

    listening(scenario, tmp_path)
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_field_without_end_is_refused_before_it_is_whole(tmp_path):
    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(b"GET /decide/head/a HTTP/1.1\r\nHost: a\r\nX-A: ")
            for _ in range(64):
                writer.write(b"a" * 16_384)
            status, told, _ = await answer(reader)
            assert (status, told["tokenward-decision"]) == (400, "deny")
        assert asking.asked == []

    listening(scenario, tmp_path)


def test_who_takes_no_answers_is_given_no_more_of_them(tmp_path):
    async def scenario(asking, address, *_):
        asking.body = bytes(1 << 20)
        async with connected(address) as (reader, writer):
            writer.write(GET * 64)
            await asyncio.wait_for(asking.reached.wait(), 5)
            for _ in range(200):
                await asyncio.sleep(0)
            begun = len(asking.asked)
            assert begun < 8
            assert [(await answer(reader))[0] for _ in range(64)] == [200] * 64
        assert len(asking.asked) == 64

    listening(scenario, tmp_path)


def test_a_decision_that_was_begun_is_made_though_nobody_waits_for_it(tmp_path):
    """What it uses up may be good once, and has to be stored anew: a refresh token."""

    async def scenario(asking, address, *_):
        asking.gate = asyncio.Event()
        async with connected(address) as (_, writer):
            writer.write(GET)
            await asking.reached.wait()
            writer.transport.abort()
        async with connected(address) as (reader, writer):  # by its answer, the loss is known
            asking.gate, gate = None, asking.gate
            writer.write(GET)
            await answer(reader)
        assert asking.made == 1
        gate.set()
        await asyncio.wait_for(asking.both.wait(), 5)

    listening(scenario, tmp_path)


def test_what_is_being_decided_at_the_end_is_answered(tmp_path):
    async def scenario(asking, address, stop, task):
        asking.gate = asyncio.Event()
        async with connected(address) as (reader, writer), connected(address) as (idle, _):
            writer.write(GET)
            await asking.reached.wait()
            stop.set()
            assert await idle.read() == b"", "its grace is over"
            assert not task.done()
            asking.gate.set()
            assert (await answer(reader))[0] == 200
            await task

    listening(scenario, tmp_path, grace=1)


@pytest.mark.parametrize(
    ("before", "part"), [(b"", b"\r\n"), (b"", GET[:9]), (b"", GET[:-2]), (GET, GET[:9]), (GET, GET[:-2])]
)
def test_a_request_that_does_not_become_whole_in_its_time_ends_the_connection(
    tmp_path, monkeypatch, before, part
):
    monkeypatch.setattr("tokenward.app.decision_listener.REQUEST_SECONDS", 0.2)

    async def scenario(asking, address, *_):
        async with connected(address) as (reader, writer):
            writer.write(before + part)
            if before:
                assert (await answer(reader))[0] == 200
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
        assert len(asking.asked) == bool(before)

    listening(scenario, tmp_path)


def test_a_connection_may_wait_for_its_next_request_longer_than_one_may_take_to_come(tmp_path, monkeypatch):
    monkeypatch.setattr("tokenward.app.decision_listener.REQUEST_SECONDS", 0.1)

    async def scenario(_asking, address, *_):
        async with connected(address) as (reader, writer):
            for parts in ((GET,), (GET[:9], GET[9:]), (GET,)):
                for part in parts:
                    writer.write(part)
                    await asyncio.sleep(0.01)
                assert (await answer(reader))[0] == 200
                await asyncio.sleep(0.3)

    listening(scenario, tmp_path)
