import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from databases import postgres_database
from store.values import opened, user
from tokenward.store.people_records import Proof, Session
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import SigningKeyRecord
from tokenward.store.sql import open_store
from tokenward.store.sql.migrate import configuration, migrate_postgres, migrate_sqlite
from tokenward.store.sql.schema import METADATA
from tokenward.store.sql.sqlite import connect


def engine_of(url):
    if url.startswith("sqlite:"):
        return sa.create_engine("sqlite:///" + url.removeprefix("sqlite:"), poolclass=sa.NullPool)
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


def migrate(url):
    if url.startswith("sqlite:"):
        migrate_sqlite(url.removeprefix("sqlite:"))
    else:
        migrate_postgres(url)


def test_alembic_finds_no_difference_between_migrations_and_schema(url):
    migrate(url)
    with engine_of(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


SQLITE_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"
POSTGRES_OBJECTS = (
    """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
         FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'alembic_version'""",
    """SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'""",
    """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conname <> 'alembic_version_pkc'""",
)


def test_sqlite_keeps_the_same_words_from_migrations_and_from_the_schema(tmp_path):
    """What Alembic does not compare: WITHOUT ROWID, the conditions of partial indexes."""
    migrate_sqlite(tmp_path / "migrated.db")
    METADATA.create_all(engine_of(f"sqlite:{tmp_path / 'made.db'}"))

    def objects(name):
        connection = sqlite3.connect(tmp_path / name)
        rows = connection.execute(SQLITE_OBJECTS).fetchall()
        connection.close()
        return {(kind, name): "".join((sql or "").split()) for kind, name, sql in rows}

    made = objects("made.db")
    migrated = objects("migrated.db")
    assert set(migrated) == set(made)
    for key, sql in made.items():
        assert sorted(migrated[key]) == sorted(sql), key  # constraints may be listed in another order
        assert migrated[key].endswith("WITHOUTROWID") == sql.endswith("WITHOUTROWID")


def test_postgres_has_the_same_columns_indexes_and_constraints_either_way():
    """What Alembic does not compare: collations, the conditions of partial indexes, deletion rules."""
    with postgres_database() as migrated, postgres_database() as made:
        migrate_postgres(migrated)
        METADATA.create_all(engine_of(made))

        def objects(url):
            with psycopg.connect(url) as connection:
                return [set(connection.execute(query).fetchall()) for query in POSTGRES_OBJECTS]

        assert objects(migrated) == objects(made)
        collations = {row[-1] for row in objects(migrated)[0] if row[2] == "text"}
        assert collations == {"C"}


def test_migrating_again_changes_nothing(url):
    async def run():
        person = user()
        async with opened(url) as store:
            await store.add_user(person)
        async with opened(url) as store:
            assert await store.users() == [person]

    asyncio.run(run())


def test_stores_opened_at_once_in_one_process_work(url):
    async def run():
        stores = await asyncio.gather(*(open_store(url) for _ in range(4)))
        await stores[0].add_user(user())
        assert [len(await store.users()) for store in stores] == [1] * 4
        for store in stores:
            await store.close()

    asyncio.run(run())


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path):
    """SQLite refuses instead of waiting when several switch a new file to WAL mode."""
    with ThreadPoolExecutor(8) as threads:
        for attempt in range(10):
            path = tmp_path / f"{attempt}.db"
            for connection in list(threads.map(lambda _, path=path: connect(path, wait=10), range(8))):
                connection.close()


def test_a_database_of_a_newer_version_is_left_alone(url):
    migrate(url)
    with engine_of(url).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="newer version"):
        asyncio.run(open_store(url))
    with engine_of(url).connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_migration_that_fails_leaves_nothing_behind(url, monkeypatch):
    def fail(*_arguments):
        raise StoreUnavailable("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.bulk_insert", fail)
        with pytest.raises(StoreUnavailable, match="in the middle"):
            migrate(url)
    with engine_of(url).connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    migrate(url)


def test_signing_keys_of_the_first_version_are_active_since_they_were_made(url):
    with engine_of(url).begin() as connection:
        command.upgrade(configuration(connection), "0001")
        for kid, retired in (("current", "NULL"), ("former", "5.0")):
            connection.execute(
                sa.text(
                    "INSERT INTO signing_keys"
                    " (kid, purpose, algorithm, sealed_private, public_jwk, created_at, retired_at)"
                    f" VALUES ('{kid}', 'inside', 'ES256', :sealed, '{{}}', 4.0, {retired})"
                ),
                {"sealed": b"sealed"},
            )

    async def run():
        async with opened(url) as store:
            return await store.signing_keys("inside")

    assert asyncio.run(run()) == [SigningKeyRecord("current", "inside", "ES256", b"sealed", "{}", 4.0, 4.0)]


def test_sessions_that_were_there_go_on_with_one_proof(url):
    with engine_of(url).begin() as connection:
        command.upgrade(configuration(connection), "0010")
        for name, amr in (("one", "pwd otp"), ("two", "")):
            connection.execute(
                sa.text(
                    "INSERT INTO sessions"
                    " (session_id, keyed_hash, user_id, amr, auth_time, last_seen_at, expires_at)"
                    " VALUES (:name, :hash, 'ann', :amr, 4.5, 6.0, 9.0)"
                ),
                {"name": name, "amr": amr, "hash": b"keyed"},
            )

    async def run():
        async with opened(url) as store:
            return await store.sessions_of("ann")

    assert asyncio.run(run()) == [
        Session(name, b"keyed", "ann", (Proof(amr, 4.5),), 4.5, 6.0, 9.0)
        for name, amr in (("one", ("pwd", "otp")), ("two", ()))
    ]
