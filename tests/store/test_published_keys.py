import asyncio

import pytest

from store.test_key_ring import House, lived
from tokenward.store.key_states import TERMS
from tokenward.store.port import StoreUnavailable
from tokenward.store.published_keys import RETRY_AFTER, PublishedKeys
from tokenward.tokens.key_source import KeysUnavailable


class Watched:
    """The store's keys, which can be down, or answer late."""

    def __init__(self, keys):
        self.keys = keys
        self.asked = 0
        self.down = False
        self.late = None
        self.waiting = asyncio.Event()

    async def signing_keys(self, purpose):
        self.asked += 1
        if self.down:
            raise StoreUnavailable
        found = await self.keys.signing_keys(purpose)
        if self.late is not None:
            late, self.late = self.late, None
            self.waiting.set()
            await late.wait()
        return found


async def published(house: House, *algorithms: str) -> tuple[PublishedKeys, Watched]:
    await house.start()
    watched = Watched(house.desk.keys)
    keys = PublishedKeys(watched, "inside", clock=house.clock)
    keys.settle(algorithms or ("ES256",))
    await keys.load()
    return keys, watched


def kids(keys: PublishedKeys) -> list[str | None]:
    return [key.kid for key in keys.find(None)]


@lived
async def test_public_keys_of_the_algorithms_in_use_verify_what_was_signed(house):
    keys, _ = await published(house)
    signer = house.ring.signer("ES256")
    assert kids(keys) == [signer.kid]
    assert keys.find(signer.kid)[0].verify(b"data", signer.sign(b"data"))


@lived
async def test_a_removed_key_is_gone_with_the_next_load(house):
    keys, _ = await published(house)
    generation, first = keys.generation, house.ring.signer("ES256").kid
    await house.desk.remove(first, compromised=True)
    await keys.load()
    assert first not in kids(keys)
    assert keys.generation != generation


@lived
async def test_a_retired_key_goes_by_the_clock(house):
    keys, _ = await published(house)
    first = house.ring.signer("ES256").kid
    await house.desk.retire(first)
    await keys.load()
    assert first in kids(keys)
    house.clock.advance(TERMS["inside"].kept)
    assert first not in kids(keys)


@lived
async def test_an_unknown_kid_is_asked_for_once_a_second(house):
    keys, watched = await published(house)
    first = house.ring.signer("ES256").kid
    await house.desk.remove(first, compromised=True)
    await house.ring.load()
    fresh = house.ring.signer("ES256").kid
    asked = watched.asked
    assert fresh not in [key.kid for key in await keys.find_async(fresh)]
    assert watched.asked == asked
    house.clock.advance(RETRY_AFTER)
    assert fresh in [key.kid for key in await keys.find_async(fresh)]
    for number in range(10):
        await keys.find_async(f"invented {number}")
    assert watched.asked == asked + 1


@lived
async def test_while_the_store_is_down_known_keys_are_good_and_unknown_ones_cannot_be_told(house):
    keys, watched = await published(house)
    first = house.ring.signer("ES256").kid
    house.clock.advance(RETRY_AFTER)
    watched.down = True
    assert [key.kid for key in await keys.find_async(first)] == [first]
    with pytest.raises(KeysUnavailable):
        await keys.find_async("unknown")


@lived
async def test_a_late_answer_brings_no_removed_key_back(house):
    keys, watched = await published(house)
    first = house.ring.signer("ES256").kid
    watched.late = late = asyncio.Event()
    slow = asyncio.create_task(keys.load())
    await watched.waiting.wait()
    await house.desk.remove(first, compromised=True)
    await keys.load()
    late.set()
    await slow
    assert first not in kids(keys)


@lived
async def test_one_key_is_used_with_one_list_of_algorithms(house):
    keys, _ = await published(house)
    keys.settle(["ES256"])
    with pytest.raises(ValueError, match="same algorithms"):
        keys.settle(["EdDSA"])
