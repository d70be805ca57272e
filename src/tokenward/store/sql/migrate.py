"""Brings a database to the schema of this version, safely under several processes that start at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tokenward.store.port import StoreUnavailable
from tokenward.store.sql import sqlite

_SCRIPTS = Path(__file__).with_name("migrations")
_WAIT = 30.0  # seconds for another process that migrates
_ADVISORY_LOCK = 0x746F6B656E  # "token"; any constant that nobody else in this database uses

_alembic = threading.Lock()  # its environment is a global of the process


def migrate_sqlite(path: Path) -> None:
    """Create or upgrade the database in the file.

    Raises:
        StoreUnavailable: it cannot be opened, or a newer version made it.
    """
    creator = partial(sqlite.connect, path, wait=_WAIT)
    engine = sa.create_engine("sqlite://", creator=creator, poolclass=sa.NullPool)
    # The write lock, before looking at the version: another process that starts now waits here.
    with _failures(), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection)
        connection.commit()


def migrate_postgres(url: str) -> None:
    """Create or upgrade the tables in the database.

    Raises:
        StoreUnavailable: it cannot be reached, or a newer version made it.
    """
    from tokenward.store.sql import postgres  # noqa: PLC0415 - needs the extra of that name

    creator = partial(postgres.connect, url, autocommit=False)
    engine = sa.create_engine("postgresql+psycopg://", creator=creator, poolclass=sa.NullPool)
    with _failures(), engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(_WAIT * 1000)}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        _upgrade(connection)


def configuration(connection: sa.Connection) -> Config:
    """Alembic's settings; there is no alembic.ini, since nobody runs it by hand."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sa.Connection) -> None:
    with _alembic:
        config = configuration(connection)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        found = set(MigrationContext.configure(connection).get_current_heads())
        if not found <= known:
            raise StoreUnavailable(
                "the database was made by a newer version of Tokenward: upgrade this one, or use another"
            )
        command.upgrade(config, "head")


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        # SQLAlchemy's own text would quote the statement, and a driver's may quote the URL.
        raise StoreUnavailable(f"the database could not be upgraded: {type(error.orig).__name__}") from None
