"""An API at which nothing is enforced yet: what passes, how, what is told of it, and what never passes."""

import asyncio
from dataclasses import replace

import pytest

from gateway.test_proxy import SPOOFED
from gateway.wire import through
from gateway.world import START, World, code
from tokenward.base.rates import Rate
from tokenward.gateway.answer_headers import answer_headers
from tokenward.gateway.cors import Cors
from tokenward.gateway.doors.in_process import caller
from tokenward.gateway.limits import Limit, Limits
from tokenward.gateway.policy import Policy

ACCOUNT = "/bank/accounts/7"


def rolling_out(world, until=START + 86_400, **changes):
    weather, bank, *_ = world.policy.apis
    world.engine.policy = Policy([weather, replace(bank, reports_until=until, **changes)])
    return world


def would(decision):
    assert code(decision) == "allow"
    assert decision.report_only
    assert decision.inside_jwt is None
    assert decision.told == decision.defaults == decision.hides == ()
    return decision.would_deny.code if decision.would_deny is not None else None


@pytest.mark.parametrize(
    ("token", "path", "method", "reason"),
    [
        ("reader", ACCOUNT, "GET", None),
        (None, ACCOUNT, "GET", "no_credential"),
        ("unknown", ACCOUNT, "GET", "invalid_token"),
        ("damaged", ACCOUNT, "GET", "invalid_token"),
        ("weather", ACCOUNT, "GET", "invalid_token"),
        ("longlived", ACCOUNT, "GET", "insufficient_tier"),
        ("reader", "/bank/transfers", "POST", "insufficient_scope"),
        ("bound", ACCOUNT, "GET", "invalid_token"),
        ("reader", "/bank/secrets", "GET", "undocumented"),
        ("reader", ACCOUNT, "DELETE", "undocumented_method"),
        ("reader", ACCOUNT, "OPTIONS", "undocumented_method"),
        ("reader", "/bank", "GET", "undocumented"),
    ],
)
def test_what_passed_before_passes_and_what_it_would_be_refused_for_is_told(token, path, method, reason):
    world = rolling_out(World())
    decision = world.decide(path, token, method=method)
    assert would(decision) == reason
    assert decision.upstream_path == (path.removeprefix("/bank") or "/")
    assert world.observed == [decision]


def test_credentials_in_all_the_wrong_places_pass_as_they_did():
    world = rolling_out(World())
    for reason, asked in (
        ("several_credentials", {"headers": [("authorization", "Bearer x"), ("x-api-key", "y")]}),
        ("credential_in_url", {"query": "api_key=x", "headers": []}),
        ("wrong_scheme", {"headers": [("authorization", "Basic dXNlcjpwYXNz")]}),
        ("method_override", {"query": "_method=DELETE"}),
    ):
        assert would(world.decide(**asked)) == reason


def test_neither_our_store_nor_our_limits_stop_anybody():
    world = rolling_out(World())
    world.unavailable()
    assert would(world.decide()) == "unavailable"
    world = World()
    limit = Limits.of([Limit("address", Rate(1, 60), "bank")])
    _, bank, *_ = world.policy.apis
    rolling_out(world, operations=tuple(replace(each, limits=limit) for each in bank.operations))
    assert [would(world.decide()) for _ in range(2)] == [None, "rate_limited"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"path": "/bank/public/../admin"}, "ambiguous_path"),
        ({"path": "/bank/secrets%2f"}, "ambiguous_path"),
        ({"query": "a b"}, "malformed_request"),
        ({"path": "/bank/secrets", "query": "a\r\nb"}, "undocumented"),
        ({"path": "/bank/secrets", "headers": [("x-a", "b\r\nc")]}, "undocumented"),
        ({"headers": [("host", "a"), ("host", "b")]}, "malformed_request"),
        ({"headers": [("upgrade", "websocket")]}, "upgrade_refused"),
        (
            {
                "method": "OPTIONS",
                "headers": [("origin", "a"), ("origin", "b"), ("access-control-request-method", "GET")],
            },
            "malformed_request",
        ),
        ({"method": "TRACE"}, "undocumented_method"),
        ({"method": "CONNECT"}, "undocumented_method"),
        ({"method": "trace"}, "undocumented_method"),
        ({"path": "/banking/x"}, "undocumented"),
        ({"path": "/.well-known/tokenward/x"}, "undocumented"),
    ],
)
def test_what_two_programs_could_read_in_two_ways_never_passes(asked, reason):
    assert code(rolling_out(World()).decide(**asked)) == reason


def test_what_is_reserved_is_no_apis_even_at_the_root():
    world = World()
    _, bank, *_ = world.policy.apis
    world.engine.policy = Policy([replace(bank, mount="", reports_until=START + 86_400)])
    assert would(world.decide("/anything")) == "undocumented"
    assert code(world.decide("/.well-known/tokenward/x")) == "undocumented"
    assert code(world.decide("/.well-known/oauth-protected-resource/x")) == "undocumented"


def test_other_apis_are_enforced_all_the_same():
    assert code(rolling_out(World()).decide("/weather/forecast/bern", None)) == "no_credential"


def test_after_its_last_day_it_is_enforced():
    world = rolling_out(World(), START + 10)
    assert would(world.decide(token=None)) == "no_credential"
    world.clock.advance(10)
    assert code(world.decide(token=None)) == "no_credential"
    assert code(world.decide("/bank/secrets")) == "undocumented"
    assert world.decide().inside_jwt
    assert not world.decide().report_only


def test_what_is_under_way_does_not_end_with_its_credential_either():
    world = rolling_out(World())
    assert would(world.decide()) is None
    request = world.request()
    world.known.clear()
    world.engine.verified.clear()
    assert asyncio.run(world.engine.outlives(request)) is None
    world.clock.advance(86_400)
    assert asyncio.run(world.engine.outlives(request)).problem.code == "invalid_token"


def test_explain_tells_the_step_that_would_refuse():
    world = rolling_out(World())
    decision, steps = asyncio.run(world.engine.explain(world.request(token=None)))
    assert would(decision) == "no_credential"
    assert (steps[-1].name, steps[-1].passed) == ("authenticate", False)


def test_nobody_vouches_for_who_would_be_refused():
    world = rolling_out(World())
    assert caller(world.decide("/bank/transfers", "reader", method="POST")).anonymous
    assert caller(world.decide()).client_id == "shop"


def test_through_the_door_the_api_gets_what_it_got_before_and_nobody_speaks_in_our_name():
    async def scenario(gateway):
        rolling_out(gateway.world)
        for token, path in (("reader", ACCOUNT), ("unknown", ACCOUNT), ("reader", "/bank/secrets")):
            own = gateway.world.fill("Bearer {" + token + "}").decode()
            others = [("x-api-key", "their own"), ("dpop", "their.own.proof"), ("cookie", "a=1; tokenward=s")]
            forged = [(name, "forged") for name in SPOOFED]
            status, *_ = await gateway.ask(path, headers=[("authorization", own), *others, *forged])
            assert status == 200
            assert gateway.backend.header("authorization") == [own]
            assert gateway.backend.header("x-api-key") == ["their own"]
            assert gateway.backend.header("dpop") == ["their.own.proof"]
            assert gateway.backend.header("cookie") == ["a=1"]
            assert b"forged" not in gateway.backend.heads[-1]
            assert b"eyJ" not in gateway.backend.heads[-1]
        assert gateway.backend.heads[-1].startswith(b"GET /v1/secrets HTTP/1.1\r\n")

    through(scenario)


def test_through_the_door_answers_are_the_apis_own_and_browsers_ask_it():
    async def answer(_reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok")

    async def scenario(gateway):
        gateway.backend.answer = answer
        cors = Cors(frozenset({b"https://app.example"}))
        rolling_out(gateway.world, cors=cors, answers=answer_headers({}, https=True))
        asks = [("origin", "https://app.example"), ("access-control-request-method", "GET")]
        for method, headers in (("OPTIONS", asks), ("GET", [("authorization", "Bearer {reader}")])):
            status, fields, _ = await gateway.ask(method=method, headers=headers)
            assert status == 200
            names = {name for name, _ in fields} - {"date", "content-length"}
            assert names == {"access-control-allow-origin", "x-request-id"}
            assert ("access-control-allow-origin", "*") in fields
        assert gateway.backend.requests == 2

    through(scenario)
