"""What a store remembers of clients, and how soon it hears that it is no longer so."""

import asyncio

import pytest

from store.values import NOW, client, opened, secret_of
from tokenward.store.sql import clients as module
from tokenward.store.sql.clients import SqlClients
from tokenward.store.sql.schema import clients


@pytest.fixture
def registered():
    app = client()
    return app, secret_of(app.client_id)


def test_what_this_store_changed_shows_at_once(sqlite_url, registered):
    app, secret = registered

    async def run():
        async with opened(sqlite_url) as store:
            await store.add_client(app, secret)
            before = await store.client_with_secret(secret.secret_id)
            await store.rotate_client_secret(secret_of(app.client_id), old_expire_at=NOW + 9)
            between = await store.client_with_secret(secret.secret_id)
            await store.remove_client(app.client_id, NOW)
            return before, between, await store.client_with_secret(secret.secret_id)

    before, between, after = asyncio.run(run())
    assert before[1].expires_at is None
    assert between[1].expires_at == NOW + 9
    assert after is None


def test_what_another_store_changed_shows_soon(sqlite_url, registered, monkeypatch):
    app, secret = registered
    now = [100.0]
    monkeypatch.setattr(module.SYSTEM_CLOCK, "monotonic", lambda: now[0], raising=False)

    async def run():
        async with opened(sqlite_url) as store, opened(sqlite_url) as other:
            await store.add_client(app, secret)
            assert await store.client_with_secret(secret.secret_id)
            await other.remove_client(app.client_id, NOW)
            now[0] += 0.5
            return await store.client_with_secret(secret.secret_id)

    assert asyncio.run(run()) is None


def test_what_was_read_before_a_change_is_not_remembered(registered):
    app, secret = registered
    empty = ("{}" if column.name == "openid" else "" for column in list(clients.c)[3:])
    of_client = (app.client_id, app.name, app.type, *empty)
    old = (*of_client, secret.secret_id, app.client_id, secret.keyed_hash, secret.created_at, None, None)

    class SlowDatabase:
        """Finds the old row once, and is told of the rotation while it still holds it."""

        def __init__(self):
            self.rows = [old]
            self.store = None

        async def write(self, _unit):
            return True

        async def read(self, _unit):
            row = self.rows.pop() if self.rows else None
            await self.store.rotate_client_secret(secret_of(app.client_id), old_expire_at=NOW)
            return row

    async def run():
        database = SlowDatabase()
        store = database.store = SqlClients(database)
        return [await store.client_with_secret(secret.secret_id) is not None for _ in range(2)]

    assert asyncio.run(run()) == [True, False]


def test_it_remembers_a_bounded_number(sqlite_url, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 3)

    async def run():
        async with opened(sqlite_url) as store:
            secrets = []
            for _ in range(5):
                app = client()
                secrets.append(secret_of(app.client_id))
                await store.add_client(app, secrets[-1])
            for secret in secrets:
                assert await store.client_with_secret(secret.secret_id)
            return len(store._known)

    assert asyncio.run(run()) <= 3
