"""Owners hear before their keys end, each notice once."""

import asyncio
import json

import pytest

from store.values import NOW, api_key, opened
from tokenward.base.clock import ManualClock
from tokenward.base.mail import MailError
from tokenward.base.outbound import OutboundError
from tokenward.base.secret import Secret
from tokenward.issuer.key_notices import CannotTell, Mail, Notice, Webhook, tell_owners
from tokenward.store.records import ApiKeyState, Usage

DAY = 86_400
DAYS = (14, 3, 1)


class Pigeon:
    def __init__(self, *, fails=False, reaches=True):
        self.fails = fails
        self.reached = reaches
        self.told = []

    def reaches(self, _owner):
        return self.reached

    async def tell(self, notice):
        await asyncio.sleep(0)
        if self.fails:
            raise CannotTell("lost")
        self.told.append((notice.state.key.name, notice.days))


def lived(story):
    def run(tmp_path):
        async def main():
            async with opened(f"sqlite:{tmp_path / 'store.db'}") as store:
                await story(store)

        asyncio.run(main())

    run.__name__ = story.__name__
    return run


@lived
async def test_an_owner_is_told_at_each_number_of_days_once(store):
    await store.add_api_keys([api_key(name="a", expires_at=NOW + 20 * DAY)])
    pigeon = Pigeon()
    clock = ManualClock(NOW)
    for _ in range(21 * 4):
        await tell_owners(store, [pigeon], DAYS, clock=clock)
        clock.advance(DAY / 4)
    assert pigeon.told == [("a", 14), ("a", 3), ("a", 1)]


@lived
async def test_who_comes_late_tells_only_how_few_days_are_left(store):
    await store.add_api_keys([api_key(name="a", expires_at=NOW + 2 * DAY)])
    pigeon = Pigeon()
    assert await tell_owners(store, [pigeon], DAYS, clock=ManualClock(NOW)) == 1
    assert await tell_owners(store, [pigeon], DAYS, clock=ManualClock(NOW)) == 0
    assert pigeon.told == [("a", 3)]


@lived
async def test_of_many_processes_one_tells(store):
    await store.add_api_keys([api_key(name=name, expires_at=NOW + DAY / 2) for name in "abc"])
    pigeons = [Pigeon() for _ in range(8)]
    await asyncio.gather(*(tell_owners(store, [pigeon], DAYS, clock=ManualClock(NOW)) for pigeon in pigeons))
    assert sorted(each for pigeon in pigeons for each in pigeon.told) == [("a", 1), ("b", 1), ("c", 1)]


@lived
async def test_what_got_nowhere_is_tried_again(store):
    key = api_key(name="a", expires_at=NOW + 2 * DAY)
    await store.add_api_keys([key])
    pigeon = Pigeon(fails=True)
    assert await tell_owners(store, [pigeon], DAYS, clock=ManualClock(NOW)) == 0
    assert (await store.api_key(key.key_id)).told_days is None
    pigeon.fails = False
    assert await tell_owners(store, [pigeon], DAYS, clock=ManualClock(NOW)) == 1


@lived
async def test_what_arrived_one_way_is_not_sent_again_for_the_other(store):
    await store.add_api_keys([api_key(name="a", expires_at=NOW + 2 * DAY)])
    ways = [Pigeon(fails=True), Pigeon()]
    for _ in range(2):
        await tell_owners(store, ways, DAYS, clock=ManualClock(NOW))
    assert ways[1].told == [("a", 3)]


@lived
async def test_nothing_is_claimed_for_an_owner_whom_nothing_reaches(store):
    key = api_key(expires_at=NOW + 2 * DAY)
    await store.add_api_keys([key])
    await tell_owners(store, [Pigeon(reaches=False)], DAYS, clock=ManualClock(NOW))
    assert (await store.api_key(key.key_id)).told_days is None


@lived
async def test_the_webhook_gets_what_a_program_and_a_chat_need_and_no_secret(store):
    key = api_key(name="Forecasts", owner="ops", expires_at=NOW + DAY / 2)
    await store.add_api_keys([key])
    await store.record_usage([Usage("api_key", key.key_id, "gateway", "192.0.2.7", 1, NOW - DAY, NOW - DAY)])
    posted = []

    class Client:
        async def post_json_async(self, url, body):
            posted.append((url, json.loads(body)))

    await tell_owners(
        store, [Webhook(Secret("https://hook.example/x"), Client())], DAYS, clock=ManualClock(NOW)
    )
    assert posted == [
        (
            "https://hook.example/x",
            {
                "event": "api_key_ends",
                "text": "API key 'Forecasts' ends on 2027-01-15 at 20:00 UTC",
                "key_id": key.key_id,
                "name": "Forecasts",
                "owner": "ops",
                "last_four": "a1B2",
                "audience": "https://api.example",
                "expires_at": NOW + DAY / 2,
                "within_days": 1,
                "last_used_at": NOW - DAY,
            },
        )
    ]


@lived
async def test_mail_says_which_key_it_is_and_what_to_do(store):
    key = api_key(name="Forecasts", expires_at=NOW + DAY / 2)
    await store.add_api_keys([key])
    sent = []

    class Server:
        async def send(self, **mail):
            sent.append(mail)

    await tell_owners(store, [Mail(Server())], DAYS, clock=ManualClock(NOW))
    (mail,) = sent
    assert mail["to"] == "ann@example.com"
    assert "'Forecasts' ends on 2027-01-15" in mail["subject"]
    for text in (key.key_id, "ends in a1B2", "https://api.example", "used never", "rotate"):
        assert text in mail["text"]


@pytest.mark.parametrize(
    ("owner", "reached"),
    [
        ("ann@example.com", True),
        ("ops", False),
        ("@example.com", False),
        ("ann@example", False),
        ("ann@example.com, eve@example.com", False),
        ("Ann <ann@example.com>", False),
    ],
)
def test_mail_goes_to_one_address_and_to_nothing_else(owner, reached):
    assert Mail(None).reaches(owner) is reached


@pytest.mark.parametrize("error", [OutboundError("timeout", "https://hook.example"), MailError("SMTP 550")])
def test_a_way_that_fails_says_so_without_the_address(error):
    class Broken:
        async def post_json_async(self, _url, _body):
            raise error

        async def send(self, **_mail):
            raise error

    way = (
        Webhook(Secret("https://hook.example/x"), Broken())
        if isinstance(error, OutboundError)
        else Mail(Broken())
    )
    with pytest.raises(CannotTell) as caught:
        asyncio.run(way.tell(Notice(ApiKeyState(api_key()), 3)))
    assert "hook.example" not in str(caught.value)
