"""What `tokenward audit server` says of a provider that we did not write: oidc-provider, on loopback."""

import json
import socket
import subprocess
import sys
import time

from interop.house import free_ports
from interop.vouched import served_provider
from tokenward.base.entropy import identifier
from tokenward.tokens.keys import SigningKey

CLIENT = "ours-secret"
PATIENCE = 20  # seconds for the provider to come up


def said_of(node: str) -> list[str]:
    """A line for each finding, worst first."""
    ours = "http://localhost:9"  # nobody is ever sent there
    (port,) = free_ports(1)
    with served_provider(node, port, ours, identifier(), SigningKey.generate("ES256")):
        _wait_for(port)
        command = [
            sys.executable, "-m", "tokenward.app.cli", "audit", "server", f"http://127.0.0.1:{port}",
            "--active", "--client-id", CLIENT, "--redirect-uri", f"{ours}/sign-in/from/secret",
            "--format", "json",
        ]  # fmt: skip
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if not ran.stdout:
        raise RuntimeError(f"the audit could not be made: {ran.stderr}")
    found = json.loads(ran.stdout)["findings"]
    return [f"- {each['rule']['title']} ({each['severity']}, `{each['rule']['id']}`)" for each in found]


def _wait_for(port: int) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
