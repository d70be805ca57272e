import asyncio
import os
import secrets
import socket
import sys
import time

import psycopg
import pytest

from store.values import NOW, access, opened, user
from tokenward.store.port import StoreUnavailable
from tokenward.store.sql import open_store, postgres
from tokenward.store.sql.database import ConnectionLost
from tokenward.store.sql.migrate import migrate_postgres
from tokenward.store.sql.postgres import PostgresDatabase, connect
from tokenward.store.sql.schema import users
from tokenward.store.sql.statements import insert_into


def cut_connections(url):
    """What a restart of the server does to us, done to this database only."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_it_reconnects_by_itself(postgres_url):
    async def run():
        async with opened(postgres_url) as store:
            for _ in range(3):
                person, token = user(), access()
                await store.add_user(person)
                await store.add_access_token(token)
                await store.feed_wake(within=0.05)
                await asyncio.to_thread(cut_connections, postgres_url)
                assert await store.user(person.user_id) == person
                assert await store.access_token(token.token_id) is not None
                await store.add_user(user())
                await asyncio.to_thread(cut_connections, postgres_url)
                await store.add_access_token(access())  # a row that has its transaction for itself
                await store.feed_wake(within=0.05)
            started = time.monotonic()
            waiting = asyncio.create_task(store.feed_wake(within=60))
            # What is told before it listens again is nobody's loss: the feed is polled.
            while not waiting.done():
                await store.revoke_all_issued(before=NOW, at=NOW)
                await asyncio.wait({waiting}, timeout=0.2)
            assert time.monotonic() - started < 50

    asyncio.run(run())


def test_a_row_whose_connection_was_lost_before_the_commit_is_inserted_once(postgres_url, monkeypatch):
    losses = [ConnectionLost("after the INSERT")]
    run_many = postgres._Cursor.run_many

    def losing(cursor, statement, rows):
        run_many(cursor, statement, rows)
        if losses:
            raise losses.pop()

    async def run():
        async with opened(postgres_url) as store:
            monkeypatch.setattr(postgres._Cursor, "run_many", losing)
            token = access()
            await store.add_access_token(token)
            assert await store.access_token(token.token_id) is not None

    asyncio.run(run())
    assert losses == []


def test_concurrent_reads_share_few_connections(postgres_url):
    async def run():
        async with opened(postgres_url) as store:
            await asyncio.gather(*(store.users() for _ in range(100)))
            with psycopg.connect(postgres_url) as connection:
                query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tokenward'"
                return connection.execute(f"{query} AND datname = current_database()").fetchone()[0]

    assert asyncio.run(run()) <= 5


def test_the_feed_does_not_wait_behind_lookups(postgres_url):
    async def run():
        async with opened(postgres_url) as store:
            with connect(postgres_url) as other, other.transaction():
                other.execute("LOCK TABLE access_tokens")
                lookups = [asyncio.create_task(store.access_token(f"{n:011}")) for n in range(200)]
                await asyncio.sleep(0.1)
                await asyncio.wait_for(store.feed_head(), 30)
                await asyncio.wait_for(store.feed_after(0, limit=1), 30)
                waiting = sum(not lookup.done() for lookup in lookups)
            await asyncio.gather(*lookups, return_exceptions=True)
            return waiting

    assert asyncio.run(run()) > 0


def test_a_server_that_vanished_is_noticed_while_we_wait_for_it(postgres_url):
    with connect(postgres_url) as connection, socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 5
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 5000


def test_units_that_deadlock_are_done_all_the_same(postgres_url):
    migrate_postgres(postgres_url)
    add = insert_into(users, "user_id", "username", "password_hash", "created_at")
    rename = users.update().where(users.c.user_id == "a").values(password_hash="x").returning(users.c.user_id)
    rename_b = (
        users.update().where(users.c.user_id == "b").values(password_hash="x").returning(users.c.user_id)
    )

    async def run():
        first, second = PostgresDatabase(postgres_url), PostgresDatabase(postgres_url)
        for name in "ab":
            row = {"user_id": name, "username": name, "password_hash": "", "created_at": 0.0}
            await first.write(lambda cursor, row=row: cursor.run(add, row))
        attempts = []

        def crosswise(one, other):
            def unit(cursor):
                attempts.append(one)
                cursor.one(one)
                time.sleep(0.2)
                return cursor.one(other)

            return unit

        results = await asyncio.gather(
            first.write(crosswise(rename, rename_b)), second.write(crosswise(rename_b, rename))
        )
        assert results == [("b",), ("a",)]
        assert len(attempts) > 2  # one of them was rolled back and tried again
        await first.close()
        await second.close()

    asyncio.run(run())


def test_commits_are_durable_where_the_server_is_careless(postgres_url):
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off".encode())
    with connect(postgres_url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:{}@127.0.0.1:1/none",
        "postgresql://someone:{}@127.0.0.1:notaport/none",
        "postgresql://someone:%zz{}@127.0.0.1/none",
        "postgresql://someone:a@{}@127.0.0.1:1/none",
        "postgresql://someone@127.0.0.1:5432/none?password={}",
        "postgresql://[{}",
    ],
)
def test_no_error_tells_the_url(url):
    password = secrets.token_hex(8)
    with pytest.raises(StoreUnavailable) as caught:
        asyncio.run(open_store(url.format(password)))
    error = caught.value
    while error is not None:
        assert password not in f"{error} {error!r}"
        error = error.__context__ if not error.__suppress_context__ else error.__cause__


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "tokenward.store.sql.postgres", raising=False)
    with pytest.raises(StoreUnavailable, match="tokenward\\[postgres\\]"):
        asyncio.run(open_store("postgresql://127.0.0.1/none"))
