from contextlib import contextmanager

import pytest

from databases import postgres_database


@contextmanager
def sqlite_database(directory):
    yield f"sqlite:{directory / 'store.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    database = sqlite_database(tmp_path) if request.param == "sqlite" else postgres_database()
    with database as found:
        yield found


@pytest.fixture
def sqlite_url(tmp_path):
    with sqlite_database(tmp_path) as found:
        yield found


@pytest.fixture
def postgres_url():
    with postgres_database() as found:
        yield found
