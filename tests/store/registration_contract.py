"""Every promise of `tokenward.store.registration_port`."""

import asyncio
from dataclasses import replace

import pytest

from store.values import NOW, client, code_of, grant, secret_of, token_id
from tokenward.store.port import AlreadyExists
from tokenward.store.registration_records import InitialToken, Registration

PROMISES = []


def promise(check):
    PROMISES.append(check)
    return check


def initial(uses=1):
    return InitialToken(token_id("ia"), b"i", uses, NOW, NOW + 60)


def registered(**over):
    made = client(self_registered=True, created_at=NOW, **over)
    return made, Registration(made.client_id, token_id("ra"), b"r", "{}", NOW + 100)


async def add(store, most=1000, initial_token=None, at=NOW, secret=None, **over):
    made, registration = registered(**over)
    done = await store.register_client(
        made, secret, registration, at=at, most=most, initial_token=initial_token
    )
    return done, made, registration


@promise
async def what_registers_itself_comes_back_as_it_was_added(store):
    done, made, registration = await add(store)
    assert done == "added"
    assert await store.client(made.client_id) == made
    assert await store.registration(made.client_id) == registration
    assert await store.registration("nobody") is None


@promise
async def an_initial_token_is_good_for_so_many_and_until_its_end(store):
    token = initial(uses=2)
    await store.add_initial_token(token)
    with pytest.raises(AlreadyExists):
        await store.add_initial_token(token)
    answers = await asyncio.gather(*(add(store, initial_token=token.token_id) for _ in range(10)))
    assert sorted(done for done, _, _ in answers) == ["added"] * 2 + ["spent"] * 8
    for done, made, _ in answers:
        assert (await store.client(made.client_id) is None) is (done == "spent")
    assert (await store.initial_token(token.token_id)).uses_left == 0
    late = initial()
    await store.add_initial_token(late)
    assert (await add(store, initial_token=late.token_id, at=NOW + 60))[0] == "spent"
    assert {each.token_id for each in await store.initial_tokens()} >= {token.token_id, late.token_id}
    assert await store.remove_initial_token(late.token_id)
    assert not await store.remove_initial_token(late.token_id)
    assert (await add(store, initial_token=late.token_id))[0] == "spent"


@promise
async def when_there_are_enough_nobody_is_added_and_no_use_is_taken(store):
    token = initial()
    await store.add_initial_token(token)
    await add(store)
    done, made, _ = await add(store, most=1, initial_token=token.token_id)
    assert done == "full"
    assert await store.client(made.client_id) is None
    assert (await store.initial_token(token.token_id)).uses_left == 1


@promise
async def a_registration_changes_once_by_its_token(store):
    _, made, registration = await add(store)
    other = replace(made, name="Other", auth_method="none")
    news = [replace(registration, token_id=token_id("ra")) for _ in range(10)]
    done = await asyncio.gather(
        *(store.change_registration(other, None, new, instead_of=registration.token_id) for new in news)
    )
    assert sum(done) == 1
    assert await store.registration(made.client_id) == news[done.index(True)]
    assert await store.client(made.client_id) == other


@promise
async def secrets_go_when_a_client_proves_itself_otherwise(store):
    made, registration = registered()
    secret = secret_of(made.client_id)
    await store.register_client(made, secret, registration, at=NOW, most=9999, initial_token=None)
    assert await store.client_secrets(made.client_id) == [secret]
    keys = replace(made, auth_method="private_key_jwt", jwks="{}")
    assert await store.change_registration(keys, None, registration, instead_of=registration.token_id)
    assert await store.client_secrets(made.client_id) == []


@promise
async def a_registration_goes_with_its_client(store):
    _, made, _ = await add(store)
    assert await store.remove_client(made.client_id, NOW + 1)
    assert await store.registration(made.client_id) is None


@promise
async def an_unused_registration_goes_and_a_used_one_and_an_operators_client_stay(store):
    _, unused, registration = await add(store)
    _, used, _ = await add(store)
    operators = client(created_at=NOW)
    await store.add_client(operators, None)
    given = grant(client_id=used.client_id, expires_at=NOW + 10_000)
    await store.add_grant(given, code_of(given, expires_at=NOW + 9_000))
    await store.sweep(at=registration.unused_at - 1, limit=100)
    assert await store.client(unused.client_id) is not None
    await store.sweep(at=registration.unused_at, limit=100)
    assert await store.client(unused.client_id) is None
    assert await store.registration(unused.client_id) is None
    assert await store.client(used.client_id) == used
    assert await store.client(operators.client_id) == operators
