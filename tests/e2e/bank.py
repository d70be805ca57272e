"""The bank API at an issuer and a gateway that run as people run them, by `tokenward up`."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections import deque

from app.test_cli import OPENAPI
from e2e.test_processes import _free_ports

REDIRECT = "http://127.0.0.1/cb"


@contextlib.contextmanager
def bank(directory, command, configuration, *, gateway=""):
    """The URLs of issuer, gateway and management.

    Args:
        directory: the current one, with whatever files the configuration names.
        command: runs `tokenward`.
        configuration: what follows what `tokenward init` wrote, the API `bank` included.
        gateway: more of its section, as in "proxies: [127.0.0.1]".
    """
    command("init")
    (directory / "bank.json").write_text(json.dumps(OPENAPI))
    path = directory / "tokenward.yaml"
    text = path.read_text().partition("\napis:")[0] + configuration
    text = text.replace("listen: 127.0.0.1:8000", f"listen: 127.0.0.1:8000, {gateway}") if gateway else text
    for old, new in zip(("8080", "8000", "8081"), ports := _free_ports(3), strict=True):
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    path.write_text(text)
    with subprocess.Popen(
        [sys.executable, "-m", "tokenward.app.cli", "up"],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        # Somebody must read on: a log that fills the pipe stops whoever writes it.
        reader = threading.Thread(target=lambda: deque(process.stdout, maxlen=0))
        try:
            assert any(line.startswith("admin") for line in process.stdout)
            reader.start()
            yield [f"http://127.0.0.1:{port}" for port in ports]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            if reader.is_alive():
                reader.join()


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
