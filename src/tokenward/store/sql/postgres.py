"""PostgreSQL by psycopg 3: the same units, the same grouping of writes.

Reads run on a few threads, each with a connection of its own; writes go through the one `Writer`. Connections
are made when they are needed and made again when the server was restarted.
The driver's own error texts may quote values and the URL, so they never leave this module: an error says its
class and SQLSTATE.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.engine import Dialect

from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.store.sql.database import Collision, ConnectionLost, Cursor, Unstorable
from tokenward.store.sql.statements import NOTHING, ROWS, Parameters, Row, Statement, Statements
from tokenward.store.sql.writer import Writer, savepoint

T = TypeVar("T")

_DIALECT: Dialect = dialect(paramstyle="format")  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
_READERS = 4
_CHANNEL = "tokenward_feed"
_SETTINGS: dict[str, Any] = {
    "application_name": "tokenward",
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 5000,  # milliseconds until a silent line counts as broken
    # Asked again and again also while we only wait: a server that lost its power says no farewell, and by the
    # system's default an answer that will never come is waited for two hours.
    "keepalives_idle": 2,  # seconds
    "keepalives_interval": 1,
}
_PREPARE: tuple[bytes, ...] = (
    b"SET statement_timeout = 5000",  # milliseconds; includes waiting for locks
    # An acknowledged write survives a crash, also where the server's default is not so careful.
    b"UPDATE pg_settings SET setting = 'on' WHERE name = 'synchronous_commit' AND setting = 'off'",
)


def connect(url: str, *, autocommit: bool = True) -> psycopg.Connection[Row]:
    """A connection with the settings that every one of ours has.

    Raises:
        StoreUnavailable: the server cannot be reached or refuses.
    """
    try:
        connection = psycopg.connect(url, autocommit=True, **_SETTINGS)
        for statement in _PREPARE:
            connection.execute(statement)
        connection.autocommit = autocommit
    except psycopg.Error:
        raise _unreachable() from None
    return connection


class PostgresDatabase:
    """A `Database` on a server. The schema is there already (see `migrate.py`)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._statements = Statements(_DIALECT)
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="tokenward-postgres-reader")
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="tokenward-postgres-apart")
        self._mine = threading.local()
        self._opened: list[_Connection] = []
        self._writer = Writer(self._connection, name="tokenward-postgres-writer")
        self._listening: psycopg.AsyncConnection[Row] | None = None
        self._closed = False

    async def read(self, unit: Callable[[Cursor], T], *, apart: bool = False) -> T:
        """Run the unit on one of the reading threads."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        threads = self._apart if apart else self._threads
        return await asyncio.get_running_loop().run_in_executor(threads, partial(self._read, unit))

    async def write(self, unit: Callable[[Cursor], T]) -> T:
        """Queue the unit for the writer."""
        return await self._writer.write(unit)

    async def insert(self, statement: Statement, row: Parameters) -> None:
        """Queue the row for the writer."""
        await self._writer.insert(statement, row)

    async def revocation(self, *, within: float) -> None:
        """Hears every process: a revoking transaction ends with a NOTIFY."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        try:
            async with asyncio.timeout_at(end):
                listening = await self._listen()
            async for _ in listening.notifies(timeout=max(0.0, end - loop.time()), stop_after=1):
                return
        except (TimeoutError, psycopg.Error):  # deaf for now; the poll does not depend on it
            await self._deafen()
            await asyncio.sleep(max(0.0, end - loop.time()))

    async def close(self) -> None:
        """Finish what was accepted and close every connection."""
        self._closed = True
        await self._writer.close()
        for threads in (self._threads, self._apart):
            await asyncio.to_thread(threads.shutdown)
        for connection in self._opened:
            connection.close()
        await self._deafen()

    def _read(self, unit: Callable[[Cursor], T]) -> T:
        connection: _Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            try:
                return unit(connection.cursor)
            except ConnectionLost:  # perhaps long ago; a read can simply be done again
                connection.close()
                self._opened.remove(connection)
                self._mine.connection = None
        connection = self._connection()
        self._opened.append(connection)
        self._mine.connection = connection
        return unit(connection.cursor)

    def _connection(self) -> "_Connection":
        return _Connection(connect(self._url), self._statements)

    async def _listen(self) -> psycopg.AsyncConnection[Row]:
        if self._listening is None:
            self._listening = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **_SETTINGS)
            await self._listening.execute(f"LISTEN {_CHANNEL}".encode())
        return self._listening

    async def _deafen(self) -> None:
        connection, self._listening = self._listening, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()


class _Cursor:
    def __init__(self, connection: psycopg.Connection[Row], statements: Statements) -> None:
        self._connection = connection
        self._statements = statements

    def one(self, statement: Statement, parameters: Parameters = NOTHING) -> Row | None:
        rows = self.all(statement, parameters)
        return rows[0] if rows else None

    def all(self, statement: Statement, parameters: Parameters = NOTHING) -> list[Row]:
        try:
            return self._execute(statement, parameters).fetchall()
        except Unstorable:
            return []

    def run(self, statement: Statement, parameters: Parameters = NOTHING) -> int:
        return self._execute(statement, parameters).rowcount

    def run_many(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        compiled = self._statements[statement]
        with _translated(self._connection):
            for start in range(0, len(rows), ROWS):
                sql, values = compiled.of_rows(rows[start : start + ROWS])
                self._connection.execute(sql.encode(), values)

    def announce(self) -> None:
        with _translated(self._connection):
            self._connection.execute(f"NOTIFY {_CHANNEL}".encode())

    def _execute(self, statement: Statement, parameters: Parameters) -> psycopg.Cursor[Row]:
        sql, arrange = self._statements[statement]
        with _translated(self._connection):
            return self._connection.execute(sql.encode(), arrange(parameters))


class _Connection:
    def __init__(self, connection: psycopg.Connection[Row], statements: Statements) -> None:
        self._connection = connection
        self.cursor = _Cursor(connection, statements)

    def begin(self) -> None:
        # READ COMMITTED: a conditional UPDATE that waited for a row judges the row as it was left.
        self._execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    def savepoint(self) -> AbstractContextManager[None]:
        return savepoint(self._execute)

    def insert_alone(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        self.begin()  # so that nothing was done where the connection is lost before the COMMIT
        try:
            self.cursor.run_many(statement, rows)
            self.commit()
        except BaseException:
            self.rollback()
            raise

    def commit(self) -> None:
        try:
            self._execute("COMMIT")
        except ConnectionLost as error:  # it may have been committed, so nobody may try again
            raise StoreUnavailable(str(error)) from None

    def rollback(self) -> None:
        with suppress(psycopg.Error):
            self._connection.execute(b"ROLLBACK")

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()

    def _execute(self, sql: str) -> None:
        with _translated(self._connection):
            self._connection.execute(sql.encode())


@contextmanager
def _translated(connection: psycopg.Connection[Row]) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, UnicodeEncodeError) as error:
        raise _translate(error, lost=connection.closed) from None


def _translate(error: psycopg.Error | UnicodeEncodeError, *, lost: bool) -> Exception:
    """The driver's error in the port's words."""
    if isinstance(error, UnicodeEncodeError):
        return Unstorable("a text holds a lone surrogate")
    told = f"PostgreSQL: {type(error).__name__} {error.sqlstate or ''}".rstrip()
    if lost:
        return ConnectionLost(told)
    for kinds, meaning in _MEANINGS:
        if isinstance(error, kinds):
            return meaning(told)
    return StoreUnavailable(told)


_MEANINGS: tuple[tuple[tuple[type[psycopg.Error], ...], type[Exception]], ...] = (
    ((errors.UniqueViolation,), AlreadyExists),
    ((errors.SerializationFailure, errors.DeadlockDetected), Collision),
    ((errors.IntegrityError, errors.DataError, errors.ProgramLimitExceeded), Unstorable),
)


def _unreachable() -> StoreUnavailable:
    return StoreUnavailable(
        "PostgreSQL cannot be reached, or refuses: check the address, user and password in the store's URL"
    )
