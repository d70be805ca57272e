"""`tokenward up --engine nginx`, as people run it: it comes back, takes up changes, leaves nothing behind."""

import os
import re
import signal
import threading
import time

import httpx
import pytest

from e2e.bank import until
from engines.behind import listens
from engines.behind_nginx import program
from engines.house import House
from engines.test_up_envoy import _status


class NginxHouse(House):
    """The same behind nginx."""

    @property
    def port(self):
        return int(self.gateway.rpartition(":")[2])

    def keep(self, seconds):
        """Let decisions be kept for so long."""
        text = self.configuration.read_text()
        changed = re.sub(r"(?m)^gateway: \{", f"gateway: {{decisions: {{cache: {seconds}s}}, ", text)
        assert changed != text
        self.configuration.write_text(changed)


@pytest.fixture
def house(tmp_path):
    program()
    made = NginxHouse(tmp_path, engine="nginx")
    yield made
    made.close()


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_revocation_is_felt_within_a_second_and_what_is_kept(house, kept):
    if kept:
        house.keep(kept)
    added = house.tokenward("clients", "add", "Caller", "--type", "service", "--scope", "a")
    said = dict(line.split() for line in added.splitlines())
    with house.up(), httpx.Client(trust_env=False) as http:
        form = {"grant_type": "client_credentials", "scope": "a", "resource": f"{house.gateway}/bank"}
        basic = (said["client_id"], said["client_secret"])
        url = f"{house.gateway}/bank/accounts"
        assert http.get(url).status_code == 401
        token = http.post(f"{house.issuer}/token", data=form, auth=basic).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        assert http.get(url, headers=bearer).text == "one"
        http.post(f"{house.issuer}/revoke", data={"token": token}, auth=basic)
        revoked = time.monotonic()
        assert until(lambda: _status(http, url, headers=bearer) == 401, 5)
        assert time.monotonic() - revoked < 1.0 + kept
        assert http.get(f"{house.gateway}/.well-known/tokenward/health").json() == {"status": "ok"}


def test_whoever_dies_comes_back_and_nothing_passes_meanwhile(house):
    with house.up(), httpx.Client(trust_env=False) as http:
        url = f"{house.gateway}/bank/open"
        assert _status(http, url) == 200
        for victim in ("nginx", "keeper"):
            before = house.pids("nginx")
            (pid,) = house.pids(victim)
            os.kill(pid, signal.SIGKILL)
            assert until(
                lambda before=before: _status(http, url) == 200 and house.pids("nginx") not in ([], before),
                40,
            )
            assert until(lambda: len(house.pids("nginx")) == 1, 20)
        secret, seen, killed = f"{house.gateway}/bank/accounts", set(), house.gateway_pid()
        os.kill(killed, signal.SIGKILL)
        # Whoever asks waits for its successor for two seconds, and hears of none after that.
        assert until(lambda: seen.add(_status(http, secret)) or house.has_another_gateway(killed), 40)
        assert until(lambda: _status(http, secret) == 401, 40)
        assert seen <= {503, 401}
        assert (house.directory / "data/engine").stat().st_mode & 0o777 == 0o700
    assert house.pids("nginx") == house.pids("keeper") == []
    assert not listens(house.port)


def test_a_supervisor_that_is_killed_leaves_no_nginx_behind(house):
    with house.up():
        assert len(house.pids("nginx")) == 1
        house.supervisor_is_killed()
        assert until(
            lambda: house.pids("nginx") == house.pids("keeper") == [] and not listens(house.port), 40
        )


def test_a_changed_configuration_is_taken_up_and_no_request_is_lost(house):
    stop, seen = threading.Event(), []

    def load():
        while not stop.is_set():
            with httpx.Client(
                trust_env=False
            ) as http:  # nginx closes idle connections when it takes up another
                try:
                    answer = http.get(f"{house.gateway}/bank/open")
                    seen.append((answer.status_code, answer.text[:200]))
                except httpx.TransportError as error:
                    seen.append((0, repr(error)))

    with house.up():
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            text = house.configuration.read_text()
            house.configuration.write_text(text.replace(house.one.url, house.other.url))
            assert until(lambda: (200, "other") in seen, 60), house.lines
            enough = len(seen) + 50
            assert until(lambda: len(seen) > enough, 60)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert {status for status, _ in seen} == {200}, [it for it in seen if it[0] != 200][:5]
