"""Coverage-guided fuzzing with atheris, one target after the other.

It fails if a parser raises what none may raise, or if an input takes more than 10 ms of processor time; the
inputs lie in `.cache/fuzz/TARGET/`. `--keep` writes what reached something new, minimised, into
`tests/fuzz/corpus/`, which the tests replay.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fuzz.corpus import keep, kept, read
from fuzz.target import Target
from fuzz.targets import TARGETS, WORDS

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".cache" / "fuzz"
MAX_LENGTH = 2048  # octets; they say longer inputs by repeating
BOUND = 0.010  # seconds of processor time that an input may take


@dataclass(frozen=True)
class Run:
    """What fuzzing one target came to."""

    executions: int
    coverage: int
    inputs: int
    slowest: float
    found: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--target", action="append", choices=TARGETS, help="this one only; may be repeated")
    parser.add_argument("--minutes", type=float, default=1, help="for each target; 1 by default")
    parser.add_argument("--keep", action="store_true", help="write the minimised corpus")
    given = parser.parse_args()
    failed = False
    print(f"{'target':<14}{'executions':>12}{'coverage':>10}{'inputs':>8}{'slowest':>10}")
    for name in given.target or TARGETS:
        run = fuzz(name, seconds=round(given.minutes * 60))
        slowest = f"{run.slowest * 1000:.2f} ms"
        print(f"{name:<14}{run.executions:>12,}{run.coverage:>10}{run.inputs:>8}{slowest:>10}", flush=True)
        if run.found:
            failed = True
            print(run.found, file=sys.stderr)
        elif given.keep:
            keep(name, minimised(name))
    return int(failed)


def fuzz(name: str, *, seconds: int) -> Run:
    home = WORK / name
    corpus, record, words = home / "corpus", home / "slowest.txt", home / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for at, data in enumerate([*TARGETS[name].seeds, *kept(name)]):
        (corpus / f"begin-{at}").write_bytes(data)
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    said = _atheris(
        name,
        record,
        str(corpus),
        f"-dict={words}",
        f"-max_total_time={seconds}",
        f"-max_len={MAX_LENGTH}",
        f"-artifact_prefix={home}/",
        "-print_final_stats=1",
        "-timeout=10",
        "-rss_limit_mb=1024",
    )
    (home / "log").write_text(said.stderr)
    states = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)/", said.stderr)
    executed = re.search(r"number_of_executed_units: (\d+)", said.stderr)
    coverage, inputs = map(int, states[-1]) if states else (0, 0)
    # Measured anew here, where nothing counts coverage.
    costs = {data: min(TARGETS[name].seconds(data) for _ in range(5)) for data in read(record)}
    found = [f"{cost * 1000:.1f} ms: {data!r}" for data, cost in costs.items() if cost > BOUND]
    if said.returncode:
        found += [said.stdout, *said.stderr.splitlines()[-25:]]
    slowest = max(costs.values(), default=0.0)
    return Run(int(executed[1]) if executed else 0, coverage, inputs, slowest, "\n".join(found))


def minimised(name: str) -> list[bytes]:
    """The inputs that take a way through our code, or come to an end, that no shorter one does."""
    inputs = [path.read_bytes() for path in (WORK / name / "corpus").iterdir()]
    seen: set[object] = set()
    chosen = []
    for data in sorted(inputs, key=lambda data: (len(data), data)):
        reached = _reached(TARGETS[name], data)
        if not reached <= seen:
            seen |= reached
            chosen.append(data)
    return chosen


def _reached(target: Target, data: bytes) -> set[object]:
    """The steps from line to line, and the outcome."""
    steps: set[object] = set()

    def trace(frame: FrameType, _event: str, _argument: object) -> Callable[..., object] | None:
        code = frame.f_code
        if "tokenward" not in code.co_filename:
            return None
        before = 0

        def lines(frame: FrameType, _event: str, _argument: object) -> Callable[..., object]:
            nonlocal before
            steps.add((code, before, frame.f_lineno))
            before = frame.f_lineno
            return lines

        return lines

    call = target.prepare(data)
    sys.settrace(trace)
    try:
        result = call()
    finally:
        sys.settrace(None)
    return steps | {result}


def _atheris(name: str, record: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("one_target.py")), name, str(record), *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
