"""The Caddyfile of the how-to, with the real Caddy in front."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e2e.edge import Edge, edge
from tokenward.gateway.headers import DROPPED

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-behind-caddy-or-traefik.md"
# What Caddy settles with the client itself, or a decision reads.
NOT_REMOVED = {"keep-alive", "te", "trailer", "transfer-encoding", "http2-settings", "expect", "tokenward-*"}


def caddyfile():
    (text,) = re.findall(r"```caddy\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return text


def test_the_page_removes_all_names_by_which_anybody_could_speak_for_the_gateway():
    removed = set(re.findall(r"^\trequest_header -(\S+)$", caddyfile(), re.MULTILINE))
    assert {name.lower() for name in removed} == set(DROPPED) - NOT_REMOVED | {"x-tokenward-*"}


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    """A Caddy by the page, before a gateway."""
    program = shutil.which("caddy")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no caddy")
        pytest.skip("no caddy (Debian: apt install caddy)")
    directory = tmp_path_factory.mktemp("caddy")
    with edge(directory, api="contract: off", asked=True) as running, contextlib.ExitStack() as stack:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        text = caddyfile().replace("127.0.0.1:8081", urlsplit(running.urls[0]).netloc)
        text = text.replace("127.0.0.1:8085", f"127.0.0.1:{running.decisions}")
        text = text.replace("/bank/*", "/echo/*").replace("127.0.0.1:9002", f"127.0.0.1:{running.upstream}")
        text = text.replace("https://api.example.com", f"http://127.0.0.1:{port}")
        (directory / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
        home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
        log = stack.enter_context((directory / "caddy.log").open("wb"))
        command = [program, "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]
        caddy = subprocess.Popen(command, env={**os.environ, **home}, stdout=log, stderr=log)
        try:
            _wait_for(port, caddy)
            yield Front(port, running)
        finally:
            caddy.terminate()
            caddy.wait(20)


@dataclass
class Front:
    port: int
    gateway: Edge


def _wait_for(port, caddy):
    while True:
        assert caddy.poll() is None
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return


def ask(port, path, method="GET", headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_what_is_allowed_reaches_the_api_as_it_was_decided_on(front):
    headers = [
        ("X-User", "root"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("Cookie", "a=1; tokenward=s"),
        ("X-Kept", "1"),
    ]
    status, _, body = ask(front.port, "/echo/open", headers=headers)
    assert status == 200
    seen = json.loads(body)
    assert seen["line"] == "GET /open HTTP/1.1"
    told = {name.lower(): value for name, value in seen["headers"]}
    assert (told["x-kept"], told["cookie"]) == ("1", "a=1")
    assert re.fullmatch("[0-9a-f]{32}", told["x-request-id"])
    assert "root" not in body.decode()
    assert "6.6.6.6" not in body.decode()
    assert not told.get("authorization")


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/echo/closed", [], 401, "no_credential"),
        ("/echo/closed", [("Authorization", "Bearer x")], 401, "invalid_token"),
        ("/echo/nothing", [], 404, "undocumented"),
        ("/echo/x/../open", [], 400, "ambiguous_path"),
        ("/echo/op%2565n", [], 400, "ambiguous_path"),
        ("/echo/open;x=1", [], 400, "ambiguous_path"),
        ("/echo/open", [("X_User", "root")], 400, "malformed_request"),
        ("/echo/open?access_token=x", [], 400, "credential_in_url"),
    ],
)
def test_what_is_refused_gets_the_refusal(front, path, headers, status, code):
    answer = ask(front.port, path, headers=headers)
    assert (answer[0], answer[1].get("content-type")) == (status, "application/problem+json")
    assert json.loads(answer[2])["type"] == f"urn:tokenward:problem:{code}"


def test_the_gateway_answers_for_itself(front):
    status, _, body = ask(front.port, "/.well-known/tokenward/jwks.json")
    assert (status, "keys" in json.loads(body)) == (200, True)


@pytest.mark.parametrize("nominated", ["X-Request-Id", "Authorization, Traceparent", "X-Forwarded-For"])
def test_no_client_has_taken_away_what_the_gateway_says(front, nominated):
    """`Connection` names what a hop keeps to itself (RFC 9110 §7.6.1), and nothing that is set here."""
    status, _, body = ask(front.port, "/echo/open", headers=[("Connection", nominated)])
    assert status == 200
    told = {name.lower() for name, _ in json.loads(body)["headers"]}
    assert {"x-request-id", "traceparent", "x-forwarded-for"} <= told


def test_the_log_tells_who_asked(front):
    ask(front.port, "/echo/open")
    until = time.monotonic() + 20
    while not any(" door=engine reason=allow " in line for line in front.gateway.logged()):
        assert time.monotonic() < until
        time.sleep(0.05)
