"""The answer of the browser, which comes back to this machine (RFC 8252 §7.3)."""

import hmac
import threading
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATH = "/callback"
_READING = 10.0
"""Seconds in which a request has to be there whole."""

_DONE = b"You are signed in, or not: the application tells you. This window can be closed.\n"


class Loopback:
    """Waits for one answer.

    Attributes:
        redirect_uri: where the browser is sent back to: the address and not a name, on a free port.
    """

    def __init__(self, port: int) -> None:
        self.redirect_uri = f"http://127.0.0.1:{port}{PATH}"
        self._state = ""
        self._answer: Future[str] = Future()

    def expect(self, state: str) -> None:
        """Take the answer with this `state` and no other: anybody on this machine can send one."""
        self._state = state

    def wait(self, seconds: float) -> str:
        """The answer's query.

        Raises:
            TimeoutError: none came.
        """
        return self._answer.result(seconds)

    def offer(self, target: str) -> int:
        """Take what a browser asked for, if it is the answer; the status for it."""
        parts = urlsplit(target)
        states = parse_qs(parts.query).get("state", [])
        if parts.path != PATH or len(states) != 1:
            return 404
        if not hmac.compare_digest(states[0].encode(), self._state.encode()):
            return 400
        if not self._answer.done():
            self._answer.set_result(parts.query)
        return 200


@contextmanager
def listening() -> Generator[Loopback]:
    """Listen on loopback until left."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _READING  # a browser may connect ahead and say nothing

        def do_GET(self) -> None:
            status = loopback.offer(self.path)
            body = _DONE if status == 200 else b""
            self.send_response(status)
            for name, value in _HEADERS:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the interface's
            """Nothing: the path holds the code."""

        def version_string(self) -> str:
            return "tokenward"

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - the interface's
            """Nothing: who connects and goes away is nobody's matter."""

    with Server(("127.0.0.1", 0), Handler) as server:
        loopback = Loopback(server.server_port)
        thread = threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="tokenward-loopback",
            daemon=True,
        )
        thread.start()
        try:
            yield loopback
        finally:
            server.shutdown()
            thread.join()


_HEADERS = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),  # the address holds the code
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
