import asyncio
import dataclasses
import json

import pytest

from store.values import NOW, opened
from tokenward.base.clock import ManualClock
from tokenward.base.entropy import random_bytes
from tokenward.base.problems import Refusal
from tokenward.store.feed import FeedFollower
from tokenward.store.keeping import WrongMasterKey, new_signing_key
from tokenward.store.key_orders import KeyDesk, rotate_forever
from tokenward.store.key_ring import KeyRing
from tokenward.store.key_states import TERMS
from tokenward.store.port import StoreUnavailable
from tokenward.tokens.sealing import Sealer

ALGORITHMS = {"outside": ("ES256",), "inside": ("ES256", "EdDSA")}


class House:
    """A desk and the ring of another process, over one store."""

    def __init__(self, store, other=None):
        self.clock = ManualClock(NOW)
        self.vault = Sealer(random_bytes(32))
        self.fresh = True
        self.desk = KeyDesk(store, self.vault, ALGORITHMS, self.clock)
        self.ring = KeyRing(other or store, self.vault, "inside", fresh=lambda: self.fresh, clock=self.clock)

    async def start(self):
        await self.desk.ensure("inside")
        await self.ring.load()
        return self.ring.signer("ES256")

    def published(self):
        return [jwk["kid"] for jwk in self.ring.jwks()["keys"]]


def lived(test):
    def run(sqlite_url):
        async def main():
            async with opened(sqlite_url) as store:
                await test(House(store))

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@lived
async def test_a_pending_key_takes_over_without_being_loaded_again(house):
    first = await house.start()
    successor = await house.desk.rotate("inside", "ES256")
    await house.ring.load()
    assert house.ring.signer("ES256") == first
    assert successor.kid in house.published()
    assert house.ring.signs(first.kid, house.clock.time())
    house.clock.advance(TERMS["inside"].ahead)
    assert house.ring.signer("ES256").kid == successor.kid
    assert not house.ring.signs(first.kid, house.clock.time())
    assert first.kid in house.published()
    house.clock.advance(TERMS["inside"].kept)
    assert first.kid not in house.published()


@lived
async def test_each_algorithm_has_its_key_and_an_unknown_one_none(house):
    await house.start()
    assert {house.ring.signer(name).algorithm for name in ("ES256", "EdDSA")} == {"ES256", "EdDSA"}
    with pytest.raises(Refusal, match="no PS256 key"):
        house.ring.signer("PS256")


@lived
async def test_while_the_feed_is_unconfirmed_nothing_is_signed_or_published(house):
    await house.start()
    house.fresh = False
    for act in (lambda: house.ring.signer("ES256"), house.ring.jwks):
        with pytest.raises(Refusal, match="unconfirmed") as refused:
            act()
        assert refused.value.problem.status == 503


@lived
async def test_a_compromised_key_is_gone_and_another_signs(house):
    first = await house.start()
    await house.desk.remove(first.kid, compromised=True)
    await house.ring.load()
    assert house.ring.signer("ES256").kid != first.kid
    assert first.kid not in house.published()


@lived
async def test_a_clock_that_lags_behind_keeps_nothing_alive_and_stops_nothing(house):
    first = await house.start()
    house.clock.advance(5)
    await house.desk.remove(first.kid, compromised=True)
    house.clock.advance(-5)
    await house.ring.load()
    assert house.ring.signer("ES256").kid != first.kid
    assert first.kid not in house.published()


@lived
async def test_a_key_that_came_and_went_between_two_looks_stops_no_clock_that_lags_behind(house):
    first = await house.start()
    house.clock.advance(5)
    successor = await house.desk.rotate("inside", "ES256")
    await house.desk.remove(successor.kid, compromised=False)
    house.clock.advance(-5)
    await house.ring.load()
    assert house.ring.signer("ES256") == first
    assert successor.kid not in house.published()


@lived
async def test_what_is_removed_is_not_opened(house):
    """Its private half may be destroyed already."""
    first = await house.start()
    await house.desk.retire(first.kid)
    house.clock.advance(TERMS["inside"].kept + 3600)
    await house.desk.keys.sweep(at=house.clock.time(), limit=10)
    again = KeyRing(house.desk.keys, house.vault, "inside", fresh=lambda: True, clock=house.clock)
    await again.load()
    assert again.signer("ES256").kid != first.kid


@lived
async def test_nothing_is_loaded_with_another_data_key(house):
    await house.start()
    stranger = Sealer(random_bytes(32))
    with pytest.raises(WrongMasterKey):
        await KeyRing(house.desk.keys, stranger, "inside", fresh=lambda: True, clock=house.clock).load()


@lived
async def test_who_only_writes_to_the_database_publishes_no_key_of_their_own(house):
    await house.start()
    old = await house.desk.keys.signing_keys("inside")
    theirs = new_signing_key(Sealer(random_bytes(32)), "inside", "ES256", NOW)
    for record in old:
        swapped = [dataclasses.replace(key, public_jwk=theirs.public_jwk) for key in old]
        await house.desk.keys.change_signing_keys("inside", old, swapped, at=NOW)
        await house.ring.load()
        assert theirs.kid not in house.published()
        assert record.kid in house.published()
        await house.desk.keys.change_signing_keys("inside", swapped, old, at=NOW)
    await house.desk.keys.change_signing_keys("inside", old, [*old, theirs], at=NOW)
    with pytest.raises(WrongMasterKey):
        await house.ring.load()


@lived
async def test_what_is_published_has_no_private_part(house):
    await house.start()
    for jwk in house.ring.jwks()["keys"]:
        assert not {"d", "p", "q", "k"} & set(jwk)
        assert set(jwk) >= {"kty", "kid", "alg", "use"}
        assert json.loads(json.dumps(jwk)) == jwk


def test_of_two_who_rotate_at_once_one_wins(url):
    async def run():
        async with opened(url) as one, opened(url) as other:
            house = House(one)
            await house.start()
            desks = [KeyDesk(store, house.vault, ALGORITHMS, house.clock) for store in (one, other)]
            found = await asyncio.gather(
                *(desk.rotate("inside", "ES256") for desk in desks * 2), return_exceptions=True
            )
            assert sum(isinstance(each, Refusal) for each in found) == 3
            keys = [key for key in await house.desk.all_keys() if key.algorithm == "ES256"]
            assert len(keys) == 2

    asyncio.run(run())


def test_processes_that_start_at_once_make_one_key_each(url):
    async def run():
        async with opened(url) as one, opened(url) as other:
            house = House(one)
            desks = [KeyDesk(store, house.vault, ALGORITHMS, house.clock) for store in (one, other)]
            await asyncio.gather(*(desk.ensure("inside") for desk in desks * 2))
            assert sorted(key.algorithm for key in await house.desk.all_keys()) == ["ES256", "EdDSA"]

    asyncio.run(run())


def test_a_key_that_is_compromised_by_two_is_replaced_once(url):
    async def run():
        async with opened(url) as one, opened(url) as other:
            house = House(one)
            first = await house.start()
            desks = [KeyDesk(store, house.vault, ALGORITHMS, house.clock) for store in (one, other)]
            found = await asyncio.gather(
                *(desk.remove(first.kid, compromised=True) for desk in desks), return_exceptions=True
            )
            assert sum(isinstance(each, Refusal) for each in found) == 1
            assert len([key for key in await house.desk.all_keys() if key.algorithm == "ES256"]) == 2

    asyncio.run(run())


def test_a_follower_brings_what_another_process_ordered(url):
    async def run():
        async with opened(url) as one, opened(url) as other:
            house = House(one, other)
            first = await house.start()
            follower = FeedFollower(other, on_event=lambda _event: house.ring.load(), on_gap=house.ring.load)
            following = asyncio.create_task(follower.run())
            async with asyncio.timeout(20):
                while not follower.confirmed:  # noqa: ASYNC110 - the follower tells nobody when
                    await asyncio.sleep(0.001)
                await house.desk.remove(first.kid, compromised=True)
                while first.kid in house.published():  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.001)
            assert house.ring.signer("ES256").kid != first.kid
            following.cancel()

    asyncio.run(run())


@lived
async def test_the_task_rotates_by_age_and_outlives_an_outage(house):
    await house.start()
    house.clock.advance(90 * 86_400)
    keys, failed = house.desk.keys, asyncio.Event()

    class Flaky:
        def __getattr__(self, name):
            return getattr(keys, name)

        async def signing_keys(self, purpose):
            if not failed.is_set():
                failed.set()
                raise StoreUnavailable("for a moment")
            return await keys.signing_keys(purpose)

    desk = KeyDesk(Flaky(), house.vault, ALGORITHMS, house.clock)
    task = asyncio.create_task(rotate_forever(desk, rotate_after=90 * 86_400, every=0.001))
    async with asyncio.timeout(20):
        while len(await house.desk.all_keys()) < 4:  # noqa: ASYNC110 - the task tells nobody when
            await asyncio.sleep(0.001)
    task.cancel()
    assert failed.is_set()


@lived
async def test_what_a_removed_key_signed_is_no_longer_good(house):
    first = await house.start()
    assert house.ring.publishes(first.kid)
    assert not house.ring.publishes("another")
    assert not house.ring.publishes(None)
    await house.desk.remove(first.kid, compromised=True)
    await house.ring.load()
    assert not house.ring.publishes(first.kid)
