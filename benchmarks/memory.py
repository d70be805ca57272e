"""Does memory stay flat while tokens are issued and swept? The issuer's process, watched from outside."""

import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cases import CASES
from load import load
from servers import Ours, tokenward

from tokenward.base.clock import SYSTEM_CLOCK

LIFETIME = 30  # seconds, the shortest that the configuration takes, so that sweeping keeps pace with issuing
ROUND = 5  # seconds of load between two looks at the number of rows
CONNECTIONS = 16
WIDTH, HEIGHT, MARGIN = 720, 260, 48


@dataclass(frozen=True, slots=True)
class Sample:
    """A look: seconds since the start, tokens issued until then, MiB of the process, rows, MiB of files."""

    at: float
    issued: int
    resident: float
    rows: int
    files: float


def measure(tokens: int) -> list[Sample]:
    """Issue that many, by client credentials, and then wait until the last one is swept."""
    with tokenward("http://127.0.0.1:9", lifetime=LIFETIME) as ours:
        return list(_watched(ours, tokens))


def _watched(ours: Ours, tokens: int) -> Iterator[Sample]:
    process = _issuer_process()
    target = next(case for case in CASES if case.title == "client credentials").target(ours.issuer, ours=True)
    started, issued = SYSTEM_CLOCK.monotonic(), 0

    def look() -> Sample:
        at = SYSTEM_CLOCK.monotonic() - started
        return Sample(at, issued, resident(process), _rows(ours.database), size(ours.database))

    yield (sample := look())
    while issued < tokens:
        issued += round(load(target, connections=CONNECTIONS, seconds=ROUND).rate * ROUND)
        yield (sample := look())
    over = threading.Event()
    while sample.rows:
        over.wait(ROUND)
        yield (sample := look())


def line(samples: Sequence[Sample]) -> str:
    """The result in a line."""
    last, half = samples[-1], _half(samples)
    most = max(sample.rows for sample in samples)
    return (
        f"{last.issued:,} tokens issued and swept in {last.at:.0f} s, at most {most:,} rows at once: "
        f"{half.resident:.0f} MiB after the first half, {last.resident:.0f} MiB at the end"
    )


def document(samples: Sequence[Sample], machine: Mapping[str, str]) -> str:
    """`docs/benchmarks-memory.md`, whole."""
    step = max(1, len(samples) // 12)
    chosen = [*samples[:-1:step], samples[-1]]
    rows = "\n".join(
        f"| {each.at:.0f} | {each.issued:,} | {each.rows:,} | {each.resident:.0f} | {each.files:.0f} |"
        for each in chosen
    )
    about = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    return f"""\
# Benchmarks: memory

Written by `make bench ARGS="--only memory --write"`. The issuer of `tokenward up` on SQLite issues tokens of
{LIFETIME} seconds by `client_credentials` over {CONNECTIONS} connections, as fast as it can, and sweeps
them meanwhile as it always does. When the last one is swept the run is over.

{line(samples)}.

![Resident memory of the issuer over time](images/memory.svg)

| second | issued | rows in the table | resident, MiB | database files, MiB |
|---|---|---|---|---|
{rows}

Resident memory is `VmRSS` of the one process. SQLite keeps the pages of swept rows in the file and uses them
again.

| | |
|---|---|
{about}
"""


def plot(samples: Sequence[Sample]) -> str:
    """Resident memory over time, as SVG."""
    end, top = samples[-1].at, max(sample.resident for sample in samples) * 1.25
    right, bottom = WIDTH - MARGIN, HEIGHT - MARGIN

    def point(sample: Sample) -> str:
        x = MARGIN + (right - MARGIN) * sample.at / end
        y = bottom - (bottom - MARGIN / 2) * sample.resident / top
        return f"{x:.1f},{y:.1f}"

    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"
 font-size="12">
<title>Resident memory of the issuer while {samples[-1].issued:,} tokens are issued and swept</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<path d="M{MARGIN},{MARGIN / 2:.0f} V{bottom} H{right}" fill="none" stroke="#888"/>
<polyline points="{" ".join(map(point, samples))}" fill="none" stroke="#0b62a4" stroke-width="2"/>
<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">0</text>
<text x="{MARGIN - 6}" y="{MARGIN / 2 + 8:.0f}" text-anchor="end">{top:.0f}</text>
<text x="{MARGIN}" y="{MARGIN / 2 - 8:.0f}">MiB</text>
<text x="{right}" y="{bottom + 18}" text-anchor="end">{end:.0f} s</text>
<text x="{MARGIN}" y="{bottom + 18}">0</text>
</svg>
"""


def _half(samples: Sequence[Sample]) -> Sample:
    return next(sample for sample in samples if sample.issued >= samples[-1].issued / 2)


def _issuer_process() -> int:
    """Of our children, the one that serves the issuer."""
    listed = subprocess.run(
        ["pgrep", "--parent", str(os.getpid()), "--full", "tokenward.app.processes issuer"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(listed.stdout)


def resident(process: int) -> float:
    """MiB of memory that a process has (`VmRSS`)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _rows(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM access_tokens").fetchone()[0])


def size(database: Path) -> float:
    """MiB of the files of a database of SQLite."""
    return sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*")) / 2**20
