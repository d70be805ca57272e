"""SQLite: one file in WAL mode, `synchronous=FULL`, nothing to install.

Reads run at once on the event loop's thread: in WAL mode no writer blocks them, and a lookup by key took 5 µs
where handing it to a thread and back took 50. Writes go through the one `Writer`.
Several processes may share the file; whoever finds it locked waits, and gives up after the timeout.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy.dialects.sqlite import dialect

from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.store.sql.bell import Bell
from tokenward.store.sql.database import ConnectionLost, Cursor, Unstorable
from tokenward.store.sql.statements import NOTHING, ROWS, Parameters, Row, Statement, Statements
from tokenward.store.sql.writer import Writer, savepoint

T = TypeVar("T")

_READ_WAIT = 0.5  # seconds that a read may hold up the event loop; only crash recovery locks readers out
_WRITE_WAIT = 5.0  # seconds that a batch waits for other processes

# What was read stays in a connection's memory: one that met garbage would still see it in a mended file.
_SPOILT = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
}

_TAKEN = {
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}


def connect(path: Path, *, wait: float) -> sqlite3.Connection:
    """A connection with the settings that every one of ours has; transactions are begun by hand.

    Creates the file if there is none, readable and writable by its owner only; SQLite gives the same
    permissions to its journal.

    Raises:
        StoreUnavailable: the file cannot be opened, or is no database.
    """
    with _translated():
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            path, timeout=wait, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            _use_wal(connection, wait=wait)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _use_wal(connection: sqlite3.Connection, *, wait: float) -> None:
    """Switch the file to WAL mode; it stays so.

    Of several that switch a new file at once, each holds the lock that the others need, so SQLite refuses
    instead of letting them wait. Only trying again helps.
    """
    end = SYSTEM_CLOCK.monotonic() + wait
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or SYSTEM_CLOCK.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


class SqliteDatabase:
    """A `Database` in a file. The schema is there already (see `migrate.py`)."""

    def __init__(self, path: Path, *, write_wait: float = _WRITE_WAIT) -> None:
        self._statements = Statements(dialect(paramstyle="qmark"))
        self._bell = Bell()
        self._path = path
        self._reading: sqlite3.Connection | None = None
        self._cursor = self._reopened()
        connect_writer = partial(_Connection, path, write_wait, self._statements, self._bell)
        self._writer = Writer(connect_writer, name="tokenward-sqlite-writer")

    async def read(self, unit: Callable[[Cursor], T], *, apart: bool = False) -> T:  # noqa: ARG002 - nothing waits
        """Run the unit here and now."""
        try:
            return unit(self._cursor)
        except ConnectionLost:
            if self._writer.closed:
                raise
            self._cursor = self._reopened()
            return unit(self._cursor)

    async def write(self, unit: Callable[[Cursor], T]) -> T:
        """Queue the unit for the writer."""
        return await self._writer.write(unit)

    async def insert(self, statement: Statement, row: Parameters) -> None:
        """Queue the row for the writer."""
        await self._writer.insert(statement, row)

    async def revocation(self, *, within: float) -> None:
        """Hears this process only; what another one revoked is found by the poll."""
        if self._writer.closed:
            raise StoreUnavailable("the store is closed")
        await self._bell.wait(within=within)

    async def close(self) -> None:
        """Finish the queue and close the file."""
        await self._writer.close()
        if self._reading is not None:
            self._reading.close()

    def _reopened(self) -> "_Cursor":
        if self._reading is not None:
            self._reading.close()
        self._reading = connect(self._path, wait=_READ_WAIT)
        return _Cursor(self._reading, self._statements)


class _Cursor:
    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements
        self.announced = False

    def one(self, statement: Statement, parameters: Parameters = NOTHING) -> Row | None:
        # To the end, always: a statement that still has rows would pin the WAL.
        rows = self.all(statement, parameters)
        return rows[0] if rows else None

    def all(self, statement: Statement, parameters: Parameters = NOTHING) -> list[Row]:
        sql, arrange = self._statements[statement]
        try:
            return self._connection.execute(sql, arrange(parameters)).fetchall()
        except UnicodeEncodeError:
            return []
        except sqlite3.Error as error:
            raise _translate(error) from None

    def run(self, statement: Statement, parameters: Parameters = NOTHING) -> int:
        sql, arrange = self._statements[statement]
        with _translated():
            return self._connection.execute(sql, arrange(parameters)).rowcount

    def run_many(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        # Of one row after the other, each would let go of the interpreter's lock and wait for it again while
        # the event loop is busy; a statement of many rows does so once.
        compiled = self._statements[statement]
        with _translated():
            for start in range(0, len(rows), ROWS):
                self._connection.execute(*compiled.of_rows(rows[start : start + ROWS]))

    def announce(self) -> None:
        self.announced = True


class _Connection:
    """The writer's connection."""

    def __init__(self, path: Path, wait: float, statements: Statements, bell: Bell) -> None:
        self._connection = connect(path, wait=wait)
        self._bell = bell
        self.cursor = _Cursor(self._connection, statements)

    def begin(self) -> None:
        # IMMEDIATE takes the write lock now: a transaction that begins by reading could find at its first
        # write that another process was faster, and no waiting would mend that (SQLITE_BUSY_SNAPSHOT).
        self._execute("BEGIN IMMEDIATE")

    def savepoint(self) -> AbstractContextManager[None]:
        return savepoint(self._execute)

    def insert_alone(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        # Without BEGIN a statement is a transaction: the interpreter's lock is let go of, and waited for, a
        # third as often.
        try:
            self.cursor.run_many(statement, rows)
        except ConnectionLost as error:  # it may have been committed
            raise StoreUnavailable(str(error)) from None

    def commit(self) -> None:
        try:
            self._execute("COMMIT")
        except ConnectionLost as error:  # it may have been committed, so nobody may try again
            raise StoreUnavailable(str(error)) from None
        if self.cursor.announced:
            self.cursor.announced = False
            self._bell.ring()

    def rollback(self) -> None:
        self.cursor.announced = False
        if self._connection.in_transaction:  # SQLite ends it by itself after some errors
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()

    def _execute(self, sql: str) -> None:
        with _translated():
            self._connection.execute(sql)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
        raise _translate(error) from None


def _translate(error: sqlite3.Error | OSError | UnicodeEncodeError) -> Exception:
    """SQLite's error in the port's words. SQLite never quotes a value in an error, so its text is kept."""
    if isinstance(error, UnicodeEncodeError):
        return Unstorable("a text holds a lone surrogate")
    if isinstance(error, sqlite3.IntegrityError):
        if error.sqlite_errorcode in _TAKEN:
            return AlreadyExists("a row with this key exists")
        return Unstorable(str(error))
    if isinstance(error, OSError):
        return StoreUnavailable(f"SQLite file: {error.strerror}")
    code = getattr(error, "sqlite_errorcode", 0)  # errors of the module itself have none
    # A closed connection is ours: reopening failed when it was tried last.
    lost = code & 0xFF in _SPOILT or isinstance(error, sqlite3.ProgrammingError)
    return ConnectionLost(f"SQLite: {error}") if lost else StoreUnavailable(f"SQLite: {error}")
