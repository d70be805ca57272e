"""What `tokenward up` runs with an engine in front, as people run it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from e2e.bank import until
from e2e.test_processes import _free_ports

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

    def __init__(self, directory, store="", *, engine, path=""):
        self.directory = directory
        self.engine, self.path = engine, path
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
    def up(self):
        path = os.pathsep.join(filter(None, [self.path, os.environ["PATH"]]))
        with subprocess.Popen(
            [sys.executable, "-m", "tokenward.app.cli", "up", "--engine", self.engine],
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

    def has_another_gateway(self, than):
        with contextlib.suppress(LookupError):
            return self.gateway_pid() != than
        return False

    def supervisor_is_killed(self):
        self._process.kill()

    def close(self):
        self.one.close()
        self.other.close()
