"""What the TLS listener does with HTTP/2 that no well-meaning client sends; over real sockets."""

import asyncio
import contextlib
import json
import ssl
import subprocess

import httpx
import pytest
import uvloop
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    ExtensionFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http2_client import GET, POST, SERVER, client_context, connected, listening
from tokenward.app import http2
from tokenward.app.http2_stream import BadHead, request_scope
from tokenward.base.asgi import respond

CALM = ErrorCodes.ENHANCE_YOUR_CALM
SOON = 0.3


class App:
    """Says what it was sent; some paths make it do something else. Counts what it is told."""

    def __init__(self):
        self.calls = 0
        self.running = 0
        self.most = 0
        self.gone = 0
        self.sent = 0
        self.free = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await getattr(self, scope["path"][1:], self.mirror)(scope, receive, send)
        finally:
            self.running -= 1

    async def mirror(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body += message["body"]
            if not message["more_body"]:
                break
        told = {key: scope[key] for key in ("method", "path", "scheme", "http_version")}
        told |= {"raw_path": scope["raw_path"].decode(), "query": scope["query_string"].decode()}
        told |= {"headers": [[name.decode(), value.decode()] for name, value in scope["headers"]]}
        await respond(send, 200, json.dumps(told | {"body": body.decode()}).encode())

    async def wait(self, _scope, receive, send):
        gone = asyncio.create_task(self._until_gone(receive))
        free = asyncio.create_task(self.free.wait())
        await asyncio.wait({gone, free}, return_when=asyncio.FIRST_COMPLETED)
        if free.done():
            await respond(send, 200, b"waited")
        gone.cancel()
        free.cancel()

    async def _until_gone(self, receive):
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone += 1

    async def endless(self, _scope, receive, send):
        watching = asyncio.create_task(self._until_gone(receive))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while self.sent < 20_000 and not self.gone:
            await send({"type": "http.response.body", "body": b"x" * 16_384, "more_body": True})
            self.sent += 1
            await asyncio.sleep(0)
        watching.cancel()

    async def early(self, _scope, _receive, send):
        await respond(send, 403, b"no")

    async def deaf(self, _scope, _receive, send):
        await self.free.wait()
        await respond(send, 200)

    async def fails(self, _scope, _receive, _send):
        raise RuntimeError

    async def breaks(self, _scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError


def at(path, fields=GET):
    return (*fields[:3], (":path", path))


@pytest.fixture
def through(tmp_path):
    """Run `scenario(app, connect, stop)` against a fresh listener."""

    def _through(scenario, **options):
        async def run():
            app = App()
            async with listening(app, tmp_path, **options) as (address, stop):
                await asyncio.wait_for(scenario(app, lambda **more: connected(address, **more), stop), 20)

        uvloop.run(run())  # as the server does; the tests of the door are on asyncio's own loop

    return _through


def test_a_request_becomes_the_one_that_http_1_1_would_have_been(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            extra = [("cookie", "a=1"), ("x-a", "b"), ("cookie", "c=2")]
            raw.head(1, at("/a%20b?q=%2F", POST), end=False, extra=extra)
            raw.data(1, b"he")
            raw.data(1, b"llo", end=True)
            answer = await raw.answer()
            assert answer.status == 200
            assert "date" in dict(answer.headers)
            assert json.loads(answer.body) == {
                "method": "POST",
                "path": "/a b",
                "raw_path": "/a%20b",
                "query": "q=%2F",
                "scheme": "https",
                "http_version": "2",
                "headers": [["host", "localhost"], ["x-a", "b"], ["cookie", "a=1; c=2"]],
                "body": "hello",
            }

    through(scenario)


def test_the_limits_are_announced(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            await raw.until(lambda: raw.frames)
            told = raw.frames[0].settings
            assert told[SettingCodes.MAX_CONCURRENT_STREAMS] == http2.STREAMS
            assert told[SettingCodes.MAX_HEADER_LIST_SIZE] == http2.HEAD_LIMIT
            assert not told.get(SettingCodes.ENABLE_CONNECT_PROTOCOL)

    through(scenario)


def test_streams_do_not_wait_for_each_other(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/wait"))
            raw.head(3)
            assert (await raw.answer(3)).status == 200
            app.free.set()
            assert (await raw.answer(1)).body == b"waited"

    through(scenario)


def without(name):
    return tuple(it for it in GET if it[0] != name)


MALFORMED = {
    "a second :method": (*GET, (":method", "GET")),
    "a second :path": (*GET, (":path", "/admin")),
    "a second :authority": (*GET, (":authority", "other")),
    "a pseudo-header field after others": (*GET[:3], ("x-a", "b"), GET[3]),
    "an unknown pseudo-header field": (*GET, (":user", "root")),
    "the pseudo-header field of an answer": (*GET, (":status", "200")),
    "no :method": without(":method"),
    "no :path": without(":path"),
    "no :scheme": without(":scheme"),
    "neither :authority nor Host": without(":authority"),
    "an empty :path": at(""),
    "no slash": at("admin"),
    "an asterisk": at("*"),
    "an absolute form": at("https://localhost/admin"),
    "a fragment": at("/public#/admin"),
    "a space in the path": at("/a HTTP/1.1"),
    "a line in the path": at("/a\r\nx-user: root"),
    "a byte beyond ASCII in the path": at("/\u00e9"),
    "an upper-case name": (*GET, ("X-User", "root")),
    "a line in a name": (*GET, ("x-a\r\nx-user", "root")),
    "a colon in a name": (*GET, ("x-a: b", "c")),
    "a space in a name": (*GET, ("x-user ", "root")),
    "an empty name": (*GET, ("", "root")),
    "CR and LF in a value": (*GET, ("x-a", "b\r\nx-user: root")),
    "LF in a value": (*GET, ("x-a", "b\nx-user: root")),
    "NUL in a value": (*GET, ("x-a", "b\0c")),
    "CR and LF in the authority": (GET[0], GET[1], (":authority", "a\r\nx-user: b"), GET[3]),
    "user information": (GET[0], GET[1], (":authority", "root@localhost"), GET[3]),
    "an empty authority": (GET[0], GET[1], (":authority", ""), GET[3]),
    "a Host that differs": (*GET, ("host", "other")),
    "two Hosts": (*without(":authority"), ("host", "localhost"), ("host", "localhost")),
    "Connection": (*GET, ("connection", "x-user")),
    "Keep-Alive": (*GET, ("keep-alive", "1")),
    "Proxy-Connection": (*GET, ("proxy-connection", "close")),
    "Transfer-Encoding": (*GET, ("transfer-encoding", "chunked")),
    "Upgrade": (*GET, ("upgrade", "websocket")),
    "TE other than trailers": (*GET, ("te", "gzip")),
    "CONNECT": ((":method", "CONNECT"), (":authority", "localhost:1")),
    "an extended CONNECT": (*at("/", ((":method", "CONNECT"), *GET[1:])), (":protocol", "websocket")),
    "plain http": (GET[0], (":scheme", "http"), *GET[2:]),
    "another scheme": (GET[0], (":scheme", "https\r\n"), *GET[2:]),
    "a method with a space": ((":method", "GET /admin"), *GET[1:]),
    "a method with a line": ((":method", "GET\r\n"), *GET[1:]),
    "an empty method": ((":method", ""), *GET[1:]),
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_head_reaches_nobody(through, fields):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, fields)
            answer = await raw.answer()
            assert answer.status in {None, 400}
            assert answer.status or raw.farewell.error_code or answer.reset
            assert app.calls == 0

    through(scenario)


@pytest.mark.parametrize("protocol", ["websocket", "connect-udp"])
def test_an_extended_connect_ends_its_stream_and_no_other(through, protocol):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            head = ((":method", "CONNECT"), (":protocol", protocol), *GET[1:])
            raw.head(1, head, extra=[("sec-websocket-version", "13")], end=False)
            raw.data(1, b"early")
            raw.head(3)
            assert (await raw.answer(3)).status == 200
            refused = await raw.answer(1)
            assert (refused.status, refused.reset) == (400, ErrorCodes.NO_ERROR)  # RFC 9113 §8.1
            assert raw.farewell is None
            assert app.calls == 1

    through(scenario)


def test_host_may_stand_for_the_authority(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, (*without(":authority"), ("host", "localhost")))
            raw.head(3, (*GET, ("host", "localhost")))
            for stream_id in (1, 3):
                told = json.loads((await raw.answer(stream_id)).body)
                assert told["headers"] == [["host", "localhost"]]

    through(scenario)


@pytest.mark.parametrize(("length", "body"), [("2", b"abc"), ("4", b"abc")], ids=["shorter", "longer"])
def test_a_length_that_is_a_lie_never_becomes_a_whole_request(through, length, body):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, POST, end=False, extra=[("content-length", length)])
            raw.data(1, body, end=True)
            assert (await raw.answer()).status is None
            assert raw.farewell.error_code == ErrorCodes.PROTOCOL_ERROR
            assert app.gone == app.calls

    through(scenario)


def test_trailer_fields_are_no_header_fields(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, POST, end=False)
            raw.data(1, b"hi")
            raw.head(1, (("authorization", "Bearer planted"), ("x-user", "root")))
            told = json.loads((await raw.answer()).body)
            assert (told["headers"], told["body"]) == ([["host", "localhost"]], "hi")

    through(scenario)


@pytest.mark.parametrize("fields", [[("x-a", "y" * 40_000)], [("x-a", "y")] * 1000], ids=["long", "many"])
def test_a_head_over_the_limit_is_refused(through, fields):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            block = raw._encoder.encode([*GET, *fields])
            raw.send(HeadersFrame(1, block[:16_000], flags=["END_STREAM"]))
            parts = [block[at : at + 16_000] for at in range(16_000, len(block), 16_000)] or [b""]
            raw.send(*(ContinuationFrame(1, part) for part in parts[:-1]))
            raw.send(ContinuationFrame(1, parts[-1], flags=["END_HEADERS"]))
            assert await raw.end() == CALM
            assert app.calls == 0

    through(scenario)


def test_few_bytes_that_unfold_to_a_long_head_are_refused(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            # Into the table once, and then by its index (RFC 7541 §6.1): 4,000 bytes for each byte.
            seed = b"\x40\x03x-a\x7f\xa1\x1e" + b"y" * 4000
            block = raw._encoder.encode(GET) + seed + b"\xbe" * 2000
            raw.send(HeadersFrame(1, block, flags=["END_STREAM", "END_HEADERS"]))
            assert await raw.end() == CALM
            assert app.calls == 0

    through(scenario)


def test_a_head_without_end_is_cut_off(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.send(HeadersFrame(1, raw._encoder.encode(GET), flags=["END_STREAM"]))
            for _ in range(5000):
                raw.send(ContinuationFrame(1, b""))
            assert await raw.end() == ErrorCodes.PROTOCOL_ERROR
            assert app.calls == 0

    through(scenario)


FLOODS = {
    "settings": lambda _n: SettingsFrame(0, {SettingCodes.ENABLE_PUSH: 0}),
    "settings that move windows": lambda n: SettingsFrame(0, {SettingCodes.INITIAL_WINDOW_SIZE: n % 2}),
    "pings": lambda _n: PingFrame(0, b"12345678"),
    "priorities": lambda n: PriorityFrame(2 * n + 1, depends_on=0, stream_weight=1),
    "unknown frames": lambda _n: ExtensionFrame(0xBE, 0, body=b""),
    "window updates": lambda _n: WindowUpdateFrame(0, window_increment=1),
}


@pytest.mark.parametrize("frame", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_frames_that_move_nothing_ends_the_connection(through, frame):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(3000):
                raw.send(frame(number))
            assert await raw.end() == CALM

    through(scenario)


@pytest.mark.parametrize(
    "fields",
    [
        (*GET, ("host", "other")),
        (*without(":authority"), ("host", "a"), ("host", "a")),
        without(":authority"),
    ],
    ids=["another Host", "two Hosts", "none"],
)
def test_whose_request_it_is_does_not_rest_on_the_library_alone(fields):
    with pytest.raises(BadHead):
        request_scope([(name.encode(), value.encode()) for name, value in fields], {}, whole=True)


def test_a_flood_of_empty_data_ends_the_connection(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, POST, end=False)
            for _ in range(3000):
                raw.data(1, b"")
            assert await raw.end() == CALM

    through(scenario)


RESETS = {
    "by the client": (lambda stream_id: RstStreamFrame(stream_id, error_code=8), {CALM}),
    # CVE-2025-8671
    "by us": (lambda stream_id: WindowUpdateFrame(stream_id, window_increment=2**31 - 1), set(ErrorCodes)),
}


@pytest.mark.parametrize(("frame", "codes"), RESETS.values(), ids=RESETS)
def test_rapid_resets_end_the_connection_and_never_make_much_work(through, frame, codes):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(1000):
                raw.head(2 * number + 1, at("/deaf"))
                raw.send(frame(2 * number + 1))
            assert await raw.end() in codes
            assert app.most <= http2.STREAMS
            app.free.set()

    through(scenario)


def test_malformed_requests_without_end_end_the_connection(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(1000):
                raw.head(2 * number + 1, at("*"))
                await raw.answer(2 * number + 1)
            assert await raw.end() == CALM
            assert app.calls == 0

    through(scenario)


def test_more_streams_than_allowed_are_refused(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(http2.STREAMS + 1):
                raw.head(2 * number + 1, at("/wait"))
            assert await raw.end() is not None
            assert app.most <= http2.STREAMS

    through(scenario)


def test_a_running_request_counts_although_its_client_lost_interest(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(http2.STREAMS):
                raw.head(2 * number + 1, at("/deaf"))
            raw.send(*(RstStreamFrame(2 * number + 1, error_code=8) for number in range(http2.STREAMS)))
            last = 2 * http2.STREAMS + 1
            raw.head(last)
            assert (await raw.answer(last)).reset == ErrorCodes.REFUSED_STREAM
            app.free.set()
            while app.running:  # noqa: ASYNC110 - it tells it in no other way
                await asyncio.sleep(0.01)
            raw.head(last + 2)
            assert (await raw.answer(last + 2)).status == 200

    through(scenario)


@pytest.mark.parametrize("window", [0, 65_535])
def test_a_client_that_takes_nothing_holds_the_application_back_and_is_let_go(through, window, monkeypatch):
    monkeypatch.setattr(http2, "STALL_SECONDS", 2 * SOON)

    async def scenario(app, connect, stop):
        async with connect(settings={SettingCodes.INITIAL_WINDOW_SIZE: window}) as raw:
            raw.widens = False
            raw.head(1, at("/endless"))
            assert await raw.end() == CALM
            assert app.sent < 20
            assert len(raw.answers[1].body) <= window

    through(scenario)


def test_a_client_that_reads_no_bytes_is_let_go_too(through, monkeypatch):
    monkeypatch.setattr(http2, "STALL_SECONDS", 2 * SOON)

    async def scenario(app, connect, stop):
        async with connect(settings={SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1}) as raw:
            raw.send(WindowUpdateFrame(0, window_increment=2**31 - 1 - 65_535))
            raw.head(1, at("/endless"))
            while not app.gone:  # noqa: ASYNC110 - it tells it in no other way, and nothing is read here
                await asyncio.sleep(0.05)
            assert app.sent < 20_000  # more than what sockets hold

    through(scenario)


def test_whoever_takes_it_slowly_gets_all_of_it(through, monkeypatch):
    monkeypatch.setattr(http2, "STALL_SECONDS", 4 * SOON)

    async def scenario(app, connect, stop):
        async with connect(settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}) as raw:
            raw.widens = False
            raw.head(1)
            for _ in range(10):
                await asyncio.sleep(SOON)
                raw.send(WindowUpdateFrame(1, window_increment=5))
            raw.send(SettingsFrame(0, {SettingCodes.INITIAL_WINDOW_SIZE: 1000}))
            assert json.loads((await raw.answer()).body)["method"] == "GET"

    through(scenario)


def test_an_application_that_reads_nothing_holds_the_client_back(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/deaf", POST), end=False)
            for _ in range(4):
                raw.data(1, b"x" * 16_000)
            raw.send(PingFrame(0, b"12345678"))
            await raw.until(lambda: any(isinstance(it, PingFrame) for it in raw.frames))
            widened = [it for it in raw.frames if isinstance(it, WindowUpdateFrame) and it.stream_id]
            assert widened == []
            raw.data(1, b"x" * 16_000)  # more than the window
            assert await raw.end() == ErrorCodes.FLOW_CONTROL_ERROR
            app.free.set()

    through(scenario)


def test_what_was_read_or_thrown_away_widens_the_windows_again(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            for number in range(40):  # together more than the connection's window
                stream_id = 2 * number + 1
                raw.head(stream_id, at("/early" if number % 2 else "/", POST), end=False)
                raw.data(stream_id, b"x" * 16_000)
                raw.data(stream_id, b"x" * 16_000, end=True)
                assert (await raw.answer(stream_id)).status in {200, 403}

    through(scenario)


def test_a_client_that_loses_interest_is_heard(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/wait"))
            raw.send(RstStreamFrame(1, error_code=8))
            raw.head(3, at("/wait"))
            while app.gone < 1:  # noqa: ASYNC110 - it tells it in no other way
                await asyncio.sleep(0.01)
        while app.gone < 2:  # noqa: ASYNC110 - the same, of the connection
            await asyncio.sleep(0.01)

    through(scenario)


def test_an_answer_that_breaks_off_is_no_clean_end_and_harms_no_other(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/breaks"))
            raw.head(3)
            broken = await raw.answer(1)
            assert (broken.body, broken.whole, broken.reset) == (b"half", False, ErrorCodes.INTERNAL_ERROR)
            assert (await raw.answer(3)).status == 200
            raw.head(5, at("/fails"))
            assert (await raw.answer(5)).status == 500

    through(scenario)


def test_after_an_early_answer_nobody_wants_the_rest_of_the_request(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/early", POST), end=False)
            await raw.until(lambda: 1 in raw.answers and raw.answers[1].reset is not None)
            answer = raw.answers[1]
            assert (answer.status, answer.body, answer.whole) == (403, b"no", True)
            assert answer.reset == ErrorCodes.NO_ERROR
            raw.data(1, b"late")
            raw.head(3)
            assert (await raw.answer(3)).status == 200

    through(scenario)


def test_the_answer_to_head_has_no_body(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, ((":method", "HEAD"), *GET[1:]))
            answer = await raw.answer()
            assert (answer.status, answer.body, answer.whole) == (200, b"", True)
            assert int(dict(answer.headers)["content-length"]) > 0

    through(scenario)


def test_an_expectation_is_answered_before_the_body(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, POST, end=False, extra=[("expect", "100-continue")])
            await raw.until(lambda: 1 in raw.answers and raw.answers[1].heads)
            assert raw.answers[1].status == 100
            raw.data(1, b"now", end=True)
            assert json.loads((await raw.answer()).body)["body"] == "now"

    through(scenario)


def test_at_the_end_running_requests_are_answered_and_new_ones_are_not(through):
    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1, at("/wait"))
            raw.head(3)
            await raw.answer(3)
            stop.set()
            await raw.until(lambda: raw.farewell is not None)
            assert (raw.farewell.error_code, raw.farewell.last_stream_id) == (0, 1)
            raw.head(5)
            assert (await raw.answer(5)).reset == ErrorCodes.REFUSED_STREAM
            app.free.set()
            assert (await raw.answer(1)).body == b"waited"
            assert await raw.end() == ErrorCodes.NO_ERROR

    through(scenario)


@pytest.mark.parametrize("sent", [b"", b"PRI * HTTP", None], ids=["nothing", "half a preface", "no request"])
def test_who_asks_nothing_is_let_go(through, sent, monkeypatch):
    monkeypatch.setattr(http2, "FIRST_SECONDS", SOON)

    async def scenario(app, connect, stop):
        async with connect(**({"preface": sent} if sent is not None else {})) as raw:
            await raw.end()
            assert raw.closed

    through(scenario)


def test_who_asks_nothing_more_is_let_go_whatever_else_it_sends(through, monkeypatch):
    monkeypatch.setattr(http2, "IDLE_SECONDS", 2 * SOON)

    async def scenario(app, connect, stop):
        async with connect() as raw:
            raw.head(1)
            await raw.answer()
            block = raw._encoder.encode(GET)
            raw.send(HeadersFrame(3, block[:1], flags=["END_STREAM"]))  # and never the end of it
            assert await raw.end() == ErrorCodes.NO_ERROR

    through(scenario)


def test_a_client_without_http2_speaks_http_1_1(tmp_path):
    async def run():
        async with listening(App(), tmp_path) as (address, _):
            for protocols in (["http/1.1"], ["h3"]):
                with contextlib.suppress(ssl.SSLError):
                    reader, writer = await asyncio.open_connection(
                        *address, ssl=client_context(*protocols), server_hostname="localhost"
                    )
                    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
                    writer.close()

    asyncio.run(run())


def test_curl_and_httpx_speak_it(tmp_path):
    authority = tmp_path / "ca.pem"
    authority.write_bytes(SERVER.pem)

    async def run():
        async with listening(App(), tmp_path) as (address, _):
            url = f"https://localhost:{address[1]}/a?b"
            curl = ["curl", "--silent", "--http2", "--noproxy", "*", "--cacert", str(authority)]
            curl += ["--write-out", " %{http_version}", "--data", "@-", url]
            done = await asyncio.to_thread(
                subprocess.run, curl, input=b"x" * 200_000, capture_output=True, timeout=20, check=True
            )
            body, _, version = done.stdout.decode().rpartition(" ")
            assert (len(json.loads(body)["body"]), version) == (200_000, "2")
            async with httpx.AsyncClient(http2=True, verify=client_context(), trust_env=False) as client:
                answers = await asyncio.gather(*(client.post(url, content=b"y" * 70_000) for _ in range(50)))
                assert {(it.status_code, it.http_version) for it in answers} == {(200, "HTTP/2")}

    asyncio.run(run())


FRAMES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda kind, flags, stream_id, body: (
            len(body).to_bytes(3) + bytes([kind, flags]) + stream_id.to_bytes(4) + body
        ),
        st.integers(0, 10),
        st.integers(0, 255),
        st.integers(0, 7),
        st.binary(max_size=40),
    ),
    st.just(DataFrame(1, b"x").serialize()),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(FRAMES, max_size=12))
def test_no_bytes_make_the_listener_fail(tmp_path_factory, frames):
    async def run():
        app = App()
        async with listening(app, tmp_path_factory.mktemp("tls")) as (address, _):
            async with connected(address) as raw:
                raw.head(1, POST, end=False)
                raw.send(*frames)
                raw.send(b"\0" * 20_000)  # whatever was announced is here now, and then comes nonsense
                with contextlib.suppress(TimeoutError):  # it may go on waiting for the rest of a frame
                    async with asyncio.timeout(0.5):
                        await raw.until(lambda: raw.answers and all(it.over for it in raw.answers.values()))
                assert all(answer.status in {None, 100, 200, 400} for answer in raw.answers.values())
            async with connected(address) as raw:
                raw.head(1)
                assert (await raw.answer()).status == 200

    asyncio.run(run())
