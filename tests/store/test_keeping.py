import asyncio
import dataclasses
import json

import pytest

from store.values import opened
from tokenward.base.entropy import random_bytes
from tokenward.store.keeping import WrongMasterKey, load_peppers, load_signing_keys
from tokenward.tokens.sealing import Sealer


class KeysInMemory:
    def __init__(self, records):
        self.records = records

    async def signing_keys(self, purpose):
        return [record for record in self.records if record.purpose == purpose]


def test_the_first_process_makes_pepper_and_keys_and_all_agree(url):
    sealer = Sealer(random_bytes(32))

    async def load(store):
        peppers = await load_peppers(store, sealer)
        outside = await load_signing_keys(store, sealer, "outside", ["ES256", "EdDSA"])
        inside = await load_signing_keys(store, sealer, "inside", ["ES256"])
        return peppers, [[key.public_jwk() for key in keys] for keys in (outside, inside)]

    async def run():
        async with opened(url) as first, opened(url) as second:
            loaded = await asyncio.gather(*(load(store) for store in (first, second, first, second)))
            assert all(each == loaded[0] for each in loaded)
            (pepper,), (outside, inside) = loaded[0]
            assert len(pepper) == 32
            assert [key["alg"] for key in outside] == ["ES256", "EdDSA"]
            assert inside[0]["kid"] not in {key["kid"] for key in outside}
            record = (await first.signing_keys("inside"))[0]
            assert json.loads(record.public_jwk) == inside[0]

    asyncio.run(run())


def test_keys_no_longer_asked_for_come_last(sqlite_url):
    sealer = Sealer(random_bytes(32))

    async def run():
        async with opened(sqlite_url) as store:
            await load_signing_keys(store, sealer, "outside", ["ES256"])
            keys = await load_signing_keys(store, sealer, "outside", ["EdDSA"])
            assert [key.algorithm for key in keys] == ["EdDSA", "ES256"]

    asyncio.run(run())


def test_another_master_key_opens_nothing(sqlite_url):
    async def run():
        async with opened(sqlite_url) as store:
            right, wrong = Sealer(random_bytes(32)), Sealer(random_bytes(32))
            await load_peppers(store, right)
            await load_signing_keys(store, right, "outside", ["ES256"])
            with pytest.raises(WrongMasterKey):
                await load_peppers(store, wrong)
            with pytest.raises(WrongMasterKey):
                await load_signing_keys(store, wrong, "outside", ["ES256"])

    asyncio.run(run())


@pytest.mark.parametrize("change", [{"purpose": "inside"}, {"kid": "other"}, {"algorithm": "EdDSA"}])
def test_a_sealed_key_cannot_be_moved_to_another_row(sqlite_url, change):
    sealer = Sealer(random_bytes(32))

    async def run():
        async with opened(sqlite_url) as store:
            await load_signing_keys(store, sealer, "outside", ["ES256"])
            (record,) = await store.signing_keys("outside")
            moved = dataclasses.replace(record, **change)
            with pytest.raises(WrongMasterKey):
                await load_signing_keys(KeysInMemory([moved]), sealer, moved.purpose, [moved.algorithm])

    asyncio.run(run())
