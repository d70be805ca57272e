"""What the figures were measured on."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

CACHE = Path(__file__).parent / ".cache"


def sync_latency(repeats: int = 300) -> float:
    """Milliseconds that one `fdatasync` of 4 KiB takes where the database lies: the floor of a commit."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / "sync"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        costs = []
        for _ in range(repeats):
            os.write(descriptor, bytes(4096))
            started = time.perf_counter()
            os.fdatasync(descriptor)
            costs.append((time.perf_counter() - started) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(costs)


def busy() -> bool:
    """Whether others compute, before anything was measured."""
    return os.getloadavg()[0] > 1


def description(*, packages: Sequence[str]) -> dict[str, str]:
    """Machine, Python and these packages, in the order in which they are told."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f} (what others compute falls on both sides, unevenly)",
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in packages),
    }


def programs() -> dict[str, str]:
    """The programs that load and are loaded."""
    return {
        "Node.js": _first_line("node", "--version"),
        "oidc-provider": _from_npm("oidc-provider"),
        "Redis": _redis(),
        "Envoy": _envoy(),
        "nginx": _first_line("nginx", "-v").rpartition("/")[2],
        "wrk": _first_line("wrk", "-v").removeprefix("wrk ").partition(" [")[0],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    return (output.stdout or output.stderr).strip().splitlines()[0].strip()


def _envoy() -> str:
    path = CACHE / "envoy" / "bin" / "envoy"
    return (
        _first_line(str(path), "--version").rpartition("version: ")[2].split("/")[1]
        if path.exists()
        else "not installed"
    )


def _redis() -> str:
    server = re.search(r"v=(\S+)", _first_line("redis-server", "--version"))
    return f"{server[1]}, npm redis {_from_npm('redis')}" if server else "not installed"


def _from_npm(name: str) -> str:
    path = CACHE / "node_modules" / name / "package.json"
    return json.loads(path.read_text())["version"] if path.exists() else "not installed"
