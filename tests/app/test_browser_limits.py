"""Floods of the paths of browser apps: refused by address, bounded in size and time."""

import asyncio

import pytest

from app.test_browser_apps import APP, GOOD, gateways, write  # noqa: F401 - the fixture
from tokenward.app import browser_apps
from tokenward.app.browser_limits import AT_ONCE, RATES
from tokenward.app.config import load
from tokenward.app.initialise import make_secrets
from tokenward.base.clock import ManualClock
from tokenward.client.web.answers import WebAnswer
from tokenward.client.web.routes import MAX_BODY

METHODS = {"logout": "POST", "backchannel-logout": "POST"}


class Door:
    """A gateway whose browser app answers everything, and counts what it is asked."""

    def __init__(self, apps, clock, monkeypatch):
        self.clock = clock
        self.asked = []
        self.limits = apps._limits
        (shop,) = apps._served
        assert shop.routes.table.keys() == RATES.keys(), "each path has its limit"
        for name in RATES:
            monkeypatch.setitem(shop.routes.table, name, (METHODS.get(name, "GET"), self.answer))
        self._door = apps.before(None)

    def answer(self, scope, body):
        self.asked.append((scope["path"], body))
        return WebAnswer(200)

    async def ask(self, name, peer="192.0.2.1", *, chunks=(b"",), stuck=False):
        """The status and headers of what is answered. The body comes in those chunks, and is stuck then."""
        told, sent = [*chunks], []

        async def receive():
            if not told:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": told.pop(0), "more_body": bool(told) or stuck}

        async def send(message):
            sent.append(message)

        path = f"/bff/{name}"
        scope = {
            "type": "http", "method": METHODS.get(name, "GET"), "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": b"", "headers": [(b"host", b"127.0.0.1:8000")],
            "client": (peer, 1),
        }  # fmt: skip
        await self._door(scope, receive, send)
        return sent[0]["status"], dict(sent[0]["headers"])


@pytest.fixture
def door(write, tmp_path, monkeypatch):  # noqa: F811
    make_secrets(tmp_path)
    clock = ManualClock(1_800_000_000.0)
    with gateways(load(write(GOOD + APP)).configuration, clock=clock) as (apps, _):
        yield Door(apps, clock, monkeypatch)


@pytest.mark.parametrize("name", RATES)
def test_an_address_asks_each_path_so_often_only(door, name):
    burst, every = RATES[name]

    async def scenario():
        assert {(await door.ask(name))[0] for _ in range(burst)} == {200}
        status, headers = await door.ask(name)
        assert (status, headers[b"retry-after"]) == (429, b"1")
        assert len(door.asked) == burst, "nobody was asked for what was refused"
        assert (await door.ask(name, "192.0.2.2"))[0] == 200
        other = next(each for each in RATES if each != name)
        assert (await door.ask(other))[0] == 200
        door.clock.advance(1.01 * every)
        assert [(await door.ask(name))[0] for _ in range(2)] == [200, 429]

    asyncio.run(scenario())


def test_a_body_that_trickles_is_given_up_on_and_takes_no_place_any_more(door, monkeypatch):
    monkeypatch.setattr(browser_apps, "BODY_SECONDS", 0.05)

    async def scenario():
        slow = [door.ask("backchannel-logout", chunks=[b"l"], stuck=True) for _ in range(AT_ONCE)]
        async with asyncio.timeout(30):
            assert {status for status, _ in await asyncio.gather(*slow)} == {408}
        assert not door.limits._under_way
        assert (await door.ask("backchannel-logout", chunks=[b"logout", b"_token=x"]))[0] == 200

    asyncio.run(scenario())
    assert [body for _, body in door.asked] == [b"logout_token=x"]


def test_a_body_that_is_too_long_is_read_no_further(door):
    async def scenario():
        endless = [b"x" * MAX_BODY, b"x", *[b"more"] * 100]
        return await door.ask("backchannel-logout", chunks=endless)

    assert asyncio.run(scenario())[0] == 413
    assert (door.asked, door.limits._under_way.total()) == ([], 0)
