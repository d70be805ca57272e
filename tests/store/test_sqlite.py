import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy.dialects.sqlite import dialect

from store.values import access, opened, started, user
from tokenward.store.port import StoreUnavailable
from tokenward.store.sql import clients, consents, factors, feed, open_store, people, sessions, tokens
from tokenward.store.sql.database import ConnectionLost
from tokenward.store.sql.migrate import migrate_sqlite
from tokenward.store.sql.schema import METADATA, users
from tokenward.store.sql.sqlite import SqliteDatabase, connect
from tokenward.store.sql.statements import Statements, insert_into
from tokenward.tokens import opaque

ADD_USER = insert_into(users, "user_id", "username", "password_hash", "created_at")


def row(name):
    return {"user_id": name, "username": name, "password_hash": "", "created_at": 0.0}


def on(path, body, **settings):
    """Run `body(database)` on a fresh database in the file."""

    async def run():
        migrate_sqlite(path)
        database = SqliteDatabase(path, **settings)
        try:
            await body(database)
        finally:
            await database.close()

    asyncio.run(run())


def test_only_the_owner_may_read_the_file_and_its_journal(sqlite_url, tmp_path):
    async def run():
        async with opened(sqlite_url) as store:
            await store.add_user(user())
            return {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    modes = asyncio.run(run())
    assert set(modes) == {"store.db", "store.db-wal", "store.db-shm"}
    assert set(modes.values()) == {0o600}


def test_every_commit_reaches_the_disk(tmp_path):
    connection = connect(tmp_path / "a.db", wait=1)
    settings = [
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    ]
    connection.close()
    assert settings == ["wal", 2]  # 2 is FULL


def test_no_token_stands_in_the_file(sqlite_url, tmp_path):
    made = [opaque.new(kind) for kind in ("at", "rt", "ac", "cs", "se")]
    pepper = b"p" * 32

    def kept(token):
        return {
            "token_id": token.token_id,
            "keyed_hash": opaque.keyed_hash(pepper, token.secret.reveal()),
        }

    async def run():
        async with opened(sqlite_url) as store:
            await started(store)
            for token in made:
                await store.add_access_token(access(**kept(token)))
                state = await store.access_token(token.token_id)
                assert opaque.matches([pepper], token.secret.reveal(), state.token.keyed_hash)
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    written = asyncio.run(run())
    for token in made:
        text = token.secret.reveal()
        assert token.token_id.encode() in written  # we did look at the right bytes
        assert text.encode() not in written
        assert text[-49:-6].encode() not in written
        assert opaque.fingerprint(text) not in written


def test_a_file_that_stays_locked_is_unavailable_and_nothing_is_half_written(tmp_path):
    path = tmp_path / "store.db"

    async def body(database):
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(database.write(lambda cursor, n=n: cursor.run(ADD_USER, row(f"u{n}"))) for n in range(3)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [StoreUnavailable] * 3
        assert await database.read(lambda cursor: cursor.all(users.select())) == []
        other.execute("ROLLBACK")
        other.close()
        await database.write(lambda cursor: cursor.run(ADD_USER, row("later")))

    on(path, body, write_wait=0.05)


def test_a_row_of_which_nobody_knows_whether_it_was_written_is_not_written_again(tmp_path, monkeypatch):
    tried = []

    def breaking(_cursor, _statement, rows):
        tried.append(rows)
        raise ConnectionLost("disk I/O error")

    async def body(database):
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await database.insert(ADD_USER, row("ada"))

    monkeypatch.setattr("tokenward.store.sql.sqlite._Cursor.run_many", breaking)
    on(tmp_path / "a.db", body)
    assert tried == [[row("ada")]]


def test_a_file_that_is_locked_for_a_moment_is_waited_for(tmp_path):
    path = tmp_path / "store.db"

    async def body(database):
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(lambda cursor: cursor.run(ADD_USER, row("u"))))
        await asyncio.sleep(0.1)
        assert not writing.done()
        other.execute("COMMIT")
        other.close()
        assert await writing == 1

    on(path, body)


def test_a_unit_that_begins_by_reading_cannot_be_overtaken(tmp_path):
    path = tmp_path / "store.db"

    async def body(database):
        other = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)

        def unit(cursor):
            cursor.all(users.select())
            try:
                other.execute("INSERT INTO users VALUES ('x', 'x', '', 0, NULL, 0)")
            except sqlite3.OperationalError as error:
                return str(error), cursor.run(ADD_USER, row("u"))

        assert await database.write(unit) == ("database is locked", 1)
        other.close()

    on(path, body)


def test_a_full_disk_is_unavailable_and_nothing_is_half_written(tmp_path):
    async def body(database):
        await database.write(lambda cursor: cursor.run(ADD_USER, row("before")))
        await database.write(lambda cursor: cursor._connection.execute("PRAGMA max_page_count = 1"))
        big = "x" * 100_000
        results = await asyncio.gather(
            *(
                database.write(lambda cursor, n=n: cursor.run(ADD_USER, row(f"{n}") | {"password_hash": big}))
                for n in range(3)
            ),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [StoreUnavailable] * 3
        assert [found[0] for found in await database.read(lambda cursor: cursor.all(users.select()))] == [
            "before"
        ]
        await database.write(lambda cursor: cursor._connection.execute("PRAGMA max_page_count = 100000"))
        await database.write(lambda cursor: cursor.run(ADD_USER, row("after")))

    on(tmp_path / "store.db", body)


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_unavailable(tmp_path, content):
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreUnavailable):
        asyncio.run(open_store(f"sqlite:{tmp_path / 'store.db'}"))
    assert (tmp_path / "store.db").read_bytes() == content


def test_a_database_that_is_damaged_meanwhile_is_unavailable(tmp_path):
    path = tmp_path / "store.db"

    async def run():
        store = await open_store(f"sqlite:{path}")
        people = [user(password_hash="x" * 3000) for _ in range(50)]
        await asyncio.gather(*(store.add_user(one) for one in people))
        await store.close()
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096 * 2)
            file.write(b"\xa5" * (size - 4096 * 2))
        with pytest.raises(StoreUnavailable):  # noqa: PT012 - found when opening, or when reading
            store = await open_store(f"sqlite:{path}")
            try:
                await store.users()
            finally:
                await store.close()

    asyncio.run(run())


def test_a_file_that_is_mended_is_available_again(tmp_path):
    path = tmp_path / "store.db"

    async def body(database):
        await database.write(lambda cursor: cursor.run(ADD_USER, row("before")))
        other = sqlite3.connect(path)
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        good = path.read_bytes()
        with path.open("r+b") as file:
            file.write(b"\xa5" * len(good))
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await database.read(lambda cursor: cursor.all(users.select()))
            with pytest.raises(StoreUnavailable):
                await database.write(lambda cursor: cursor.run(ADD_USER, row("meanwhile")))
        with path.open("r+b") as file:
            file.write(good)
        await database.write(lambda cursor: cursor.run(ADD_USER, row("after")))
        found = await database.read(lambda cursor: cursor.all(users.select()))
        assert [each[0] for each in found] == ["after", "before"]

    on(path, body)


def test_a_missing_directory_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable, match="No such file"):
        asyncio.run(open_store(f"sqlite:{tmp_path / 'none' / 'store.db'}"))


@pytest.mark.parametrize(
    "url", ["", "sqlite:", "sqlite::memory:", "sqlite:///a.db", "mysql://root@h/d", "a.db"]
)
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError, match="sqlite:PATH"):
        asyncio.run(open_store(url))


def test_lookups_on_the_hot_path_walk_no_table(tmp_path):
    path = tmp_path / "store.db"
    migrate_sqlite(path)
    database_statements = _hot_statements()
    connection = sqlite3.connect(path)
    for sql, count in database_statements:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count).fetchall()
        steps = [step[3] for step in plan]
        assert steps
        assert not [step for step in steps if step.startswith("SCAN") and "CONSTANT" not in step], steps
    connection.close()


def _hot_statements():
    statements = Statements(dialect(paramstyle="qmark"))
    hot = [
        tokens._ACCESS,
        tokens._CODE,
        tokens._CONSUME_CODE,
        tokens._REFRESH,
        tokens._CONSUME_REFRESH,
        tokens._LOST_RESPONSE,
        tokens._REVOKE_GRANT,
        clients._ONE,
        clients._SECRET,
        people._ONE,
        people._BY_NAME,
        people._WITH_EMAIL,
        people._LINKED,
        people._LINKS,
        sessions._ONE,
        sessions._OF_USER,
        *(statement for pair in sessions._UPSTREAM.values() for statement in pair),
        consents._CONSENTED,
        consents._OF_USER,
        consents._GRANTS,
        consents._REVOKE,
        factors._SUMMARY,
        factors._PASSKEYS,
        factors._USE_PASSKEY,
        factors._USE_STEP,
        factors._USE_CODE,
        factors._USE_LINK,
        factors._VOID_LINKS,
        feed._HEAD,
        feed._AFTER,
    ]
    return [(statements[each].sql, statements[each].sql.count("?")) for each in hot]


def test_every_table_that_is_looked_up_by_a_text_key_is_one_tree(tmp_path):
    migrate_sqlite(tmp_path / "store.db")
    connection = sqlite3.connect(tmp_path / "store.db")
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
    connection.close()
    for name, table in METADATA.tables.items():
        wanted = table.dialect_options["sqlite"]["with_rowid"] is False
        assert ("WITHOUT ROWID" in found[name]) == wanted, name


def test_files_named_with_spaces_and_percent_signs_work(tmp_path):
    path = Path(tmp_path / "a %s b?c#d.db")

    async def run():
        async with opened(f"sqlite:{path}") as store:
            await store.ping()

    asyncio.run(run())
    assert path.exists()
