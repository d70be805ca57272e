import asyncio
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest
from typer.testing import CliRunner

from auditor.servers.weak import CLIENT, WeakServer
from gateway.wire import served
from serving import serving
from tokenward.app.cli import application
from tokenward.app.demo import APP, REDIRECT, running_demo


class Published(BaseHTTPRequestHandler):
    """A server of 2012, and a resource of it."""

    members: ClassVar = {}

    def do_GET(self):
        here = f"http://{self.headers['Host']}"
        about = {"resource": here, "authorization_servers": [here]}
        metadata = {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "response_types_supported": ["code", "token"],
            "grant_types_supported": ["authorization_code", "password"],
        }
        pages = {
            "/.well-known/oauth-authorization-server": metadata | self.members,
            "/.well-known/oauth-protected-resource": about,
        }
        body = json.dumps(pages.get(self.path, {})).encode()
        self.send_response(200 if self.path in pages else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run(*words, code=0):
    result = CliRunner().invoke(application, ["audit", "server", *words])
    assert result.exit_code == code, result.output
    return result


def audited(url, *words, code=1):
    return json.loads(run(url, "--format", "json", *words, code=code).stdout)


def ids(report):
    return {finding["rule"]["id"] for finding in report["findings"]}


def test_what_is_published_is_fetched_and_judged():
    with serving(Published) as url:
        report = audited(url, "--resource", url)
    assert ids(report) == {
        "server.implicit",
        "server.password-grant",
        "server.no-pkce",
        "server.no-par",
        "server.no-iss",
        "server.no-revocation",
        "server.secrets-only",
        "server.unbound-tokens",
    }
    place = next(it for it in report["findings"] if it["rule"]["id"] == "server.password-grant")["locations"][
        0
    ]
    assert place["path"] == f"{url}/.well-known/oauth-authorization-server"
    assert place["pointer"] == "/grant_types_supported"


def test_what_is_less_severe_than_fail_on_is_told_and_does_not_fail():
    with serving(Published) as url:
        assert "password" in run(url, "--fail-on", "critical").stdout


def test_an_address_that_the_metadata_names_is_not_reached_inside():
    class Inside(Published):
        members: ClassVar = {"jwks_uri": "http://169.254.169.254/latest/meta-data"}

    with serving(Inside) as url:
        report = audited(url, "--fail-on", "critical", code=2)
    (problem,) = report["problems"]
    assert problem["path"] == "http://169.254.169.254/latest/meta-data"
    assert "cloud metadata" in problem["why"]


@pytest.mark.parametrize("issuer", ["as.example", "ftp://as.example", "https://"])
def test_what_is_no_address_is_exit_code_2(issuer):
    assert "no address" in run(issuer, code=2).stderr


def test_a_server_without_metadata_is_exit_code_2_and_every_place_is_told():
    class Nothing(Published):
        def do_GET(self):
            self.send_error(404)

    with serving(Nothing) as url:
        told = run(url, code=2).stderr
    assert f"{url}/.well-known/oauth-authorization-server: 404" in told
    assert f"{url}/.well-known/openid-configuration: 404" in told


@contextmanager
def weak(*faults):
    """The address of a weak server, over real HTTP."""
    started, ended = threading.Event(), threading.Event()
    server = WeakServer("", faults, ["https://app.example/callback"])

    async def run():
        async with served(server.app, lifespan="off") as port:
            server.issuer = f"http://127.0.0.1:{port}"
            started.set()
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert started.wait(10)
        yield server.issuer
    finally:
        ended.set()
        thread.join()


def test_what_a_server_does_is_tried_where_somebody_asks_for_it():
    words = ("--active", "--client-id", CLIENT, "--redirect-uri", "https://app.example/callback")
    with weak("pkce-optional", "introspection-open", "request-uri-fetched") as url:
        assert ids(audited(url, code=0)) == set()
        report = audited(url, *words)
    assert ids(report) == {"server.pkce-optional", "server.introspection-open", "server.request-uri-fetched"}
    assert report["problems"] == []


def test_another_machine_is_not_tested_unless_somebody_says_that_it_may_be():
    told = run("https://issuer.example", "--active", code=2).stderr
    assert "--i-may-test-this" in told


@pytest.mark.parametrize(
    "words", [("--client-id", "a"), ("--host", "b.example"), ("--i-may-test-this",), ("--scope", "")]
)
def test_options_of_what_is_tried_alone_are_exit_code_2(words):
    assert "--active" in run("http://127.0.0.1:9", *words, code=2).stderr


def test_half_a_client_is_exit_code_2():
    assert "go together" in run("http://127.0.0.1:9", "--active", "--client-id", "a", code=2).stderr


def test_ours_has_nothing_of_weight(tmp_path):
    with running_demo(tmp_path, free_ports=True) as demo:
        words = ("--active", "--client-id", APP, "--redirect-uri", REDIRECT)
        report = audited(demo.urls["issuer"], *words, code=0)
    assert ids(report) <= {"server.no-par", "server.rs256-only", "server.no-backchannel-logout"}
    assert report["problems"] == []


def test_an_address_that_is_none_is_exit_code_2():
    assert "is no address" in run("http://[", code=2).stderr
