"""How long whole processes take, side by side, in turn, and how much memory they hold."""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Round:
    """One run of a command: wall-clock seconds, and those of the processor in all its processes."""

    seconds: float
    processor: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What a command took, round by round."""

    rounds: tuple[Round, ...]

    @property
    def seconds(self) -> float:
        return statistics.median(each.seconds for each in self.rounds)

    @property
    def processor(self) -> float:
        return statistics.median(each.processor for each in self.rounds)

    def times(self, other: "Timing") -> tuple[float, float, float]:
        """How many times as long the other took: the median of the pairs of rounds, the least, the most."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        ratios = sorted(theirs.seconds / ours.seconds for ours, theirs in pairs)
        return statistics.median(ratios), ratios[0], ratios[-1]


def measure(commands: Mapping[str, Sequence[str]], directory: Path, rounds: int) -> dict[str, Timing]:
    """Each command in turn, `rounds` times after one that warms up."""
    taken: dict[str, list[Round]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            once = _once(command, directory)
            if number:
                taken[name].append(once)
    return {name: Timing(tuple(rows)) for name, rows in taken.items()}


def once(command: Sequence[str], directory: Path) -> Timing:
    """One run only, for what is slow."""
    return Timing((_once(command, directory),))


def _once(command: Sequence[str], directory: Path) -> Round:
    started = time.perf_counter()
    process = _start(command, directory)
    # The processor time of workers is in it, as both scanners wait for theirs to end.
    _id, _status, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return Round(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def memory(command: Sequence[str], directory: Path) -> float:
    """The most that all processes of the command held together, in MB; what they share counts once."""
    process = _start(command, directory)
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_proportional, _family(process.pid))))
        time.sleep(_EVERY)
    return most / 1000


def _start(command: Sequence[str], directory: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _proportional(process: int) -> int:
    """kB that the process holds, of shared pages its share."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
