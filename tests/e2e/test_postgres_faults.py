"""The database fails under the running house: nobody guesses meanwhile, and everything recovers by itself."""

import time

import httpx
import pytest

from databases import own_postgres_server
from e2e.cut_answers import status_of
from tokenward.app.demo import SERVICE, running_demo


@pytest.fixture
def server():
    with own_postgres_server() as running:
        yield running


@pytest.fixture
def house(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENWARD_TEST_DATABASE", server.url)
    with running_demo(tmp_path, free_ports=True, store="env:TOKENWARD_TEST_DATABASE") as running:
        yield running


@pytest.fixture
def http():
    with httpx.Client(trust_env=False, timeout=20) as client:
        yield client


class Caller:
    """An application that obtains a token and uses it."""

    def __init__(self, house, http):
        self._http = http
        self._urls = house.urls
        self._basic = (SERVICE, house.cast.service_secret.reveal())

    def obtain(self):
        form = {"grant_type": "client_credentials", "scope": "accounts:read"}
        return self._http.post(f"{self._urls['issuer']}/token", data=form, auth=self._basic)

    def revoke(self, token):
        form = {"token": token}
        return self._http.post(f"{self._urls['issuer']}/revoke", data=form, auth=self._basic).status_code

    def call(self, token):
        return status_of(self._http, f"{self._urls['gateway']}/bank/accounts", token)

    def becomes(self, status, token, *, within):
        """Whether a call with the token comes to be answered so."""
        end = time.monotonic() + within
        seen = []
        while time.monotonic() < end:
            seen.append(self.call(token))
            if seen[-1] == status:
                return True
            time.sleep(0.05)
        pytest.fail(f"answers were {sorted(set(seen), key=str)}")

    def issues(self, *, within):
        end = time.monotonic() + within
        while (answer := self.obtain()).status_code != 200:
            assert (answer.status_code, time.monotonic() < end) == (503, True)
            time.sleep(0.1)
        return answer.json()["access_token"]


@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_a_database_that_fails_is_said_and_survived(server, house, http, fault):
    caller = Caller(house, http)
    known = caller.issues(within=0)
    unseen = caller.issues(within=0)
    assert caller.call(known) == 200

    getattr(server, fault)()
    try:
        assert caller.becomes(503, known, within=5)  # promised within 0.75 s; a loaded machine is given more
        assert caller.call(unseen) == 503
        assert caller.call(known) == 503  # and it stays so
        if fault == "kill":
            assert caller.obtain().status_code == 503
            assert caller.revoke(known) == 503
    finally:
        (server.start if fault == "kill" else server.go_on)()

    assert caller.becomes(200, known, within=15)
    assert caller.becomes(200, unseen, within=15)
    fresh = caller.issues(within=15)
    assert caller.call(fresh) == 200
    assert caller.revoke(known) == 200
    assert caller.becomes(401, known, within=5)
    assert caller.call(fresh) == 200
