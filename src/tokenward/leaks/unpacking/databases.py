"""SQLite files: the values of all tables, which the file itself may hold in pieces or in UTF-16.

Rows that were deleted, and those of a write-ahead log, are still in the raw bytes; these are searched, too.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from tokenward.leaks.unpacking.limits import Budget
from tokenward.leaks.unpacking.member import Flaw, Member

_WRITE_VERSION, _READ_VERSION = 18, 19  # 2: a write-ahead log stands beside, which is not there in memory
_STEPS = 100_000  # instructions of SQLite's machine between two looks
_LOOKS = 2_000  # so many instructions in all: some seconds
_LONGEST_VALUE = 64 * 1024 * 1024
_LEAST_CONTAINER = 32  # bytes of a value that may be a container itself


def members(data: bytes, _name: str, budget: Budget) -> Iterator[Member | Flaw]:
    """See `kinds.Reader`. One member a table, a line a value; a binary value is a member of its own."""
    image = bytearray(data)
    if len(image) > _READ_VERSION:
        image[_WRITE_VERSION] = image[_READ_VERSION] = 1
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        return looks > _LOOKS

    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(bytes(image))
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.set_progress_handler(look, _STEPS)
            connection.text_factory = bytes
            tables = _tables(connection)
        except (sqlite3.Error, OverflowError, MemoryError):
            yield Flaw("broken SQLite file")
            return
        for table in tables:
            budget.count_member()
            yield from _rows(connection, table, budget)


def _tables(connection: sqlite3.Connection) -> list[bytes]:
    """Ordinary tables: a virtual one would run a module over the file's claims."""
    return [
        name
        for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        if isinstance(name, bytes)
        and isinstance(sql, bytes)
        and not sql.lstrip()[:15].upper().startswith(b"CREATE VIRTUAL")
    ]


def _rows(connection: sqlite3.Connection, table: bytes, budget: Budget) -> Iterator[Member | Flaw]:
    name = table.decode("utf-8", "replace")
    lines: list[bytes] = []
    binary: list[Member] = []
    room, size = budget.room(), 0
    flaw = None
    try:
        # Only columns that are kept: what a generated one computes is not in the file.
        columns = [column for _, column, *_ in connection.execute(f"PRAGMA table_info({_quoted(table)})")]
        if not columns:
            return
        chosen = ", ".join(map(_quoted, columns))
        cursor = connection.execute(f"SELECT {chosen} FROM {_quoted(table)}")  # noqa: S608 - names, quoted
        for number, row in enumerate(cursor, 1):
            for column, value in zip(columns, row, strict=False):
                if not isinstance(value, bytes):
                    continue
                size += len(value) + len(column) + 3
                if b"\0" in value[:1024] or (len(value) >= _LEAST_CONTAINER and not value[:4].isascii()):
                    budget.count_member()
                    binary.append(Member(f"{name}/{column.decode('utf-8', 'replace')} {number}", value))
                else:
                    lines.append(column + b": " + value)
            if size > room:
                flaw = Flaw(f"more than {room:,} bytes in a table", name)
                break
    except (sqlite3.Error, OverflowError, MemoryError):
        flaw = Flaw("broken, or larger than what is looked through", name)
    budget.take(size)
    if flaw is not None:
        yield flaw
    if lines:
        yield Member(name, b"\n".join(lines))
    yield from binary


def _quoted(name: bytes) -> str:
    return '"' + name.decode("utf-8", "replace").replace('"', '""') + '"'
