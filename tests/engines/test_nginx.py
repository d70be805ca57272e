"""nginx in front of the gateway: the one case table, and what nginx would mend in silence."""

import asyncio
import contextlib
import json
import signal
from dataclasses import replace

import pytest

from engines.asking import Asking
from engines.behind import behind, listens
from engines.behind_nginx import program, running, through
from gateway.cases import CASES, NOT_OVER_HTTP, refused_as
from gateway.wire import OK, answer
from tokenward.app.engines import nginx
from tokenward.app.engines.plan import OperationPlan
from tokenward.app.engines.program import EngineMissing, Refused
from tokenward.gateway.doors.limits import DEFAULT_LIMITS

# nginx itself refuses these, before anybody is asked.
BY_NGINX = {
    "two Authorization headers": "malformed_request",
    "two tokens of two issuers": "malformed_request",
    "beside a bearer token": "malformed_request",
    "both schemes": "malformed_request",
    "TRACE": "malformed_request",
    "NUL": "malformed_request",
    "cut percent sign": "malformed_request",
    "no hexadecimal": "malformed_request",
}


@pytest.mark.parametrize("keeps", [0, 2])
def test_every_case_through_the_door(keeps):
    async def scenario(gateway):
        for case in CASES:
            if case.name in NOT_OVER_HTTP:
                continue
            once = "{proof" in str(case.headers) or case.path in {"/weather/spent", "/weather/busy"}
            for _ in range(2 if keeps and case.code == "allow" and not once else 1):
                before = gateway.backend.requests
                raw = gateway.raw(case.path, case.method, case.headers, case.query, case.body)
                status, headers, body = await gateway.send(raw)
                assert b"nginx" not in body
                assert "server" not in dict(headers)
                if case.code == "allow":
                    assert (case.name, status, gateway.backend.requests) == (case.name, 200, before + 1)
                    continue
                assert (case.name, gateway.backend.requests) == (case.name, before)
                code = BY_NGINX.get(case.name, case.code)
                if case.name in BY_NGINX:
                    assert (case.name, status) == (case.name, 400)
                    assert json.loads(body)["type"] == f"urn:tokenward:problem:{code}"
                else:
                    refused_as(case, status, headers, body)

    through(scenario, keeps=keeps)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\nT\r\n\r\n", id="bare LF after the request line"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b\nx-user: c\r\n\r\n", id="bare LF"),
        pytest.param(
            b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b  \nx-user: c\r\n\r\n", id="bare LF after spaces"
        ),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b\n\n", id="bare LF at the end"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b\n\r\n", id="bare LF before the end"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b\rc\r\n\r\n", id="CR in a value"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: b\r\n c\r\n\r\n", id="folded"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: \0\r\n\r\n", id="NUL"),
        pytest.param(
            b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-user : b\r\n\r\n", id="space before the colon"
        ),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nhost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx(a): b\r\n\r\n", id="a name that is no token"),
        pytest.param(b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\n: b\r\n\r\n", id="no name"),
        pytest.param(b"GET /bank/./accounts/7 HTTP/1.1\r\nT\r\n\r\n", id="dot segment"),
        pytest.param(b"GET /weather/../bank/accounts/7 HTTP/1.1\r\nT\r\n\r\n", id="two dots"),
        pytest.param(b"GET /bank//accounts/7 HTTP/1.1\r\nT\r\n\r\n", id="two slashes"),
        pytest.param(b"GET /bank/accounts/%252e HTTP/1.1\r\nT\r\n\r\n", id="encoded twice"),
        pytest.param(b"GET /bank/accounts/7;x=1 HTTP/1.1\r\nT\r\n\r\n", id="path parameter"),
        pytest.param(b"GET /bank/accounts/7#x HTTP/1.1\r\nT\r\n\r\n", id="fragment"),
        pytest.param(b"GET /;tokenward/head HTTP/1.1\r\nT\r\n\r\n", id="where nginx asks itself"),
        pytest.param(b"GET /;tokenward/refused HTTP/1.1\r\nT\r\n\r\n", id="its error page"),
        pytest.param(b"GET /bank/accounts/7\r\n", id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 without TLS"),
        pytest.param(
            b"POST /bank/transfers HTTP/1.1\r\nT\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0",
            id="two framings",
        ),
        pytest.param(
            b"POST /bank/transfers HTTP/1.1\r\nT\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            id="an unknown coding",
        ),
        pytest.param(
            b"POST /bank/transfers HTTP/1.0\r\nT\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            id="chunked in HTTP/1.0",
        ),
    ],
)
def test_what_nginx_would_mend_is_refused_and_reaches_nobody(raw):
    async def scenario(gateway):
        token = gateway.world.tokens["writer" if b"transfers" in raw else "reader"].encode()
        good = b"\r\nhost: a\r\nauthorization: Bearer " + token + b"\r\n"
        lines = raw.replace(b"\nT\r\n", good.removeprefix(b"\r") if b"1.1\nT" in raw else good[1:])
        reader, writer = await gateway.open()
        writer.write(lines)
        if b"\r\n\r\n" not in lines and b"\n\n" not in lines:
            writer.write_eof()
        received = (
            await asyncio.wait_for(reader.read(), 10) if lines.endswith(b"7\r\n") else await head(reader)
        )
        writer.close()
        assert received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")) or b'"status": 4' in received, received
        assert b"nginx" not in received
        assert gateway.backend.requests == 0

    through(scenario)


async def head(reader):
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)


@pytest.mark.parametrize("said", ["text/event-stream", "text/html, Text/Event-Stream;q=0.9"])
def test_a_stream_of_events_is_for_the_gateways_own_listener(said):
    """It ends there when its credential does."""

    async def scenario(gateway):
        asked = []
        decisions = gateway.listener.answering

        async def answering(request):
            asked.append(request)
            return await decisions(request)

        gateway.listener.answering = answering
        for accepted, count in (("text/html", 1), (said, 1), ("text/html", 2)):
            headers = [("authorization", "Bearer {reader}"), ("Accept", accepted)]
            assert (await gateway.ask(headers=headers))[0] == 200
            assert len(asked) == count

    through(scenario)


def test_absolute_form_is_decided_on_as_it_is_forwarded():
    async def scenario(gateway):
        assert (await gateway.ask("http://evil.example/bank/accounts/7", token=None))[0] == 401
        assert (await gateway.ask("http://evil.example/bank/accounts/7"))[0] == 200
        assert gateway.backend.heads[-1].startswith(b"GET /v1/accounts/7 HTTP/1.1\r\n")
        assert b"evil" not in gateway.backend.heads[-1]

    through(scenario)


def test_a_path_that_is_spelt_otherwise_goes_up_as_it_was_decided_on():
    async def scenario(gateway):
        assert (await gateway.ask("/bank/accounts/m%65", token="person"))[0] == 200
        assert gateway.backend.heads[-1].startswith(b"GET /v1/accounts/me HTTP/1.1\r\n")
        # A digit in lower case is another spelling, too (RFC 3986 §6.2.2.1).
        assert (await gateway.ask("/bank/accounts/caf%c3%A9"))[0] == 200
        assert gateway.backend.heads[-1].startswith(b"GET /v1/accounts/caf%C3%A9 HTTP/1.1\r\n")

    through(scenario)


def test_a_minor_version_that_nobody_knows_is_answered():
    """RFC 9110 §2.5: as the highest that is known. The API must not do what nobody is told of."""

    async def scenario(gateway):
        assert (await gateway.send(gateway.raw().replace(b"HTTP/1.1", b"HTTP/1.2")))[0] == 200
        assert gateway.backend.requests == 1

    through(scenario)


def test_what_nginx_says_of_its_client_no_client_can_say():
    said = [
        ("x-tokenward-peer", "192.0.2.9"),
        ("X-Tokenward-Scheme", "https"),
        ("x-tokenward-certificate", "forged"),
        ("x_tokenward_peer", "192.0.2.9"),
        ("tokenward-set-x", "forged"),
        ("x-forwarded-for", "192.0.2.9"),
    ]

    async def scenario(gateway):
        asked = []
        before = gateway.listener.answering

        async def answering(request):
            asked.append(request)
            return await before(request)

        gateway.listener.answering = answering
        headers = [("authorization", "Bearer {reader}"), *said]
        assert (await gateway.ask(headers=headers))[0] == 200
        told = dict(asked[-1].headers)
        assert (told[b"x-tokenward-peer"], told[b"x-tokenward-scheme"]) == (b"127.0.0.1", b"http")
        assert b"x-tokenward-certificate" not in told
        assert b"forged" not in gateway.backend.heads[-1]
        assert b"192.0.2.9" not in gateway.backend.heads[-1]

    through(scenario)


def test_what_is_repeated_is_decided_on_as_it_goes_up():
    """A subrequest of nginx has one Content-Type where the client sent two: nobody is asked about that."""

    async def scenario(gateway):
        headers = [
            ("authorization", "Bearer {reader}"),
            ("accept-language", "de"),
            ("Accept-Language", "fr"),
        ]
        assert (await gateway.ask(headers=headers))[0] == 200
        assert gateway.backend.header("accept-language") == ["de", "fr"]

    through(scenario)


def test_a_control_character_is_decided_on_as_it_goes_up():
    async def scenario(gateway):
        status, *_ = await gateway.ask(headers=[("authorization", "Bearer {reader}"), ("x-a", "b\x01c")])
        assert (status, gateway.backend.requests) == (400, 0)

    through(scenario)


def test_an_operation_with_bounds_of_its_own_is_decided_on_and_forwarded_by_the_gateway():
    asking = Asking()

    def running_with_one(plan, directory):
        own = OperationPlan("GET", "/bank/accounts/[^/]+", DEFAULT_LIMITS)
        return running(replace(plan, apis=[replace(api, operations=(own,)) for api in plan.apis]), directory)

    async def run():
        async with behind(running_with_one, answering=lambda _own: asking) as gateway:
            for path, method, by_nginx in (
                ("/bank/accounts/7", "GET", False),
                ("/bank/accounts/7", "HEAD", True),
                ("/bank/accounts/7/more", "GET", True),
            ):
                asking.last = None
                assert (await gateway.ask(path, method))[0] == 200
                asked = asking.last is not None  # itself it would be shown, with its token, where this fails
                assert (path, method, asked) == (path, method, by_nginx)

    program()
    asyncio.run(run())


def test_a_body_of_unknown_length_is_decided_on_and_forwarded_by_the_gateway():
    asking = Asking()

    async def run():
        async with behind(running, answering=lambda _own: asking) as gateway:
            assert not any(api.shows_bodies for api in gateway.plan.apis if api.name == "bank")
            for body, by_nginx in (("content-length: 1", True), ("transfer-encoding: chunked", False)):
                head = f"POST /bank/transfers HTTP/1.1\r\nhost: a\r\n{body}\r\n\r\n"
                await gateway.send(head.encode() + (b"a" if by_nginx else b"1\r\na\r\n0\r\n\r\n"))
                asked, asking.last = asking.last is not None, None
                assert (body, asked) == (body, by_nginx)

    program()
    asyncio.run(run())


def test_no_log_holds_a_credential():
    async def scenario(gateway):
        token = gateway.world.tokens["reader"]
        await gateway.ask(query="access_token={reader}", headers=())
        await gateway.ask(headers=[("authorization", "Bearer {reader}")] * 2)
        await gateway.ask("/bank/%zz", query="access_token={reader}")
        await gateway.ask("/bank/accounts/7#access_token=" + token)
        gateway.backend.answer = hang_up
        assert (await gateway.ask(query="q={reader}"))[0] == 502
        log = gateway.directory / "access.log"
        for _ in range(200):
            if log.read_text().count("\n") == 5:
                break
            await asyncio.sleep(0.05)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert [line["status"] for line in lines] == [400, 400, 400, 400, 502]
        assert lines[-1]["path"] == "/bank/accounts/7"
        for file in gateway.directory.iterdir():
            if file.is_file():
                assert token not in file.read_text(), file

    through(scenario)


async def hang_up(_reader, writer):
    writer.close()


def test_an_answer_that_is_no_http_is_cut_off():
    async def scenario(gateway):
        async def nonsense(_reader, writer):
            writer.write(b"nonsense\r\n\r\n")
            writer.close()

        gateway.backend.answer = nonsense
        reader, writer = await gateway.open()
        writer.write(gateway.raw())
        received = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert b"nonsense" not in received

    through(scenario)


def test_nothing_that_an_api_says_reaches_what_is_internal_here():
    async def scenario(gateway):
        async def redirecting(_reader, writer):
            writer.write(
                b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /weather/about\r\nContent-Length: 2\r\n\r\nok"
            )
            await writer.drain()

        gateway.backend.answer = redirecting
        status, _, body = await gateway.ask()
        assert (status, body, gateway.backend.requests) == (200, b"ok", 1)

    through(scenario)


def test_an_answer_loses_what_belongs_to_its_connection_and_what_runs_behind():
    dropped = (
        b"Keep-Alive: x\r\nServer: api/1\r\nX-Powered-By: php\r\nProxy-Status: a\r\nDPoP-Nonce: n\r\n"
        b"Connection: x-hop, content-type, set-cookie\r\nX-Hop: 1\r\nX-Request-Id: theirs\r\n"
        b"Set-Cookie: __Host-Tokenward-a=1\r\n"
    )

    async def scenario(gateway):
        async def telling(_reader, writer):
            writer.write(
                b"HTTP/1.1 200 OK\r\n"
                + dropped
                + b"X-Kept: 1\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                b"Content-Length: 2\r\n\r\nok"
            )
            await writer.drain()

        gateway.backend.answer = telling
        _, headers, _ = await gateway.ask()
        told = [header for header in headers if header[0] not in {"date", "connection", "content-length"}]
        request_id = gateway.world.observed[-1].trace.request_id
        assert sorted(told) == [
            ("content-type", "text/plain"),  # which no API can have taken out by naming it, nor its cookies
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-kept", "1"),
            ("x-request-id", request_id),
        ]

    through(scenario)


def test_a_body_above_the_bound_is_refused_before_anybody_is_asked():
    async def scenario(gateway):
        headers = [("authorization", "Bearer {writer}"), ("content-length", "101")]
        status, _, body = await gateway.ask("/bank/transfers", "POST", headers, body=b"x" * 101)
        assert (status, json.loads(body)["type"]) == (413, "urn:tokenward:problem:too_large")
        assert (gateway.backend.requests, gateway.world.observed) == (0, [])

    through(scenario, body=100)


def test_workers_die_with_their_master():
    async def scenario(gateway):
        gateway.process.kill()
        for _ in range(200):
            if not listens(gateway.port):
                break
            await asyncio.sleep(0.05)
        assert not listens(gateway.port)

    through(scenario)


def test_a_change_drops_no_request():
    async def scenario(gateway):
        stop, answers = asyncio.Event(), []

        async def asking():
            while not stop.is_set():
                answers.append((await gateway.ask("/weather/about", token=None))[0])

        callers = [asyncio.create_task(asking()) for _ in range(4)]
        plan = gateway.plan
        for drain in (6, 7):
            after = replace(plan, drain=drain)
            await asyncio.to_thread(nginx.change, plan, after, gateway.directory)
            plan, seen = after, len(answers)
            while len(answers) < seen + 20:  # noqa: ASYNC110 - others fill it
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*callers)
        assert set(answers) == {200}

    through(scenario)


def test_without_any_api_the_gateway_answers():
    """As after `tokenward init`."""

    async def scenario(gateway):
        await asyncio.to_thread(nginx.change, gateway.plan, replace(gateway.plan, apis=()), gateway.directory)
        assert (await gateway.ask("/nowhere"))[0] == 404

    through(scenario)


def test_a_plan_that_nginx_does_not_take_changes_nothing():
    async def scenario(gateway):
        api = gateway.plan.apis[0]
        nowhere = replace(api, upstreams=(replace(api.upstreams[0], host="no.such.host.invalid"),))
        before = (gateway.directory / nginx.CONFIGURATION).read_text()
        with pytest.raises(Refused, match="host not found"):
            nginx.change(gateway.plan, replace(gateway.plan, apis=(nowhere,)), gateway.directory)
        assert (gateway.directory / nginx.CONFIGURATION).read_text() == before
        assert (await gateway.ask())[0] == 200

    through(scenario)


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    program()
    monkeypatch.setattr(nginx, "_PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineMissing, match="apt install nginx libnginx-mod-http-lua"):
        nginx.check()
    fake = tmp_path / "nginx"
    fake.write_text(f"#!/bin/sh\necho 'configure arguments: --modules-path={tmp_path}' >&2\n")
    fake.chmod(0o755)
    with pytest.raises(EngineMissing, match="has no Lua module"):
        nginx.check()


def test_it_leaves_when_what_runs_is_answered():
    async def scenario(gateway):
        begun, finish = asyncio.Event(), asyncio.Event()

        async def slowly(_reader, writer):
            begun.set()
            await finish.wait()
            writer.write(OK)
            await writer.drain()

        gateway.backend.answer = slowly
        reader, writer = await gateway.open()
        writer.write(gateway.raw())
        await begun.wait()
        gateway.process.send_signal(signal.SIGQUIT)
        while listens(gateway.port):  # noqa: ASYNC110 - nginx tells nobody
            await asyncio.sleep(0.02)
        finish.set()
        assert (await answer(reader))[0] == 200
        writer.close()
        assert await asyncio.to_thread(gateway.process.wait, 10) == 0

    through(scenario)


def test_nothing_of_a_body_lies_in_a_file():
    async def scenario(gateway):
        begun, finish = asyncio.Event(), asyncio.Event()

        async def slowly(reader, writer):
            begun.set()
            await finish.wait()
            writer.write(OK)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

        gateway.backend.answer = slowly
        headers = [("authorization", "Bearer {writer}"), ("content-length", "500000")]
        _, writer = await gateway.open()
        writer.write(gateway.raw("/bank/transfers", "POST", headers, body=b"x" * 500_000))
        await begun.wait()
        written = [
            file for kept in gateway.directory.glob("*_temp") for file in kept.rglob("*") if file.is_file()
        ]
        finish.set()
        writer.close()
        assert written == []

    through(scenario)
