"""What the listeners do to bytes that no well-meaning client sends; over real sockets."""

import asyncio
import contextlib
import json
import socket
import threading
from urllib.parse import quote

import pytest

from certificates import certificate
from tokenward.app import listener
from tokenward.app.listener import HEAD_LIMIT, Listener, bind
from tokenward.base.asgi import client_certificate, respond

SOON = 0.3


async def _mirror(scope, receive, send):
    """Says what it was sent, once it has all of it; `/early` answers at once, `/later` after a while."""
    if scope["path"] == "/early":
        await respond(send, 403)
        return
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"] == "/later":
        await asyncio.sleep(3 * SOON)
    names = sorted(name.decode() for name, _ in scope["headers"])
    await respond(send, 200, json.dumps({"headers": names, "body": body.decode()}).encode())


@contextlib.contextmanager
def _listening(*, streams):
    sock = bind("127.0.0.1", 0)
    address = sock.getsockname()
    ready = threading.Event()
    handles = {}

    async def serve():
        handles["loop"], handles["stop"] = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await Listener(_mirror, sock, streams=streams).run_until(handles["stop"])

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield address
    finally:
        handles["loop"].call_soon_threadsafe(handles["stop"].set)
        thread.join(20)
        sock.close()


@pytest.fixture(params=[True, False], ids=["streams", "short bodies"])
def address(request):
    with _listening(streams=request.param) as where:
        yield where


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(listener, "REQUEST_SECONDS", SOON)


def _until_closed(sock):
    """All that comes until the server closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65_536):
            received += part
    return received


def _exchange(address, *parts):
    """Send, and read until the server closes; parts after the first are sent while it lets us."""
    with socket.create_connection(address, timeout=10) as sock:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                sock.sendall(part)
        return _until_closed(sock)


def _send_for_ever(sock, part):
    for _ in range(2000):
        sock.sendall(part)


def _body(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


HOST = b"Host: here\r\n"
CLOSE = b"Connection: close\r\n"


def test_trailer_fields_are_no_header_fields(address):
    answer = _exchange(
        address,
        b"POST / HTTP/1.1\r\n" + HOST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
        b"2\r\nhi\r\n0\r\nAuthorization: Bearer planted\r\nX-User: root\r\n\r\n",
    )
    assert _body(answer) == {"headers": ["connection", "host", "transfer-encoding"], "body": "hi"}


@pytest.mark.parametrize("part", [b"X-Abc: def\r\n" * 1000, b"X: " + b"a" * 10_000], ids=["many", "one long"])
def test_a_trailer_section_without_end_is_cut_off(address, part):
    head = b"POST /early HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(head)
        with pytest.raises(ConnectionError):
            _send_for_ever(sock, part)


def test_many_small_chunks_are_no_trailer_section(address):
    chunks = b"1\r\na\r\n" * (HEAD_LIMIT // 2)
    answer = _exchange(
        address,
        b"POST / HTTP/1.1\r\n" + HOST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n",
    )
    assert _body(answer)["body"] == "a" * (HEAD_LIMIT // 2)


@pytest.mark.parametrize("rest", [b"", b"\r\n\r\n"], ids=["without end", "whole"])
def test_a_head_over_the_limit_is_refused(address, rest):
    answer = _exchange(address, b"GET / HTTP/1.1\r\n" + HOST + b"X: ", *[b"a" * 4096] * 200, rest)
    assert answer[:13] in (b"HTTP/1.1 431 ", b"HTTP/1.1 400 ", b"")  # a reset may overtake the answer


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Host: there\r\n",
        b"GET / HTTP/1.0\r\n" + HOST + b"Host: there\r\n",
        b"GET /\r\n",
        b"GET /#f HTTP/1.1\r\n" + HOST,
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"CONNECT there:443 HTTP/1.1\r\n" + HOST,
    ],
    ids=["no Host", "two", "two in 1.0", "HTTP/0.9", "fragment", "CL and TE", "CONNECT"],
)
def test_an_ambiguous_head_is_refused(address, head):
    assert _exchange(address, head + b"\r\n").startswith(b"HTTP/1.1 400 ")


def test_http_1_0_needs_no_host(address):
    assert _exchange(address, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_is_ignored_and_nothing_after_it_is_read(address):
    upgrade = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = _exchange(address, upgrade + b"GET /second HTTP/1.1\r\n" + HOST + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_head_that_trickles_is_cut_off(hurried, address):
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"GET / HT")
        assert _until_closed(sock).startswith(b"HTTP/1.1 408 ")


def test_an_empty_line_does_not_hold_an_idle_connection(hurried, address):
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"POST /early HTTP/1.1\r\n" + HOST + b"\r\n")
        assert sock.recv(65_536).startswith(b"HTTP/1.1 403 ")
        sock.sendall(b"\r\n")
        assert _until_closed(sock).startswith(b"HTTP/1.1 408 ")


def test_an_empty_line_may_stand_before_a_request(hurried, address):
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"GET /early HTTP/1.1\r\n" + HOST + b"\r\n")
        assert sock.recv(65_536).startswith(b"HTTP/1.1 403 ")
        sock.sendall(b"\r\nGET /later HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")
        assert _until_closed(sock).startswith(b"HTTP/1.1 200 ")


def test_a_second_head_that_trickles_never_falls_into_the_first_answer(hurried, address):
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"GET /later HTTP/1.1\r\n" + HOST + b"\r\nGET / HT")
        assert b"408" not in _until_closed(sock)


def test_a_body_that_trickles_is_cut_off_where_bodies_are_short(hurried):
    with _listening(streams=False) as address, socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc")
        assert _until_closed(sock) == b""


def test_a_body_may_take_its_time_where_bodies_stream(hurried):
    with _listening(streams=True) as address, socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\n" + HOST + CLOSE + b"Content-Length: 6\r\n\r\nabc")
        sock.settimeout(2 * SOON)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(10)
        sock.sendall(b"def")
        assert _body(_until_closed(sock))["body"] == "abcdef"


def test_after_the_answer_the_rest_of_a_request_may_not_trickle(hurried, address):
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc")
        assert _until_closed(sock).startswith(b"HTTP/1.1 403 ")


class _Wire:
    """A transport that only notes what is asked of it."""

    def __init__(self):
        self.acts = []
        self.closing = False

    def write(self, data):
        self.acts.append(bytes(data))

    def close(self):
        self.closing = True
        self.acts.append("close")

    def is_closing(self):
        return self.closing


def _gathered(act):
    """What reaches the wire when `act` is done to a gathering transport in front of it."""
    wire = _Wire()

    async def run():
        await act(listener._Gathering(wire, asyncio.get_running_loop()), wire)
        await asyncio.sleep(0)

    asyncio.run(run())
    return wire.acts


def test_what_is_written_in_one_turn_leaves_in_one_piece():
    async def act(gathering, wire):
        gathering.write(b"head ")
        gathering.write(b"body")
        assert wire.acts == []
        await asyncio.sleep(0)
        gathering.write(b"next")

    assert _gathered(act) == [b"head body", b"next"]


def test_what_was_written_leaves_before_the_connection_closes():
    async def act(gathering, _wire):
        gathering.write(b"last words")
        gathering.close()
        gathering.write(b"too late")

    assert _gathered(act) == [b"last words", "close"]


def test_much_leaves_at_once_so_that_a_slow_reader_is_felt():
    async def act(gathering, wire):
        gathering.write(b"a" * listener.GATHERED)
        gathering.write(b"b")
        assert [len(each) for each in wire.acts] == [listener.GATHERED + 1]

    _gathered(act)


def test_at_the_end_the_door_is_told_first_and_running_requests_are_answered():
    async def scenario():
        order, stop, free = [], asyncio.Event(), asyncio.Event()

        async def app(_scope, _receive, send):
            order.append("asked")
            await free.wait()
            await respond(send, 200, b"done")

        def told():
            order.append("told")
            with socket.create_connection(address, timeout=5):
                order.append("still listening")

        sock = bind("127.0.0.1", 0)
        address = sock.getsockname()
        serving = asyncio.create_task(Listener(app, sock, grace=10, on_stop=told).run_until(stop))
        reader, writer = await asyncio.open_connection(*address)
        idle, idler = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        while not order:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0.01)
        stop.set()
        assert await idle.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        free.set()
        received = await reader.read()
        assert received.endswith(b"done")
        assert b"connection: close\r\n" in received
        await serving
        for each in (writer, idler):
            each.close()
            await each.wait_closed()
        sock.close()
        assert order[:3] == ["asked", "told", "still listening"]

    asyncio.run(scenario())


def test_a_request_that_takes_longer_than_it_may_is_cut_off():
    async def scenario():
        stop, asked = asyncio.Event(), asyncio.Event()

        async def app(_scope, _receive, _send):
            asked.set()
            await asyncio.Event().wait()

        sock = bind("127.0.0.1", 0)
        serving = asyncio.create_task(Listener(app, sock, grace=1).run_until(stop))
        _, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await asked.wait()
        stop.set()
        await asyncio.wait_for(serving, 10)
        writer.close()
        await writer.wait_closed()
        sock.close()

    asyncio.run(scenario())


def test_whoever_may_open_a_unix_socket_is_believed_who_its_clients_are(tmp_path):
    """Otherwise all of them would be one: one address for throttles, limits and logs, and no certificate."""
    held, heard = certificate(), []

    async def app(scope, _receive, send):
        heard.append((scope["client"][0], scope["scheme"], client_certificate(scope)))
        await respond(send, 204)

    async def scenario():
        sock, stop = socket.socket(socket.AF_UNIX), asyncio.Event()
        sock.bind(str(tmp_path / "gateway"))
        sock.listen()
        served = Listener(app, sock, certificate_header="X-Tokenward-Certificate")
        task = asyncio.create_task(served.run_until(stop))
        await served.listening.wait()
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "gateway"))
        told = f"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n{{}}: {quote(held.pem)}"
        for name in ("X-Tokenward-Certificate", "X_Tokenward_Certificate"):
            writer.write(f"GET / HTTP/1.1\r\nHost: a\r\n{told.format(name)}\r\n\r\n".encode())
            status = (await reader.readuntil(b"\r\n\r\n")).split()[1]
            assert status == (b"204" if "-" in name else b"400")
        writer.close()
        stop.set()
        await task

    asyncio.run(scenario())
    assert heard == [("192.0.2.7", "https", held.der)]
