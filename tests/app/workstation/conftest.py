"""A server that answers as it is told, and a home with a profile of a program that it knows."""

import pytest

from client.fake_server import fake_server
from workstation_home import Home


@pytest.fixture
def fake():
    with fake_server() as server:
        yield server


@pytest.fixture
def home(tmp_path, fake):
    made = Home(tmp_path)
    made.environment["REPORTS"] = "the secret of reports"
    made.write(
        reports={
            "issuer": fake.issuer,
            "client_id": "reports",
            "client_secret": "env:REPORTS",
            "audience": f"{fake.api}/api",
            "scope": ["forecast:read"],
        }
    )
    return made
