"""A socket at which a command that runs long gets the next token: HTTP, so that anything can ask.

    curl --silent --unix-socket "$TOKENWARD_SOCKET" http://localhost/token

It lies in a directory that this user alone can enter, and is gone with the command.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from tokenward.app.workstation.failing import told
from tokenward.app.workstation.printing import as_json
from tokenward.client.errors import TokenError
from tokenward.client.token import Token

_PREFIX, _NAME = "tokenward-", "token.sock"
_LONGEST = 103 - len(f"/{_PREFIX}12345678/{_NAME}")
"""Bytes of a directory in which there is a place: macOS takes paths of 103, Linux of 107."""

_READING = 10.0
"""Seconds in which a request has to be there whole."""


class TokenSocket:
    """Listens; answers once it is started.

    Attributes:
        path: of the socket.
    """

    def __init__(self, path: Path, token: Callable[[], Token], profile: str) -> None:
        self.path = path
        self._server = _server(path, token, profile)

    def start(self) -> None:
        """Answer, on a thread: after the fork of the command, which takes no thread along."""
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="tokenward-socket",
            daemon=True,
        ).start()
        self._started = True

    _started = False

    def close(self) -> None:
        """Answer no more."""
        if self._started:
            self._server.shutdown()
        self._server.server_close()


@contextmanager
def listening(token: Callable[[], Token], profile: str) -> Generator[TokenSocket]:
    """A socket until left.

    Args:
        token: gives a good token.
        profile: whose, as errors name it.

    Raises:
        OSError: there is no place for one.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_place()) as directory:  # mode 0700
        opened = TokenSocket(Path(directory) / _NAME, token, profile)
        try:
            yield opened
        finally:
            opened.close()


def _place() -> str:
    """Where sockets go: the system's place for those of this user, or else where any temporary file is.

    The variable may name a place that is not there (a container), or another user's (`sudo -E`); and the path
    of a socket is short (unix(7)).
    """
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()):
        absolute, short = place.startswith("/"), len(os.fsencode(place)) <= _LONGEST
        if absolute and short and os.access(place, os.W_OK | os.X_OK):
            return place
    return "/tmp"  # noqa: S108 - the directory in it is made new, for this user alone


def _server(path: Path, token: Callable[[], Token], profile: str) -> ThreadingUnixStreamServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = _READING

        def do_GET(self) -> None:
            if self.path != "/token":
                self._answer(404, "there is /token and nothing else")
                return
            try:
                given = token()
            except TokenError as error:
                self._answer(503, told(error, profile)[0])
                return
            wants_json = "application/json" in self.headers.get("accept", "")
            self._answer(200, as_json(given) if wants_json else given.value.reveal())

        def _answer(self, status: int, text: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            kind = "application/json" if text.startswith("{") else "text/plain; charset=utf-8"
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the interface's
            """Nothing: the terminal is the command's."""

        def version_string(self) -> str:
            return "tokenward"

    class Server(ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:  # noqa: ANN401 - the interface's
            """Nothing: who goes away in the middle is nobody's matter."""

    server = Server(str(path), Handler)
    path.chmod(0o600)
    return server
