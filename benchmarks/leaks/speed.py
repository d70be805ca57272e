"""How long whole processes take, side by side, in turn, and how much memory they take."""

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Timing:
    """What one command took.

    Attributes:
        seconds: wall-clock time, the median of all rounds.
        processor: seconds of all its processes, the median.
        memory: the most that one of its processes held, in MB.
    """

    seconds: float
    processor: float
    memory: float


def measure(commands: dict[str, Sequence[str]], directory: Path, rounds: int) -> dict[str, Timing]:
    """Each command in turn, `rounds` times after one that warms up."""
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            once = _once(command, directory)
            if number:
                taken[name].append(once)
    return {
        name: Timing(*(statistics.median(column) for column in zip(*rows, strict=True)))
        for name, rows in taken.items()
    }


def _once(command: Sequence[str], directory: Path) -> tuple[float, float, float]:
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _id, _status, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
