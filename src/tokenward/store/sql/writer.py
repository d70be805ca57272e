"""The one writer of a process: units that arrive together share a transaction, and its one flush to disk.

    gather what one turn of the event loop brings → take all that is queued
    → BEGIN → rows by the statement, then the other units → COMMIT → acknowledge

Where there is nothing but rows for one table, their one statement is the whole transaction. Where a unit
raises, all is rolled back and done again with each in a savepoint, so that it harms no neighbour: it is rare,
and a savepoint for every unit would cost more than most units.

What a unit did is told only after the COMMIT. A caller that was cancelled has its unit done all the same: it
is in the queue, not in the caller.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from tokenward.store.port import AlreadyExists, StoreUnavailable
from tokenward.store.sql.database import Collision, ConnectionLost, Cursor
from tokenward.store.sql.statements import ROWS, Parameters, Statement

T = TypeVar("T")

BATCH = 256  # units that share a transaction at most, so that the first one does not wait for thousands
_ATTEMPTS = 5  # at a unit that keeps colliding with other processes


class Connection(Protocol):
    """A driver's connection as the writer needs it. All of it may raise `StoreUnavailable`."""

    @property
    def cursor(self) -> Cursor:
        """For the units."""

    def begin(self) -> None:
        """Start a transaction that may write."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Roll back to here, and no further, if the body raises."""

    def insert_alone(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        """Insert at most `ROWS` rows in a transaction of their own, and reach the disk; none where it raises.

        Once the COMMIT may have begun, a failure is no `ConnectionLost`.
        """

    def commit(self) -> None:
        """Reach the disk. Once this has begun, a failure is no `ConnectionLost`: nobody knows then."""

    def rollback(self) -> None:
        """End the transaction, if there still is one; never raises."""

    def close(self) -> None:
        """Release the connection; never raises."""


class Job(NamedTuple):
    """Who waits, and for what: a unit, or a row to insert."""

    future: asyncio.Future[Any]
    unit: Callable[[Cursor], Any] | None = None
    row: tuple[Statement, Parameters] | None = None


class Outcome(NamedTuple):
    """What to tell the one who waits."""

    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class _UnitRaised(Exception):  # noqa: N818 - reads as the condition it is
    """One of several units, nobody knows which."""


class Writer:
    """A thread with a connection of its own and a queue in front.

    Args:
        connect: opens a connection; called on the thread, again after the connection was lost.
        name: of the thread.
    """

    def __init__(self, connect: Callable[[], Connection], *, name: str) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._gathered: list[Job] = []
        self._queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._accepting = threading.Lock()
        self._closed = False
        # A daemon, because a process that dies without close() must not hang on units nobody waits for.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def write(self, unit: Callable[[Cursor], T]) -> T:
        """Run a unit; see `Database.write`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._accept(Job(future, unit))
        return await future

    async def insert(self, statement: Statement, row: Parameters) -> None:
        """Insert a row; see `Database.insert`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._accept(Job(future, row=(statement, row)))
        await future

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    async def close(self) -> None:
        """Refuse what comes from now on, finish what was accepted, end the thread."""
        with self._accepting:
            if not self._closed:
                self._closed = True
                self._queue.put(self._gathered)
                self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _accept(self, job: Job) -> None:
        with self._accepting:  # so that nothing is queued behind the end mark
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._gathered.append(job)
            if len(self._gathered) == 1:
                job.future.get_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Wake the thread once for all that this turn of the loop brought: it and the loop share a lock."""
        with self._accepting:
            if not self._closed:
                self._queue.put(self._gathered)
                self._gathered = []

    # On the thread.

    def _run(self) -> None:
        jobs: list[Job] = []
        open_ended = True
        while jobs or open_ended:
            open_ended &= self._fetch(jobs)
            batch, jobs = jobs[:BATCH], jobs[BATCH:]
            _acknowledge(self._perform(batch))
        self._drop()

    def _fetch(self, jobs: list[Job]) -> bool:
        """Add all that is queued, waiting for it if there is no job yet; False at the end mark."""
        with suppress(Empty):
            while (handed := self._queue.get(block=not jobs)) is not None:
                jobs += handed
            return False
        return True

    def _perform(self, jobs: Sequence[Job]) -> list[Outcome]:
        if not jobs:
            return []
        for _ in range(_ATTEMPTS):
            try:
                return self._transaction(jobs)
            except Collision:
                if len(jobs) > 1:  # alone, each holds few locks and only for a moment
                    return [outcome for job in jobs for outcome in self._perform([job])]
            except ConnectionLost:
                self._drop()
            except BaseException as error:  # noqa: BLE001 - whatever it was, those who wait must hear of it
                return _failed(jobs, error)
        return _failed(jobs, StoreUnavailable("gave up after several attempts"))

    def _transaction(self, jobs: Sequence[Job]) -> list[Outcome]:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        return _by_one_statement(connection, jobs) or _together(connection, jobs) or _apart(connection, jobs)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _by_one_statement(connection: Connection, jobs: Sequence[Job]) -> list[Outcome]:
    """Nothing, and nothing done, where it takes more than that or a row cannot be inserted."""
    rows = [job.row for job in jobs if job.row is not None]
    if len(rows) != len(jobs) or len(rows) > ROWS or len({statement for statement, _ in rows}) != 1:
        return []
    try:
        connection.insert_alone(rows[0][0], [row for _, row in rows])
    except (AlreadyExists, ValueError):
        return []
    return [Outcome(job.future) for job in jobs]


def _together(connection: Connection, jobs: Sequence[Job]) -> list[Outcome]:
    """One transaction; nothing, and nothing done, where a unit raises."""
    try:
        return _transaction(connection, lambda: _run(connection.cursor, jobs))
    except _UnitRaised:
        return []


def _apart(connection: Connection, jobs: Sequence[Job]) -> list[Outcome]:
    """One transaction, in which a unit that raises is as if it had never been."""
    return _transaction(connection, lambda: [_attempt(connection, job) for job in jobs])


def _transaction(connection: Connection, body: Callable[[], list[Outcome]]) -> list[Outcome]:
    try:
        connection.begin()
        outcomes = body()
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return outcomes


def _run(cursor: Cursor, jobs: Sequence[Job]) -> list[Outcome]:
    rows: dict[Statement, list[Parameters]] = defaultdict(list)
    for job in jobs:
        if job.row is not None:
            rows[job.row[0]].append(job.row[1])
    try:
        for statement, some in rows.items():
            cursor.run_many(statement, some)
        return [Outcome(job.future, job.unit(cursor) if job.unit else None) for job in jobs]
    except StoreUnavailable:
        raise
    except Exception:  # noqa: BLE001 - raised once more, it is told to the one who waits for it
        raise _UnitRaised from None


def _attempt(connection: Connection, job: Job) -> Outcome:
    try:
        with connection.savepoint():
            if job.row is not None:
                connection.cursor.run(*job.row)
            return Outcome(job.future, job.unit(connection.cursor) if job.unit else None)
    except StoreUnavailable:
        raise  # the transaction as a whole can no longer be trusted
    except Exception as error:  # noqa: BLE001 - the unit's own outcome, told to the one who waits for it
        return Outcome(job.future, error=error)


def _failed(jobs: Sequence[Job], error: BaseException) -> list[Outcome]:
    text = str(error) if isinstance(error, StoreUnavailable) else type(error).__name__
    return [Outcome(job.future, error=StoreUnavailable(text)) for job in jobs]


def _acknowledge(outcomes: Sequence[Outcome]) -> None:
    """Wake each event loop once, however many of its callers are answered."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_loop[outcome.future.get_loop()].append(outcome)
    for loop, mine in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, mine)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.future.done():  # its caller was cancelled
            continue
        if outcome.error is None:
            outcome.future.set_result(outcome.result)
        else:
            outcome.future.set_exception(outcome.error)


@contextmanager
def savepoint(execute: Callable[[str], object]) -> Iterator[None]:
    """Roll back to here if the body raises; in the SQL that both databases share."""
    execute("SAVEPOINT unit")
    try:
        yield
    except StoreUnavailable:
        raise  # the whole transaction goes
    except BaseException:
        execute("ROLLBACK TO SAVEPOINT unit")
        execute("RELEASE SAVEPOINT unit")
        raise
    execute("RELEASE SAVEPOINT unit")
