"""Security headers of an API's answers, and what an API tells of itself without meaning to."""

import asyncio
from dataclasses import replace

import pytest

from gateway.cases import COOKIE
from gateway.wire import through
from gateway.world import World
from tokenward.gateway.answer_headers import DEFAULTS, answer_headers
from tokenward.gateway.bounds import Bounds
from tokenward.gateway.policy import Policy


def protect(world, **changes):
    weather, bank, *_ = world.policy.apis
    world.engine.policy = Policy([replace(weather, **changes), replace(bank, **changes)])


def bound(world, bounds, label="POST /transfers"):
    weather, bank, *_ = world.policy.apis
    operations = tuple(
        replace(each, bounds=bounds) if each.label == label else each for each in bank.operations
    )
    world.engine.policy = Policy([weather, replace(bank, operations=operations)])


def test_what_the_api_does_not_say_is_said_for_it():
    async def scenario(gateway):
        protect(gateway.world, answers=answer_headers({}, https=True))
        for path, token, private in (("/bank/accounts/7", "reader", True), ("/weather/about", None, False)):
            _, fields, _ = await gateway.ask(path, token=token)
            expected = {name: text for name, text in DEFAULTS.items() if private or name != "cache-control"}
            assert {name: value for name, value in fields if name in DEFAULTS} == expected

    through(scenario)


def test_what_the_api_says_itself_stands():
    async def answer(_reader, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nCONTENT-SECURITY-POLICY: default-src 'self'\r\n"
            b"Content-Length: 2\r\n\r\nok"
        )

    async def scenario(gateway):
        gateway.backend.answer = answer
        protect(gateway.world, answers=answer_headers({}, https=False))
        _, fields, _ = await gateway.ask()
        assert [value for name, value in fields if name == "cache-control"] == ["max-age=60"]
        assert [value for name, value in fields if name == "content-security-policy"] == [
            "default-src 'self'"
        ]

    through(scenario)


IN_AUTHORIZATION = [("authorization", "Bearer {reader}")]
IN_A_COOKIE = [("cookie", f"{COOKIE}=of-{{reader}}"), ("tokenward-csrf", "1")]
IN_X_API_KEY = [("x-api-key", "{apikey}")]


@pytest.mark.parametrize(
    ("headers", "said", "told"),
    [
        (IN_AUTHORIZATION, ["max-age=60"], "max-age=60"),
        (IN_A_COOKIE, ["max-age=60"], "max-age=60, private"),
        (IN_X_API_KEY, ["max-age=60"], "max-age=60, private"),
        (IN_A_COOKIE, ["max-age=60", "must-revalidate"], "max-age=60, must-revalidate, private"),
        (IN_A_COOKIE, ['private="x-name", max-age=9'], 'private="x-name", max-age=9, private'),
        (IN_A_COOKIE, [], "private"),
        (IN_A_COOKIE, ["max-age=9, Private"], "max-age=9, Private"),
        (IN_A_COOKIE, ["public, max-age=9"], "public, max-age=9"),
        (IN_A_COOKIE, ["s-maxage=9"], "s-maxage=9"),
        (IN_A_COOKIE, ["No-Store"], "No-Store"),
    ],
    ids=str,
)
def test_a_credential_that_shared_caches_do_not_know_keeps_its_answers_out_of_them(headers, said, told):
    """RFC 9111 §3.5: the API got `Authorization`, and what it says is meant for caches that see one."""

    async def answer(_reader, writer):
        lines = "".join(f"Cache-Control: {each}\r\n" for each in said)
        writer.write(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok".encode())

    async def scenario(gateway):
        gateway.backend.answer = answer
        path = "/weather/forecast/bern" if headers is IN_X_API_KEY else "/bank/accounts/7"
        status, fields, _ = await gateway.ask(path, headers=headers)
        assert status == 200
        assert ", ".join(value for name, value in fields if name == "cache-control") == told

    through(scenario)


def test_what_runs_behind_is_nobodys_business():
    async def answer(_reader, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nServer: Old/1.0\r\nX-Powered-By: PHP/5\r\nx-aspnet-version: 4\r\n"
            b"X-AspNetMvc-Version: 5\r\nX-Runtime: 1\r\nX-Generator: a\r\nContent-Length: 2\r\n\r\nok"
        )

    async def scenario(gateway):
        gateway.backend.answer = answer
        _, fields, _ = await gateway.ask()
        told = " ".join(f"{name}: {value}" for name, value in fields)
        assert "Old" not in told
        assert not [name for name, _ in fields if name.startswith(("x-p", "x-a", "x-g", "x-ru"))]

    through(scenario)


def test_a_header_can_have_another_value_or_none():
    own = {"cross-origin-resource-policy": "cross-origin", "content-security-policy": None}
    headers = dict(answer_headers(own, https=False).authenticated)
    assert headers[b"cross-origin-resource-policy"] == b"cross-origin"
    assert b"content-security-policy" not in headers


def test_only_where_clients_come_by_https_they_are_told_to_stay_there():
    for https in (True, False):
        made = answer_headers({}, https=https)
        assert (b"strict-transport-security" in dict(made.anonymous)) is https
    world = World()
    assert "strict-transport-security" not in world.decide(token=None).headers
    world.engine._https = True
    assert world.decide(token=None).headers["strict-transport-security"] == "max-age=31536000"


def test_an_operation_has_bounds_of_its_own():
    async def scenario(gateway):
        bound(gateway.world, Bounds(body=3))
        for body, expected in ((b"abc", 200), (b"abcd", 413)):
            headers = [("authorization", "Bearer {writer}"), ("content-length", str(len(body)))]
            assert (await gateway.ask("/bank/transfers", "POST", headers, body=body))[0] == expected
        assert gateway.backend.bodies == [b"abc"]

    through(scenario)


def test_a_body_that_is_not_announced_is_cut_at_the_same_size():
    async def scenario(gateway):
        bound(gateway.world, Bounds(body=3))
        headers = [("authorization", "Bearer {writer}"), ("transfer-encoding", "chunked")]
        status, *_ = await gateway.ask("/bank/transfers", "POST", headers, body=b"4\r\nabcd\r\n0\r\n\r\n")
        assert status == 413

    through(scenario)


def test_an_operation_waits_as_long_as_it_says():
    async def never(_reader, _writer):
        await gone.wait()

    gone = asyncio.Event()

    async def scenario(gateway):
        gateway.backend.answer = never
        bound(gateway.world, Bounds(read=0.1), "GET /accounts/{id}")
        assert (await gateway.ask())[0] == 504
        gone.set()

    through(scenario, read=60.0)
