"""The port of a driver: run a unit of work, and nothing about what it does.

A unit is a plain function over a `Cursor`, written once for both databases. A reading unit is one statement,
so it needs no transaction; a writing unit is all or nothing.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tokenward.store.port import StoreUnavailable
from tokenward.store.sql.statements import NOTHING, Parameters, Row, Statement

T = TypeVar("T")


class Cursor(Protocol):
    """What a unit may do. A text that no database can hold (NUL, a lone surrogate) matches no row."""

    def one(self, statement: Statement, parameters: Parameters = NOTHING) -> Row | None:
        """The first row, or None."""

    def all(self, statement: Statement, parameters: Parameters = NOTHING) -> list[Row]:
        """Every row."""

    def run(self, statement: Statement, parameters: Parameters = NOTHING) -> int:
        """Run for the effect; how many rows it touched.

        Raises:
            AlreadyExists: a row with that key exists.
            Unstorable: a value cannot be stored.
        """

    def run_many(self, statement: Statement, rows: Sequence[Parameters]) -> None:
        """Insert every row by a statement of `insert_into`; raises as `run` does."""

    def announce(self) -> None:
        """Wake whoever waits in `Database.revocation`, once this unit is committed."""


class Database(Protocol):
    """A database that runs units. Every method may raise `StoreUnavailable`."""

    async def read(self, unit: Callable[[Cursor], T], *, apart: bool = False) -> T:
        """Run a unit of one reading statement; `apart` from the others, it does not wait behind them."""

    async def write(self, unit: Callable[[Cursor], T]) -> T:
        """Run a unit in a transaction; returns after it has reached the disk."""

    async def insert(self, statement: Statement, row: Parameters) -> None:
        """Insert one row, sharing one statement with whatever else is being inserted.

        Raises:
            AlreadyExists: a row with that key exists.
        """

    async def revocation(self, *, within: float) -> None:
        """Return when some unit announced a revocation, else after `within` seconds."""

    async def close(self) -> None:
        """Finish what was accepted, then release everything."""


class Unstorable(ValueError):  # noqa: N818 - reads as the condition it is
    """A value cannot be stored: a text with NUL or a lone surrogate, or a row that breaks a constraint."""


class Collision(StoreUnavailable):
    """The database rolled the transaction back for the sake of another one (deadlock, serialization)."""


class ConnectionLost(StoreUnavailable):
    """The connection broke before anything was committed, so that trying again on a new one is safe."""
