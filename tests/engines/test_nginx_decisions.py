"""nginx without a decision, or with something that is none: nothing passes."""

import asyncio
import json

import pytest

from engines.behind_nginx import through
from tokenward.gateway.doors.answers import Answer


def refusing(change):
    """Makes of each decision something else."""

    def made(decisions):
        async def answering(asked):
            return change(await decisions(asked))

        return answering

    return made


def without(name):
    return lambda decision: decision._replace(headers=tuple(it for it in decision.headers if it[0] != name))


def says(name, value):
    def change(decision):
        return decision._replace(headers=(*without(name)(decision).headers, (name, value)))

    return change


@pytest.mark.parametrize(
    "change",
    [
        without(b"tokenward-decision"),
        lambda decision: decision._replace(status=500),
        lambda decision: decision._replace(status=204),
        lambda decision: Answer(200, (), b""),
        lambda decision: decision._replace(headers=(*decision.headers, (b"tokenward-decision", b"allow"))),
        says(b"tokenward-decision", b"deny"),
        says(b"tokenward-decision", b"preflight"),
        without(b"x-request-id"),
        without(b"tokenward-api"),
        says(b"tokenward-api", b"shop"),
    ],
)
def test_what_is_no_decision_lets_nothing_pass(change):
    async def scenario(gateway):
        status, headers, body = await gateway.ask()
        assert (status, json.loads(body)["type"]) == (503, "urn:tokenward:problem:unavailable")
        assert dict(headers)["cache-control"] == "no-store"
        assert gateway.backend.requests == 0

    through(scenario, answering=refusing(change))


@pytest.mark.parametrize(
    ("removes", "goes_up"), [(b"authorization", False), (b"x-a,authorization", False), (b"x-a", True)]
)
def test_a_credential_of_the_client_goes_up_only_where_the_decision_leaves_it(removes, goes_up):
    def change(decision):
        removed = (b"x-envoy-auth-headers-to-remove", removes)
        others = (removed[0], b"authorization")
        return decision._replace(headers=(*(it for it in decision.headers if it[0] not in others), removed))

    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        own = [f"Bearer {gateway.world.tokens['reader']}"]
        assert gateway.backend.header("authorization") == (own if goes_up else [])

    through(scenario, answering=refusing(change))


def test_a_decision_that_does_not_come_in_time_is_none():
    def silent(_decisions):
        async def answering(_asked):
            await asyncio.sleep(60)

        return answering

    async def scenario(gateway):
        started = asyncio.get_running_loop().time()
        assert (await gateway.ask())[0] == 503
        assert asyncio.get_running_loop().time() - started < 5
        assert gateway.backend.requests == 0

    through(scenario, answering=silent)


def test_half_a_refusal_is_none():
    async def breaks_off(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 \r\ntokenward-decision: deny\r\ncontent-length: 100\r\n\r\n{")
        writer.close()

    async def scenario(gateway):
        (gateway.directory / "decisions").unlink()
        async with await asyncio.start_unix_server(breaks_off, gateway.directory / "decisions"):
            status, _, body = await gateway.ask()
        assert (status, json.loads(body)["type"]) == (503, "urn:tokenward:problem:unavailable")

    through(scenario)


def test_without_the_gateway_nothing_passes():
    async def scenario(gateway):
        assert (await gateway.ask())[0] == 200
        (gateway.directory / "decisions").unlink()
        gateway.listener.leaving = True  # and the connections that there are end with their next answer
        await gateway.ask()
        before = gateway.backend.requests
        for path, token in (("/bank/accounts/7", "reader"), ("/weather/about", None)):
            assert (path, (await gateway.ask(path, token=token))[0]) == (path, 503)
        assert gateway.backend.requests == before

    through(scenario)
