"""A server that answers as it is told, and a client of it."""

import pytest

from client.fake_server import fake_server
from tokenward.client import ClientCredentials, ClientSecret, Server


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


@pytest.fixture
def source(fake, monkeypatch):
    """Makes a source of tokens of the fake server."""
    monkeypatch.setenv("FAKE_SECRET", "a secret of the fake client")

    def make(**changes):
        server = changes.pop("server", None) or Server(fake.issuer)
        settings = {
            "client_id": "reports",
            "authentication": ClientSecret("env:FAKE_SECRET"),
            "scope": ["forecast:read"],
            "resource": f"{fake.api}/api",
        }
        return ClientCredentials(server, **settings | changes)

    return make
