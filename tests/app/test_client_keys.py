"""From where the keys of clients are fetched: real sockets, and no inside address that nobody named."""

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tokenward.app.servers import fetch_for_clients
from tokenward.app.settings import Settings
from tokenward.base.outbound import OutboundError


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/jwks.json")
        else:
            self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 300_000 if self.path == "/large" else b'{"keys": []}')

    def log_message(self, *_args):
        """Be silent."""


@contextmanager
def key_server():
    server = HTTPServer(("127.0.0.1", 0), _Keys)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def settings(issuer_url: str, *inside: str) -> Settings:
    return Settings.model_validate(
        {
            "store": "sqlite:x.db",
            "master_key": "env:MASTER_KEY",
            "issuer": {"url": issuer_url, "listen": "127.0.0.1:8080"},
            "gateway": {"url": "https://api.example", "listen": "127.0.0.1:8000"},
            "admin": {"listen": "127.0.0.1:8081", "token": "env:ADMIN_TOKEN"},
            "clients": {"inside_networks": list(inside)},
        }
    )


def refused(configured: Settings, url: str) -> str:
    with pytest.raises(OutboundError) as error:
        asyncio.run(fetch_for_clients(configured)(url))
    return error.value.code


def test_an_issuer_on_loopback_fetches_from_loopback_and_follows_no_redirect():
    configured = settings("http://127.0.0.1:8080")
    with key_server() as there:
        assert asyncio.run(fetch_for_clients(configured)(f"http://{there}/jwks.json")) == b'{"keys": []}'
        assert refused(configured, f"http://{there}/moved") == "redirect_refused"
        assert refused(configured, f"http://{there}/large") == "too_large"


def test_a_public_issuer_reaches_no_inside_address_unless_the_operator_named_it():
    for url in ("https://127.0.0.1:9/", "https://10.0.0.7/", "https://169.254.169.254/", "https://[::1]:9/"):
        assert refused(settings("https://login.example"), url) == "address_refused", url
    assert refused(settings("https://login.example"), "http://127.0.0.1:9/") == "bad_url"
    named = settings("https://login.example", "127.0.0.1")
    with key_server() as there:
        # It is reached now; that it speaks no TLS is another matter.
        assert refused(named, f"https://{there}/jwks.json") in {"unreachable", "bad_response"}
        assert refused(named, "https://10.0.0.7/") == "address_refused"
