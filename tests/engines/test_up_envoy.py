"""`tokenward up --engine envoy`, as people run it: it comes back, takes up changes, leaves nothing behind."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from databases import postgres_database
from e2e.bank import until
from e2e.test_processes import _free_ports
from targets.envoy import program

DOCUMENT = """\
openapi: 3.1.0
info: {title: Bank, version: "1"}
paths:
  /open: {get: {operationId: open, x-tokenward-risk: public, responses: {200: {description: ok}}}}
  /more: {get: {operationId: more, x-tokenward-risk: low, responses: {200: {description: ok}}}}
  /accounts:
    get: {operationId: accounts, security: [{oauth: [a]}], responses: {200: {description: ok}}}
components:
  securitySchemes:
    oauth: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://x/t", scopes: {a: b}}}}
"""


class Api:
    """An API that tells its name, and counts."""

    def __init__(self, name):
        self.requests = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.requests += 1
                body = name.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class House:
    """A directory with a configuration, and the processes that run by it."""

    def __init__(self, directory, store):
        self.directory = directory
        self.lines = []
        issuer, gateway, admin = _free_ports(3)
        self.issuer, self.gateway = f"http://127.0.0.1:{issuer}", f"http://127.0.0.1:{gateway}"
        self.one, self.other = Api("one"), Api("other")
        (directory / "bank.yaml").write_text(DOCUMENT)
        self.tokenward("init")
        self.configuration = directory / "tokenward.yaml"
        text = self.configuration.read_text().partition("\napis:")[0]
        for old, new in zip(("8080", "8000", "8081"), (issuer, gateway, admin), strict=True):
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        if store:
            text = re.sub(r"^store:.*$", f"store: {store}", text, flags=re.MULTILINE)
        self.configuration.write_text(
            f"{text}\napis:\n  bank: {{openapi: bank.yaml, risk: moderate, upstream: '{self.one.url}'}}\n"
        )
        self._process = None

    def tokenward(self, *arguments):
        ran = subprocess.run(
            [sys.executable, "-m", "tokenward.app.cli", *arguments],
            cwd=self.directory, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @contextlib.contextmanager
    def up(self, envoy=None):
        path = f"{(envoy or Path(program())).parent}{os.pathsep}{os.environ['PATH']}"
        with subprocess.Popen(
            [sys.executable, "-m", "tokenward.app.cli", "up", "--engine", "envoy"],
            cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PATH": path},
        ) as self._process:  # fmt: skip
            reader = threading.Thread(target=lambda: self.lines.extend(self._process.stdout))
            reader.start()
            try:
                assert until(lambda: any(it.startswith("admin") for it in self.lines), 60), self.lines
                yield
            finally:
                self._process.send_signal(signal.SIGTERM)
                self._process.wait(60)
                reader.join()

    def pids(self, what):
        """Of the processes that were started below this one and whose command line says so."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if str(self.directory / "data/engine").encode() in b" ".join(words):
                    is_keeper = b"tokenward.app.engines.keeper" in words
                    if is_keeper is (what == "keeper"):
                        found.append(int(path.parent.name))
        return found

    def gateway_pid(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                here = (path.parent / "cwd").readlink() == self.directory
                if here and {b"tokenward.app.processes", b"gateway"} <= {*words}:
                    return int(path.parent.name)
        raise LookupError

    def supervisor_is_killed(self):
        self._process.kill()

    def close(self):
        self.one.close()
        self.other.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, tmp_path):
    program()
    with contextlib.ExitStack() as stack:
        store = ""
        if request.param == "postgresql":
            store = stack.enter_context(postgres_database())
        made = House(tmp_path, store)
        stack.callback(made.close)
        yield made


@pytest.fixture
def sqlite_house(tmp_path):
    program()
    made = House(tmp_path, "")
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
                lambda before=before: _status(http, url) == 200 and house.pids("envoy") != before, 40
            )
            assert len(house.pids("envoy")) == 1
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
    with house.up(picky), httpx.Client(trust_env=False) as http:
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
