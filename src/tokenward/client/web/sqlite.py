"""Sessions in a file: for several processes of one machine, and across restarts."""

import os
import sqlite3
import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tokenward.client.errors import ServerUnavailable
from tokenward.client.process_lock import locked
from tokenward.client.web.memory import LOCK_SECONDS
from tokenward.client.web.store import StoredSession
from tokenward.tokens.logout_token import LogoutNotice

BUSY = 5.0
"""Seconds that one process waits for another to write."""

_STRIPES = 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    key BLOB PRIMARY KEY, party TEXT NOT NULL, subject TEXT NOT NULL, sid TEXT NOT NULL,
    issued_at REAL NOT NULL, until REAL NOT NULL, content BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_of_person ON sessions (party, subject);
CREATE INDEX IF NOT EXISTS sessions_of_provider ON sessions (party, sid);
CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (until);
CREATE TABLE IF NOT EXISTS logouts (
    party TEXT NOT NULL, subject TEXT NOT NULL, sid TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS used (key BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_by_end ON used (until);
"""
# What `LogoutNotice.means` says, of a row of sessions and one of logouts.
_MEANT = "issued_at <= :at AND (:subject = '' OR subject = :subject) AND (:sid = '' OR sid = :sid)"
# What a newer logout of the same leaves nothing to: told again and again, it is one row.
_COVERED = "party = :party AND subject = :subject AND sid = :sid AND at <= :at AND until <= :until"
_TOLD = (
    "party = :party AND at >= :issued_at AND (subject = '' OR subject = :subject)"
    " AND (sid = '' OR sid = :sid) AND until > :now"
)


class SqliteSessions:
    """Sessions in an SQLite database that only its owner can read; all that matters in it is sealed.

    One connection in each process is kept for all its threads: opening the file takes a hundred times as long
    as looking into it. A process that was forked opens its own.

    Args:
        path: the file; it is made if it is not there.

    Raises:
        OSError, sqlite3.Error: it cannot be.
    """

    blocking = True
    shared = True

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._closing: weakref.finalize[..., SqliteSessions] | None = None
        _stores.add(self)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        with self._open() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        """The connection, in a transaction that is committed at the end, if it comes to that."""
        with self._lock:
            if self._database is None:
                self._database = sqlite3.connect(self._path, timeout=BUSY, check_same_thread=False)
                self._closing = weakref.finalize(self, self._database.close)
            with self._database:
                yield self._database

    def _forget_connection(self) -> None:
        """In a forked child: the connection is the parent's, and so may the lock be."""
        self._lock = threading.Lock()
        if self._database is not None and self._closing is not None:
            self._closing.detach()
            _inherited.append(self._database)
            self._database = None

    def add(self, session: StoredSession, *, now: float) -> bool:
        """As `SessionStore`."""
        row = {
            "key": session.key, "party": session.party, "subject": session.subject, "sid": session.sid,
            "issued_at": session.issued_at, "until": session.until, "content": session.content, "now": now,
        }  # fmt: skip
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")  # no logout between the look and the row
            for table in ("sessions", "logouts", "used"):
                database.execute(f"DELETE FROM {table} WHERE until <= :now", row)  # noqa: S608 - our names
            if database.execute(f"SELECT 1 FROM logouts WHERE {_TOLD} LIMIT 1", row).fetchone():  # noqa: S608
                return False
            database.execute(
                "INSERT INTO sessions VALUES (:key, :party, :subject, :sid, :issued_at, :until, :content)",
                row,
            )
        return True

    def find(self, key: bytes, *, now: float) -> StoredSession | None:
        """As `SessionStore`."""
        with self._open() as database:
            row = database.execute(
                "SELECT key, party, subject, sid, issued_at, until, content FROM sessions"
                " WHERE key = ? AND until > ?",
                (key, now),
            ).fetchone()
        return StoredSession(*row) if row is not None else None

    def touch(self, key: bytes, until: float) -> None:
        """As `SessionStore`."""
        with self._open() as database:
            database.execute("UPDATE sessions SET until = ? WHERE key = ?", (until, key))

    def keep(self, key: bytes, content: bytes) -> bool:
        """As `SessionStore`."""
        with self._open() as database:
            done = database.execute("UPDATE sessions SET content = ? WHERE key = ?", (content, key))
            return done.rowcount == 1

    def remove(self, key: bytes) -> bytes | None:
        """As `SessionStore`."""
        with self._open() as database:
            gone = database.execute("DELETE FROM sessions WHERE key = ? RETURNING content", (key,)).fetchall()
        return gone[0][0] if gone else None

    def end(self, party: str, notice: LogoutNotice, *, kept_until: float) -> int:
        """As `SessionStore`."""
        row = {
            "party": party, "subject": notice.subject, "sid": notice.sid, "at": notice.issued_at,
            "until": kept_until,
        }  # fmt: skip
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(f"DELETE FROM logouts WHERE {_COVERED}", row)  # noqa: S608 - our names
            database.execute("INSERT INTO logouts VALUES (:party, :subject, :sid, :at, :until)", row)
            return database.execute(f"DELETE FROM sessions WHERE party = :party AND {_MEANT}", row).rowcount  # noqa: S608

    def use_once(self, key: bytes, *, until: float, now: float) -> bool:
        """As `SessionStore`."""
        with self._open() as database:
            # All of them: who comes back from no sign-in with nonsense is never the reason for an `add`.
            database.execute("DELETE FROM used WHERE until <= ?", (now,))
            done = database.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (key, until))
            return done.rowcount == 1

    @contextmanager
    def locked(self, key: bytes) -> Generator[None]:
        """As `SessionStore`."""
        path = self._path.with_name(f"{self._path.name}.lock{key[0] % _STRIPES}")
        try:
            with locked(path, LOCK_SECONDS):
                yield
        except TimeoutError as error:
            raise ServerUnavailable("busy", str(error)) from None


_stores: weakref.WeakSet[SqliteSessions] = weakref.WeakSet()
# SQLite: a connection must not even be closed in a child of the process that opened it.
_inherited: list[sqlite3.Connection] = []


def _after_fork() -> None:
    for store in _stores:
        store._forget_connection()  # noqa: SLF001 - this module's own


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
