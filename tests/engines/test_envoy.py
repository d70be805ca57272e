"""Decisions through a real Envoy: the one case table, and all ways in which nothing may pass."""

import asyncio
import json

import pytest

from engines.behind_envoy import ALLOW, behind, through
from gateway.cases import CASES, NOT_OVER_HTTP, refused_as
from gateway.test_proxy import SPOOFED
from tokenward.gateway.doors.answers import Answer

# Envoy makes one header of two of these names before anybody sees them, and one of two values is none; it
# refuses an underscore in a name; and an Upgrade that Connection does not name is none (RFC 9110 §7.8).
DIFFERS = {
    "two Authorization headers": "invalid_token",
    "two tokens of two issuers": "invalid_token",
    "beside a bearer token": "invalid_token",
    "both schemes": "invalid_token",
    "with two origins": "preflight_refused",
    "a header that looks like DPoP is none": "malformed_request",
    "protocol upgrade": "allow",
}


def test_every_case_through_envoy():
    async def scenario(gateway):
        for case in CASES:
            if case.name in NOT_OVER_HTTP:
                continue
            code = DIFFERS.get(case.name, case.code)
            before = gateway.backend.requests
            raw = gateway.raw(case.path, case.method, case.headers, case.query, case.body)
            status, headers, body = await gateway.send(raw)
            if code == "allow":
                assert (case.name, status, gateway.backend.requests) == (case.name, 200, before + 1)
                continue
            assert (case.name, gateway.backend.requests) == (case.name, before)
            refused_as(case, status, headers, body, code)
            assert [name for name, _ in headers if name.startswith(("x-envoy", "tokenward-", "server"))] == []

    through(scenario)


def test_no_header_that_speaks_in_our_name_reaches_the_backend():
    async def scenario(gateway):
        forged = [(name, "forged") for name in SPOOFED if "_" not in name]
        own = ("x-tokenward-peer", "X-Tokenward-Scheme", "tokenward-decision", "x-tokenward-to")
        own += ("x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on", "x-envoy-external-address")
        headers = [*forged, *((name, "forged") for name in own)]
        headers += [("authorization", "Bearer {reader}"), ("x-trace", "kept")]
        assert (await gateway.ask(headers=headers))[0] == 200
        assert b"forged" not in gateway.backend.heads[-1]
        names = sorted(name for name, _ in gateway.backend.headers())
        assert names == [
            "authorization",
            "host",
            "traceparent",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-request-id",
            "x-trace",
        ]
        assert gateway.backend.header("x-forwarded-for") == ["127.0.0.1"]
        assert gateway.backend.header("x-forwarded-proto") == ["http"]
        assert gateway.world.observed[-1].trace.request_id == gateway.backend.header("x-request-id")[0]

    through(scenario)


@pytest.mark.parametrize(
    "raw",
    [
        b"get /bank/accounts/7 HTTP/1.1\r\nT\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /bank/transfers HTTP/1.1\r\nT\r\ntransfer_encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /bank/accounts/\xff HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-user : b\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: \0\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx-a: \xff\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nx_user: b\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nhost: other\r\n\r\n",
        b"GET /weather/about HTTP/1.1\r\nhost: a b\r\n\r\n",
        b"GET /bank/accounts/%252e HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/accounts/7;x=1 HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/accounts/..%2f7 HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/public/../accounts/7 HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank//accounts/7 HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/accounts/7#x HTTP/1.1\r\nT\r\n\r\n",
        b"GET http://evil.example/bank/accounts/7 HTTP/1.1\r\nT\r\n\r\n",
        b"GET /bank/accounts/7 HTTP/1.1\r\nT\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n",
    ],
)
def test_what_is_no_plain_request_is_refused_by_one_of_both(raw, malformed):
    token = b"{writer}" if b"transfers" in raw else b"{reader}"
    good = b"\r\nhost: a\r\nauthorization: Bearer " + token + b"\r\n"
    status, reached = malformed(raw.replace(b"\r\nT\r\n", good))
    assert 400 <= status < 600
    assert not reached


@pytest.fixture(scope="module")
def malformed():
    """One Envoy for all of them."""
    loop = asyncio.new_event_loop()
    context = behind()
    gateway = loop.run_until_complete(context.__aenter__())

    def sent(raw):
        before = gateway.backend.requests
        filled = gateway.world.fill(raw.decode("latin-1"))
        status, *_ = loop.run_until_complete(gateway.send(filled))
        return status, gateway.backend.requests > before

    yield sent
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.close()


def _answering(status, *headers, after=0.0):
    async def answer(_asked):
        await asyncio.sleep(after)
        return Answer(status, headers, b"")

    return answer


OTHER = (ALLOW[0], (b"tokenward-api", b"shop"))


@pytest.mark.parametrize(
    "answering",
    [
        _answering(200),
        _answering(200, (b"tokenward-decision", b"deny")),
        _answering(200, (b"tokenward-decision", b"ALLOW")),
        _answering(204, *ALLOW),
        _answering(200, *OTHER),
        _answering(200, ALLOW[0]),
        _answering(200, ALLOW[1]),
        _answering(200, *ALLOW, OTHER[1]),
        _answering(401),
        _answering(302, (b"location", b"http://127.0.0.1/")),
        _answering(500),
        _answering(200, *ALLOW, after=4.0),
    ],
    ids=[
        "200",
        "200 deny",
        "200 ALLOW",
        "204",
        "another API",
        "no API",
        "an API only",
        "two APIs",
        "401",
        "302",
        "500",
        "silent",
    ],
)
def test_without_a_decision_nothing_passes(answering):
    async def run():
        async with behind(answering) as gateway:
            headers = [
                ("tokenward-decision", "allow"),
                ("tokenward-api", "bank"),
                ("x-tokenward-decision", "allow"),
            ]
            status, told, body = await asyncio.wait_for(gateway.ask(headers=headers), 10)
            assert gateway.backend.requests == 0
            assert (status, json.loads(body)["type"]) == (503, "urn:tokenward:problem:unavailable")
            assert "location" not in dict(told)

    asyncio.run(run())


@pytest.mark.parametrize("status", [201, 204, 302, 403])
def test_what_only_the_api_may_see_reaches_no_client_by_an_odd_status(status):
    inside = (b"authorization", b"Bearer inside")
    remove = (b"x-envoy-auth-headers-to-remove", b"cookie")

    async def run():
        async with behind(_answering(status, *ALLOW, inside, remove)) as gateway:
            told = await gateway.ask()
            assert (told[0], gateway.backend.requests) == (503, 0)
            assert "inside" not in repr(told)

    asyncio.run(run())


def test_a_decision_without_anybody_to_make_it_is_a_503():
    async def run():
        async with behind(_answering(200, *ALLOW)) as gateway:
            assert (await gateway.ask())[0] == 200
            await gateway.decisions_gone()
            status, _, body = await gateway.ask()
            assert (status, json.loads(body)["type"]) == (503, "urn:tokenward:problem:unavailable")
            assert gateway.backend.requests == 1

    asyncio.run(run())


def test_the_engine_says_who_its_client_is_and_nobody_else():
    asked = []

    async def answering(what):
        asked.append(what)
        return Answer(200, ALLOW, b"")

    async def run():
        async with behind(answering) as gateway:
            forged = [("x-tokenward-peer", "6.6.6.6"), ("x-forwarded-for", "6.6.6.6"), ("x-a", "1")]
            await gateway.ask("/bank/accounts/7", query="a=%2F", headers=forged)
            await gateway.ask("/shop/orders", "POST", [("content-length", "2")], body=b"{}")

    asyncio.run(run())
    head, whole = asked
    assert (head.method, head.target, head.body) == ("GET", b"/decide/head/bank/accounts/7?a=%2F", b"")
    assert (whole.method, whole.target, whole.body) == ("POST", b"/decide/whole/shop/orders", b"{}")
    for each in asked:
        said = [(name, value) for name, value in each.headers if name.startswith(b"x-tokenward")]
        assert sorted(said) == [(b"x-tokenward-peer", b"127.0.0.1"), (b"x-tokenward-scheme", b"http")]
        assert [value for name, value in each.headers if name == b"host"] == [b"api.example"]


def test_a_decision_is_shown_what_was_sent_byte_by_byte_and_as_often():
    """Whatever were merged, cut or replaced on the way would be decided on, and something else pass."""
    sent = [("x-a", "1"), ("x-a", "2"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-b", "caf\xe9\xff")]
    asked = []

    async def answering(what):
        asked.append(what)
        return Answer(200, OTHER if b"/shop/" in what.target else ALLOW, b"")

    async def run():
        async with behind(answering) as gateway:
            await gateway.ask(headers=sent)
            await gateway.ask("/shop/orders", "POST", [*sent, ("content-length", "1")], body=b"\xff")
            for seen in map(gateway.backend.headers, (0, 1)):
                assert [header for header in seen if header in sent] == sent

    asyncio.run(run())
    for each in asked:
        seen = [(name.decode(), value.decode("latin-1")) for name, value in each.headers]
        assert [header for header in seen if header in sent] == sent
    assert asked[1].body == b"\xff"


def test_of_a_header_that_is_there_twice_both_pass_or_both_go():
    async def scenario(gateway):
        twice = [("x-trace", "1"), ("x-trace", "2"), ("x-user", "a"), ("x-user", "b"), ("x-role", "\xc3\xa9")]
        assert (await gateway.ask(headers=[*twice, ("authorization", "Bearer {reader}")]))[0] == 200
        assert gateway.backend.header("x-trace") == ["1", "2"]
        assert gateway.backend.header("x-user") == gateway.backend.header("x-role") == []

    through(scenario)


HANDSHAKE = [
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        ("/.well-known/tokenward/health", "GET", [], 200),
        ("/bank/ticker", "GET", HANDSHAKE, 401),
        ("/bank/accounts/7", "GET", [("accept", "application/json, text/event-stream")], 401),
        ("/bank/accounts/m%65", "GET", [], 401),
        ("/elsewhere", "GET", [], 404),
        ("/bank/transfers", "POST", [("transfer-encoding", "chunked")], 401),
        ("/bank/transfers", "POST", [("content-length", "99999999")], 401),
        ("/shop/orders", "POST", [("content-length", "2000000")], 401),
    ],
)
def test_what_only_the_gateway_can_answer_is_for_it(path, method, headers, status):
    asked = []

    async def answering(what):
        asked.append(what)
        return Answer(200, ALLOW, b"")

    async def run():
        async with behind(answering) as gateway:
            assert (await gateway.ask(path, method, headers))[0] == status
            assert gateway.backend.requests == 0

    asyncio.run(run())
    assert asked == []


def test_the_path_that_was_decided_on_is_the_one_that_goes_up():
    async def scenario(gateway):
        assert (await gateway.ask("/bank/accounts/m%65", token="person", query="a=%2f"))[0] == 200
        assert gateway.backend.heads[-1].startswith(b"GET /v1/accounts/me?a=%2f HTTP/1.1\r\n")
        # A digit in lower case is another spelling, too (RFC 3986 §6.2.2.1).
        assert (await gateway.ask("/bank/accounts/caf%c3%A9"))[0] == 200
        assert gateway.backend.heads[-1].startswith(b"GET /v1/accounts/caf%C3%A9 HTTP/1.1\r\n")

    through(scenario)
