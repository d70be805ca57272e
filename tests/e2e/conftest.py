"""A demo that really runs: separate processes, real HTTP, a database on disk. One for each worker.

And Debian's Chromium; and for who begins with nothing, a backend, the command line and a client.
"""

import os
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner

from e2e.bank import REDIRECT
from tokenward.app.cli import application
from tokenward.app.demo import Demo, running_demo

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is not installed: scripts/test-tools.sh does it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    directory = tmp_path_factory.mktemp("demo")
    with running_demo(directory, free_ports=True) as running:
        yield running


@pytest.fixture
def http() -> Generator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def backend():
    """An API that remembers the last credential that it was shown."""
    seen: list[str] = []

    class Backend(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["authorization"].removeprefix("Bearer "))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, stdin=None):
        result = CliRunner().invoke(application, list(arguments), input=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


@pytest.fixture
def client(command):
    """Registers an application, native unless said otherwise; gives its id and secret."""

    def register(*options, kind="native"):
        addresses = ("--redirect-uri", REDIRECT) if kind == "native" else ()
        said = command("clients", "add", "App", "--type", kind, *addresses, *options)
        words = dict(line.split() for line in said.splitlines())
        return words["client_id"], words.get("client_secret", "")

    return register
