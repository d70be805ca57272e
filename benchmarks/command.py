"""What `tokenward token` takes, the whole process, while a token is in the vault."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from token_server import token_server

TOKENWARD = str(Path(sys.executable).with_name("tokenward"))
NOTHING = (sys.executable, "-c", "pass")


@dataclass(frozen=True, slots=True)
class Process:
    """Milliseconds of a whole process, and of an interpreter that does nothing.

    Attributes:
        best, median: of the command.
        nothing: the best of the other.
        runs: how often each had its turn.
    """

    best: float
    median: float
    nothing: float
    runs: int


def measure(*, runs: int) -> Process:
    """Log in once at a small server, and ask for the token that often.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    with token_server() as issuer, tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "BENCHMARK_SECRET": "not-a-secret",
        }
        login = (
            TOKENWARD,
            "login",
            issuer,
            "--client-id",
            "reports",
            "--client-secret",
            "env:BENCHMARK_SECRET",
        )
        subprocess.run(login, env=environment, check=True, capture_output=True)
        command = (TOKENWARD, "token")
        _milliseconds(command, environment)
        ours, nothing = [], []
        for _ in range(runs):
            ours.append(_milliseconds(command, environment))
            nothing.append(_milliseconds(NOTHING, environment))
    return Process(min(ours), statistics.median(ours), min(nothing), runs)


def _milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000
