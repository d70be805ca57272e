"""Runs an engine: `python -m tokenward.app.engines.keeper ENGINE DIRECTORY DRAIN ready=FD`.

An engine is another program, and knows nothing of the pipes that tie a server process to its supervisor. So
this one holds them: it starts the engine once the gateway answers, tells when clients are answered, ends with
it, and takes it along however it ends itself.
"""

import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tokenward.app.engines.program import engine
from tokenward.app.lifeline import end_with_supervisor, tell_ready
from tokenward.base.clock import SYSTEM_CLOCK
from tokenward.base.redaction import configure_logging
from tokenward.gateway.policy import RESERVED

GATEWAY = "gateway.sock"
DECISIONS = "decisions.sock"
"""Where the gateway's processes listen, in the directory."""

_LOOK_SECONDS = 0.1

_log = logging.getLogger("tokenward.engine")


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket."""

    def __init__(self, path: Path, timeout: float = 2.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect there."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def asked(path: Path, target: str, method: str = "GET") -> tuple[int, bytes]:
    """What is answered at a Unix socket: status and body; 0 where nobody answers."""
    connection = UnixConnection(path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Run the engine until told to stop; the exit code."""
    name, place, drain, *handed = arguments
    directory, ready = Path(place), int(handed[0].partition("=")[2])
    configure_logging("INFO")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    end_with_supervisor()
    chosen = engine(name)
    while not stop.is_set() and asked(directory / GATEWAY, f"{RESERVED}health")[0] != 200:
        stop.wait(_LOOK_SECONDS)
    if stop.is_set():
        return 0
    tie = [sys.executable, "-m", "tokenward.app.engines.tied", str(os.getpid())]
    with subprocess.Popen(  # noqa: S603 - this interpreter, which becomes the engine's own program
        [*tie, *chosen.command(directory)], stdin=subprocess.DEVNULL
    ) as process:
        try:
            return _keep(name, directory, float(drain), process, ready, stop)
        finally:
            process.kill()


def _keep(  # noqa: PLR0917 - what one loop looks at
    name: str,
    directory: Path,
    drain: float,
    process: "subprocess.Popen[bytes]",
    ready: int,
    stop: threading.Event,
) -> int:
    chosen, told = engine(name), False
    while not stop.wait(_LOOK_SECONDS):
        if process.poll() is not None:
            _log.error("%s ended with exit code %s", name, process.returncode)
            return 1
        if not told and chosen.is_ready(directory):
            tell_ready(ready)
            told = True
    started = SYSTEM_CLOCK.monotonic()
    chosen.leave(process, directory, drain)
    _log.info("%s ended within %.1f s", name, SYSTEM_CLOCK.monotonic() - started)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
