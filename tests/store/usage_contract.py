"""The promises of `tokenward.store.usage_port`, for every adapter."""

import asyncio
import dataclasses

from store.values import NOW, api_key, client, secret_of
from tokenward.base.entropy import identifier
from tokenward.store.leak_records import Ending, Evidence, Leaked
from tokenward.store.records import ADDRESSES_KEPT, OTHERS, ApiKeyState, Usage

PROMISES = []
DAY = 86_400.0


def promise(check):
    PROMISES.append(check)
    return check


def usage(subject, kind="api_key", *, door="gateway", address="192.0.2.7", uses=1, first=NOW, last=NOW):
    return Usage(kind, subject, door, address, uses, first, last)


@promise
async def uses_add_up_and_the_last_one_never_moves_back(store):
    key, other = api_key(), api_key()
    await store.add_api_keys([key, other])
    await store.record_usage([usage(key.key_id, uses=3, last=NOW + 9), usage("nobody")])
    await store.record_usage([usage(key.key_id, uses=2, last=NOW + 5)])
    assert await store.api_key(key.key_id) == ApiKeyState(key, uses=5, last_used_at=NOW + 9)
    assert await store.api_key(other.key_id) == ApiKeyState(other)


@promise
async def the_last_use_of_a_client_secret_is_kept(store):
    app = client(type="service")
    secret = secret_of(app.client_id)
    await store.add_client(app, secret)
    await store.record_usage([usage(secret.secret_id, "client_secret", uses=3, last=NOW + 9)])
    await store.record_usage([usage(secret.secret_id, "client_secret", uses=2, last=NOW + 5)])
    assert await store.client_secrets(app.client_id) == [dataclasses.replace(secret, last_used_at=NOW + 9)]


@promise
async def of_each_address_and_door_the_uses_are_known_with_the_first_and_the_last(store):
    await store.record_usage(
        [
            usage("a", "access_token", uses=2, first=NOW + 3, last=NOW + 4),
            usage("a", "access_token", address="2001:db8::", last=NOW + 2),
            usage("a", "access_token", door="introspection", last=NOW + 1),
            usage("a", "refresh_token"),
            usage("b", "access_token"),
        ]
    )
    await store.record_usage([usage("a", "access_token", uses=5, first=NOW + 1, last=NOW + 3)])
    await store.record_usage([usage("a", "access_token", first=NOW + 9, last=NOW + 9)])
    assert await store.usages("access_token", "a") == [
        usage("a", "access_token", uses=8, first=NOW + 1, last=NOW + 9),
        usage("a", "access_token", address="2001:db8::", last=NOW + 2),
        usage("a", "access_token", door="introspection", last=NOW + 1),
    ]
    assert await store.usages("access_token", "nobody") == []


@promise
async def addresses_are_bounded_at_each_door_and_further_ones_count_together(store):
    kept = [usage("a", address=f"192.0.2.{number}") for number in range(ADDRESSES_KEPT)]
    await store.record_usage(kept)
    await store.record_usage([usage("a", address=f"198.51.100.{number}") for number in range(3)])
    await store.record_usage([dataclasses.replace(kept[7], uses=4), usage("a", door="issuer")])
    found = {(each.door, each.address): each.uses for each in await store.usages("api_key", "a")}
    assert len(found) == ADDRESSES_KEPT + 2
    assert found["gateway", OTHERS] == 3
    assert found["gateway", kept[7].address] == 5
    assert found["issuer", "192.0.2.7"] == 1


@promise
async def of_many_who_write_at_once_every_use_counts(store):
    some = [usage(subject, address=address) for subject in "ab" for address in ("192.0.2.1", "192.0.2.2")]
    await asyncio.gather(*(store.record_usage(some[::turn]) for turn in (1, -1) * 10))
    assert [each.uses for each in await store.usages("api_key", "a")] == [20, 20]


@promise
async def where_something_was_used_from_is_forgotten(store):
    of_token = [usage("a", "access_token"), usage("a", "refresh_token")]
    await store.record_usage([*of_token, usage("k"), usage("l")])
    await store.record_usage([usage("k", address="192.0.2.8", last=NOW + DAY)])
    assert await store.sweep(at=NOW + DAY - 1, limit=9) == 0
    assert await store.sweep(at=NOW + DAY, limit=9) == 1
    assert await store.usages("access_token", "a") == []
    assert await store.sweep(at=NOW + 90 * DAY, limit=2) == 2
    assert await store.sweep(at=NOW + 90 * DAY, limit=2) == 1
    assert [each.address for each in await store.usages("api_key", "k")] == ["192.0.2.8"]


@promise
async def what_an_incident_is_about_is_forgotten_with_it(store):
    await store.record_usage([usage("k"), usage("k", "client_secret")])
    told = await store.record_leak(
        identifier(), Leaked("api_key", "k"), Evidence("holder"), Ending("alert"), at=NOW
    )
    assert await store.sweep(at=NOW + 100 * DAY, limit=9) == 1
    assert await store.usages("api_key", "k") == [usage("k")]
    await store.close_incident(told.incident.incident_id, "over", at=NOW + 100 * DAY)
    await store.sweep(at=NOW + 600 * DAY, limit=9)
    await store.sweep(at=NOW + 600 * DAY, limit=9)
    assert await store.usages("api_key", "k") == []
