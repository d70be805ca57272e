"""Our issuer as the authorization server of MCP servers, client and servers by the protocol's SDK."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from interop.house import House
from interop.page import CLIENTS, Result
from interop.visiting import environment, rows_of

LIBRARY = "mcp"
PACKAGES = ("mcp", "httpx2")
PATIENCE = 60  # seconds for a server to come up


def visited(house: House, python: str, flows: Sequence[str] = ()) -> list[Result]:
    """Each row of the client, or those that are wanted; one that fails if it ended early."""
    place = str(house.directory / "place.json")
    ports = house.place["tools_ports"]
    assert isinstance(ports, list)
    with contextlib.ExitStack() as stack:
        servers = []
        for port, how in zip(ports, ("guarded", "open"), strict=True):
            command = [python, str(CLIENTS / "mcp_server.py"), place, str(port), how]
            servers.append(stack.enter_context(_started(command, environment(house.directory))))
        for port, server in zip(ports, servers, strict=True):
            _wait_for(port, server)
        return rows_of(python, "mcp_client.py", house, flows)


@contextlib.contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError("an MCP server did not come up")
        time.sleep(0.1)
