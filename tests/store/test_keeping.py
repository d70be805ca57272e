import asyncio
import dataclasses

import pytest

from store.values import NOW, opened
from tokenward.base.entropy import random_bytes
from tokenward.store.keeping import (
    WrongMasterKey,
    load_data_key,
    load_pairwise_key,
    load_peppers,
    new_signing_key,
    open_signing_key,
    replace_master_key,
    sealer,
)
from tokenward.tokens.sealing import Sealer

OLD, NEW, OTHER = (random_bytes(32) for _ in range(3))


def run(url, work, stores=1):
    async def main():
        async with opened(url) as first, opened(url) as second:
            await work(*(first, second)[:stores])

    asyncio.run(main())


def test_the_first_process_makes_data_key_and_pepper_and_all_agree(url):
    async def load(store):
        data_key = await load_data_key(store, OLD)
        vault = sealer(data_key, "keeping")
        return data_key, await load_peppers(store, vault), await load_pairwise_key(store, vault)

    async def work(first, second):
        loaded = await asyncio.gather(*(load(store) for store in (first, second, first, second)))
        assert all(each == loaded[0] for each in loaded)
        data_key, (pepper,), pairwise = loaded[0]
        assert len(data_key) == len(pepper) == len(pairwise) == 32
        assert len({data_key, pepper, pairwise}) == 3

    run(url, work, stores=2)


def test_another_master_key_opens_nothing(sqlite_url):
    async def work(store):
        await load_data_key(store, OLD)
        with pytest.raises(WrongMasterKey):
            await load_data_key(store, OTHER)

    run(sqlite_url, work)


def test_the_key_of_pairwise_subjects_outlives_the_master_key(sqlite_url):
    async def work(store):
        before = await load_pairwise_key(store, sealer(await load_data_key(store, OLD), "keeping"))
        await replace_master_key(store, OLD, NEW)
        after = await load_pairwise_key(store, sealer(await load_data_key(store, NEW), "keeping"))
        assert before == after
        with pytest.raises(WrongMasterKey):
            await load_pairwise_key(store, sealer(OTHER, "keeping"))

    run(sqlite_url, work)


def test_what_was_sealed_under_the_master_key_itself_moves_under_the_data_key(url):
    """As version 0.1.0 left it."""
    direct = sealer(OLD, "keeping")
    pepper = random_bytes(32)
    key = new_signing_key(direct, "inside", "ES256", NOW)

    async def work(store, other):
        await store.add_first_pepper(direct.seal(pepper, context=b"tokenward pepper"))
        await store.change_signing_keys("inside", [], [key], at=NOW)
        data_key, same = await asyncio.gather(load_data_key(store, OLD), load_data_key(other, OLD))
        assert data_key == same
        vault = sealer(data_key, "keeping")
        assert await load_peppers(store, vault) == (pepper,)
        (moved,) = await store.signing_keys("inside")
        assert open_signing_key(vault, moved).public_jwk() == open_signing_key(direct, key).public_jwk()
        with pytest.raises(WrongMasterKey):  # whoever has the master key still needs the data key
            open_signing_key(direct, moved)

    run(url, work, stores=2)


def test_a_wrong_master_key_moves_nothing(sqlite_url):
    async def work(store):
        await store.add_first_pepper(sealer(OLD, "keeping").seal(b"p" * 32, context=b"tokenward pepper"))
        with pytest.raises(WrongMasterKey):
            await load_data_key(store, OTHER)
        assert await store.data_key() is None
        assert await load_data_key(store, OLD)

    run(sqlite_url, work)


def test_a_replaced_master_key_opens_nothing_and_the_data_key_stays(url):
    async def work(store):
        data_key = await load_data_key(store, OLD)
        assert await replace_master_key(store, OLD, NEW)
        assert await load_data_key(store, NEW) == data_key
        with pytest.raises(WrongMasterKey):
            await load_data_key(store, OLD)
        assert not await replace_master_key(store, OLD, NEW)  # the same command again
        with pytest.raises(WrongMasterKey):
            await replace_master_key(store, OLD, OTHER)
        assert await load_data_key(store, NEW) == data_key

    run(url, work)


def test_of_two_who_replace_the_master_key_at_once_one_wins(url):
    async def work(first, second):
        data_key = await load_data_key(first, OLD)
        outcomes = await asyncio.gather(
            replace_master_key(first, OLD, NEW),
            replace_master_key(second, OLD, OTHER),
            return_exceptions=True,
        )
        won = outcomes.index(True)
        assert isinstance(outcomes[1 - won], WrongMasterKey)
        assert await load_data_key(first, (NEW, OTHER)[won]) == data_key

    run(url, work, stores=2)


@pytest.mark.parametrize("change", [{"purpose": "inside"}, {"kid": "other"}, {"algorithm": "EdDSA"}])
def test_a_sealed_key_cannot_be_moved_to_another_row(change):
    vault = Sealer(random_bytes(32))
    record = new_signing_key(vault, "outside", "ES256", NOW)
    assert open_signing_key(vault, record).kid == record.kid
    with pytest.raises(WrongMasterKey):
        open_signing_key(vault, dataclasses.replace(record, **change))


def test_the_data_key_cannot_stand_for_a_pepper_or_the_other_way_round(sqlite_url):
    async def work(store):
        await load_data_key(store, OLD)
        sealed = await store.data_key()
        await store.add_first_pepper(sealed)
        with pytest.raises(WrongMasterKey):
            await load_peppers(store, sealer(OLD, "data-key"))

    run(sqlite_url, work)
