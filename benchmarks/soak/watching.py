"""What is looked at every few seconds, and what counts as flat."""

import os
import sqlite3
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from memory import resident, size
from soak.town import LIFETIME

from tokenward.store.sql.upkeep import DEVICE_CODE_KEPT, FEED_KEPT
from tokenward.store.sql.usages import KEPT as USES_KEPT

TOLERANCE = 0.10  # by which the last quarter may be above the second one
ROWS_SPARE = 20.0  # rows of a table by which it may be so in any case: what is random differs
MEMORY_SPARE = 2.0  # MiB, likewise
SWEEP_EVERY = 30.0  # seconds
HOUR = 3600.0

# Seconds from the making of a row to the moment when it may be swept, by what the soak's configuration says
# (`soak.town`) and the store's rules. A table that is not here has no row that ends.
KEPT: Mapping[str, float] = {
    "access_tokens": LIFETIME,
    "sessions": 300,
    "session_clients": 300,
    "replays": 600,
    "pushed_requests": 60 + 1800,
    "grants": HOUR,
    "codes": HOUR,
    "refresh_tokens": HOUR,
    "device_codes": 600 + DEVICE_CODE_KEPT,
    "feed": FEED_KEPT,
    "credential_uses": USES_KEPT["access_token"],
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A look: seconds since the start, MiB by process, rows by table, MiB of the database's files."""

    at: float
    resident: Mapping[str, float]
    rows: Mapping[str, int]
    files: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one thing that was watched.

    Attributes:
        name: of the process or table.
        by: `level`, `floor` or `growth`.
        second: of the second quarter: the middle of it or its floor, or how much came to it.
        last: of the last quarter.
        flat: whether the last one is not above the second one by more than is tolerated.
    """

    name: str
    by: str
    second: float
    last: float
    flat: bool


def processes() -> dict[str, int]:
    """Of our children, those that serve, by role."""
    listed = subprocess.run(
        [
            "pgrep",
            *("--parent", str(os.getpid())),
            *("--list-full", "--full", "tokenward.app.processes"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line.split() for line in listed.stdout.splitlines())
    return {words[words.index("tokenward.app.processes") + 1]: int(words[0]) for words in lines}


def look(at: float, roles: Mapping[str, int], database: Path) -> Sample:
    """One sample."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        rows = {
            name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
            for name in sorted(names)
        }
    memory = {role: resident(process) for role, process in roles.items()}
    return Sample(at, memory, rows, size(database))


def verdicts(samples: Sequence[Sample]) -> list[Verdict]:
    """Of every process and every table that ever changed, and of the files.

    Memory is judged by its floor, since a password's hash takes 64 MiB for a moment. A table whose rows live
    for less than the first quarter is judged by its level. In any other, nothing or little was swept by then:
    it must not grow faster at the end than in the second quarter.
    """
    quarter = samples[-1].at / 4
    found = [
        _floor(samples, role, lambda it, role=role: it.resident[role], MEMORY_SPARE)
        for role in samples[0].resident
    ]
    for name in samples[0].rows:
        if len({sample.rows[name] for sample in samples}) > 1:
            settled = KEPT.get(name, float("inf")) + SWEEP_EVERY <= quarter
            judged = _level if settled else _growth
            found.append(judged(samples, name, lambda it, name=name: it.rows[name], ROWS_SPARE))
    found.append(_growth(samples, "database files, MiB", lambda it: it.files, MEMORY_SPARE))
    return found


def _level(samples: Sequence[Sample], name: str, of: Callable[[Sample], float], spare: float) -> Verdict:
    second, last = (statistics.median(map(of, _quarter(samples, number))) for number in (2, 4))
    return Verdict(name, "level", second, last, last <= second * (1 + TOLERANCE) + spare)


def _floor(samples: Sequence[Sample], name: str, of: Callable[[Sample], float], spare: float) -> Verdict:
    """Where memory comes back to: how long passwords' hashes take depends on what else is computed."""
    parts = (_quarter(samples, number) for number in (2, 4))
    second, last = (statistics.quantiles(map(of, part), n=10, method="inclusive")[0] for part in parts)
    return Verdict(name, "floor", second, last, last <= second * (1 + TOLERANCE) + spare)


def _growth(samples: Sequence[Sample], name: str, of: Callable[[Sample], float], spare: float) -> Verdict:
    parts = (_quarter(samples, number) for number in (2, 4))
    second, last = (of(part[-1]) - of(part[0]) for part in parts)
    return Verdict(name, "growth", second, last, last <= max(second, 0) * (1 + TOLERANCE) + spare)


def _quarter(samples: Sequence[Sample], number: int) -> list[Sample]:
    end = samples[-1].at
    first, last = (number - 1) * end / 4, number * end / 4
    return [sample for sample in samples if first <= sample.at <= last]
