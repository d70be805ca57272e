"""Our issuer as the authorization server of MCP servers, client and servers by the protocol's SDK."""

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from interop.house import House
from interop.page import Result

LIBRARY = "mcp"
PACKAGES = ("mcp", "httpx2")
CLIENTS = Path(__file__).parent / "clients"
PATIENCE = 60  # seconds for a server to come up


def visited(house: House, python: Path, environment: Mapping[str, str]) -> list[Result]:
    """Each row that the client prints; one that fails if it ended early."""
    place = str(house.directory / "place.json")
    ports = house.place["tools_ports"]
    assert isinstance(ports, list)
    with contextlib.ExitStack() as stack:
        for port, how in zip(ports, ("guarded", "open"), strict=True):
            command = [str(python), str(CLIENTS / "mcp_server.py"), place, str(port), how]
            stack.enter_context(_served(command, port, environment))
        ran = subprocess.run(
            [str(python), str(CLIENTS / "mcp_client.py"), place],
            capture_output=True, text=True, timeout=300, check=False, env=environment,
        )  # fmt: skip
    rows = [Result(**json.loads(line)) for line in ran.stdout.splitlines()]
    if ran.returncode != 0:
        rows.append(Result("the whole visit", works=False, note=ran.stderr.strip().splitlines()[-1]))
    return rows


@contextlib.contextmanager
def _served(command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("an MCP server did not come up")
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
