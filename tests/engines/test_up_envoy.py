"""`tokenward up --engine envoy`, as people run it: it comes back, takes up changes, leaves nothing behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from databases import postgres_database
from e2e.bank import until
from engines.house import DOCUMENT, House
from targets.envoy import program


def envoy_house(directory, store=""):
    return House(directory, store, engine="envoy", path=str(Path(program()).parent))


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, tmp_path):
    program()
    with contextlib.ExitStack() as stack:
        store = ""
        if request.param == "postgresql":
            store = stack.enter_context(postgres_database())
        made = envoy_house(tmp_path, store)
        stack.callback(made.close)
        yield made


@pytest.fixture
def sqlite_house(tmp_path):
    program()
    made = envoy_house(tmp_path)
    yield made
    made.close()


def _status(http, url, **more):
    with contextlib.suppress(httpx.TransportError):
        return http.get(url, **more).status_code
    return 0


def test_a_revocation_is_felt_within_a_second(house):
    said = dict(
        line.split()
        for line in house.tokenward(
            "clients", "add", "Caller", "--type", "service", "--scope", "a"
        ).splitlines()
    )
    with house.up(), httpx.Client(trust_env=False) as http:
        form = {"grant_type": "client_credentials", "scope": "a", "resource": f"{house.gateway}/bank"}
        basic = (said["client_id"], said["client_secret"])
        token = http.post(f"{house.issuer}/token", data=form, auth=basic).json()["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        assert http.get(f"{house.gateway}/bank/accounts").status_code == 401
        assert http.get(f"{house.gateway}/bank/accounts", headers=bearer).text == "one"
        http.post(f"{house.issuer}/revoke", data={"token": token}, auth=basic)
        revoked = time.monotonic()
        assert until(lambda: _status(http, f"{house.gateway}/bank/accounts", headers=bearer) == 401, 5)
        assert time.monotonic() - revoked < 1.0
        assert http.get(f"{house.gateway}/.well-known/tokenward/health").json() == {"status": "ok"}


def test_whoever_dies_comes_back_and_nothing_passes_meanwhile(sqlite_house):
    house = sqlite_house
    with house.up(), httpx.Client(trust_env=False) as http:
        url = f"{house.gateway}/bank/open"
        assert _status(http, url) == 200
        for victim in ("envoy", "keeper"):
            before = house.pids("envoy")
            (pid,) = house.pids(victim)
            os.kill(pid, signal.SIGKILL)
            assert until(
                lambda before=before: _status(http, url) == 200 and house.pids("envoy") not in ([], before),
                40,
            )
            assert until(lambda: len(house.pids("envoy")) == 1, 20)
        secret = f"{house.gateway}/bank/accounts"
        os.kill(house.gateway_pid(), signal.SIGKILL)
        seen = set()
        assert until(lambda: seen.add(_status(http, secret)) or {503, 401} <= seen, 40), seen
        assert seen == {503, 401}
        assert house.one.requests >= 3
        assert stat_of(house.directory / "data/engine") == 0o700
    assert house.pids("envoy") == house.pids("keeper") == []
    assert not (house.directory / "data/engine").exists()


def stat_of(path):
    return path.stat().st_mode & 0o777


def test_a_supervisor_that_is_killed_leaves_no_engine_behind(sqlite_house):
    house = sqlite_house
    with house.up():
        assert len(house.pids("envoy")) == 1
        house.supervisor_is_killed()
        assert until(lambda: house.pids("envoy") == house.pids("keeper") == [], 40)


def test_a_changed_configuration_is_taken_up_and_no_request_is_lost(sqlite_house):
    house = sqlite_house
    stop, seen = threading.Event(), []

    def load():
        with httpx.Client(trust_env=False) as http:
            while not stop.is_set():
                try:
                    answer = http.get(f"{house.gateway}/bank/open")
                    seen.append((answer.status_code, answer.text[:200]))
                except httpx.TransportError as error:
                    seen.append((0, repr(error)))

    with house.up(), httpx.Client(trust_env=False) as http:
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            text = house.configuration.read_text()
            house.configuration.write_text(text.replace(house.one.url, house.other.url))
            assert until(lambda: (200, "other") in seen, 60), house.lines
            document = house.directory / "bank.yaml"
            document.write_text(DOCUMENT.replace("risk: low", "risk: public"))
            assert until(lambda: _status(http, f"{house.gateway}/bank/more") == 200, 60), house.lines
            # A configuration with an error in it changes nothing.
            house.configuration.write_text(text.replace("risk: moderate", "risk: none"))
            assert until(lambda: any("what runs is kept" in it for it in house.lines), 30), house.lines
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert {status for status, _ in seen} == {200}, [it for it in seen if it[0] != 200][:5]
    first = next(number for number, it in enumerate(seen) if it[1] == "other")
    assert first > 0


def test_what_envoy_does_not_take_up_the_gateway_does_not_go_by_either(sqlite_house):
    house = sqlite_house
    picky = house.directory / "picky" / "envoy"
    picky.parent.mkdir()
    refuses = picky.with_name("refuses")
    picky.write_text(
        f'#!/bin/sh\n[ -e "{refuses}" ] && case "$*" in *validate*) exit 1;; esac\nexec "{program()}" "$@"\n'
    )
    picky.chmod(0o700)
    house.path = str(picky.parent)
    with house.up(), httpx.Client(trust_env=False) as http:
        url = f"{house.gateway}/bank/more"
        assert _status(http, url) == 401
        refuses.touch()
        text = house.configuration.read_text()
        house.configuration.write_text(text.replace(house.one.url, house.other.url))
        (house.directory / "bank.yaml").write_text(DOCUMENT.replace("risk: low", "risk: public"))
        assert until(lambda: any("what ran before is kept" in it for it in house.lines), 60), house.lines
        assert until(lambda: {_status(http, url) for _ in range(20)} == {401}, 30)


def test_a_taken_port_and_a_missing_engine_are_told(sqlite_house):
    house = sqlite_house

    def ended(**environment):
        ran = subprocess.run(
            [sys.executable, "-m", "tokenward.app.cli", "up", "--engine", "envoy"],
            cwd=house.directory, capture_output=True, text=True, check=False, timeout=60,
            env=os.environ | environment,
        )  # fmt: skip
        assert ran.returncode == 2
        return " ".join(ran.stderr.split())

    assert "pip install 'tokenward[envoy]'" in ended(PATH="/nowhere")
    path = f"{Path(program()).parent}{os.pathsep}{os.environ['PATH']}"
    port = int(house.gateway.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        assert f"cannot listen on 127.0.0.1:{port}" in ended(PATH=path)
