"""Databases for tests: each throw-away, on this machine."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

SERVER = "postgresql://postgres@127.0.0.1:5432"


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of an empty database of one's own, dropped at the end.

    Without a server the test is skipped; with CI=true it fails, so that it is never skipped unseen.
    """
    try:
        server = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no PostgreSQL server on 127.0.0.1:5432 that trusts the user postgres")
    name = f"tokenward_test_{secrets.token_hex(8)}"
    with server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8".encode())
        try:
            yield f"{SERVER}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
