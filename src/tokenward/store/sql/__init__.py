"""SQLite and PostgreSQL behind the store's port. Only `app` imports this, where a database is picked."""

import asyncio
from pathlib import Path

from tokenward.store.port import Store, StoreUnavailable
from tokenward.store.sql.api_keys import SqlApiKeys
from tokenward.store.sql.browser_sessions import SqlBrowserSessions
from tokenward.store.sql.consents import SqlConsents
from tokenward.store.sql.database import Database
from tokenward.store.sql.device_codes import SqlDeviceCodes
from tokenward.store.sql.factors import SqlFactors
from tokenward.store.sql.feed import SqlFeed
from tokenward.store.sql.keys import SqlKeys
from tokenward.store.sql.leaks import SqlLeaks
from tokenward.store.sql.logouts import SqlLogouts
from tokenward.store.sql.migrate import migrate_postgres, migrate_sqlite
from tokenward.store.sql.people import SqlPeople
from tokenward.store.sql.pushed_requests import SqlPushedRequests
from tokenward.store.sql.registrations import SqlRegistrations
from tokenward.store.sql.replays import SqlReplays
from tokenward.store.sql.sessions import SqlSessions
from tokenward.store.sql.sqlite import SqliteDatabase
from tokenward.store.sql.tokens import SqlTokens
from tokenward.store.sql.upkeep import SqlUpkeep
from tokenward.store.sql.usages import SqlUsages


class SqlStore(
    SqlRegistrations,
    SqlPeople,
    SqlSessions,
    SqlLogouts,
    SqlBrowserSessions,
    SqlConsents,
    SqlFactors,
    SqlTokens,
    SqlDeviceCodes,
    SqlPushedRequests,
    SqlReplays,
    SqlApiKeys,
    SqlUsages,
    SqlLeaks,
    SqlFeed,
    SqlKeys,
    SqlUpkeep,
):
    """The whole port: the sum of its families over one database, as `port.Store` is the sum of its parts."""

    def on_ended(self) -> None:
        """What leaked may have been a client's secret, of which this store remembers the last state."""
        self.forget_secrets()


async def open_store(url: str) -> Store:
    """Open a database, bringing its schema up to date first.

    Args:
        url: `sqlite:path/to/file.db` (the file is made if there is none), or `postgresql://…`.

    Raises:
        StoreUnavailable: it cannot be opened; the text never holds the URL, which may hold a password.
        ValueError: the URL names neither.
    """
    return SqlStore(await asyncio.to_thread(_open, url))


def _open(url: str) -> Database:
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest and not rest.startswith((":", "//")):
        path = Path(rest)
        migrate_sqlite(path)
        return SqliteDatabase(path)
    if scheme in {"postgresql", "postgres"}:
        try:
            from tokenward.store.sql.postgres import PostgresDatabase  # noqa: PLC0415 - needs the extra
        except ImportError:
            raise StoreUnavailable("PostgreSQL needs an extra: pip install 'tokenward[postgres]'") from None
        migrate_postgres(url)
        return PostgresDatabase(url)
    raise ValueError("the store's URL is sqlite:PATH or postgresql://…")
