"""What showing a cached token costs, for a terminal and for `docs/benchmarks-client.md`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from command import Process
from machine import CACHE

HERE = Path(__file__).parent
TEMPLATE = HERE / "client_template.md"
PYTHON = CACHE / "libraries" / "bin" / "python"
AIM = 10.0  # microseconds of a request
PROCESS_AIM = 150.0  # milliseconds of `tokenward token`
OURS = "Tokenward"


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured.

    Attributes:
        costs: microseconds of a request, by HTTP library and contestant; of `token()` alone by that name.
        versions: of the libraries.
        rounds: how often each had its turn.
    """

    costs: Mapping[str, float]
    versions: Mapping[str, str]
    rounds: int

    def ratio(self, name: str) -> float:
        """How often ours takes place in the time of this one."""
        return self.costs[name] / self.costs[f"{name.partition(', ')[0]}, {OURS}"]


def measure(*, rounds: int) -> Results:
    """Runs `client.py` where the libraries are installed."""
    command = [PYTHON, "-W", "ignore", HERE / "client.py", "--rounds", str(rounds)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "src"), "BENCHMARK_SECRET": "not-a-secret"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return Results(**json.loads(done.stdout))


def lines(results: Results) -> list[str]:
    """A line for each contestant."""
    return [f"token() takes {results.costs['token()']:.2f} µs, a request"] + [
        f"  {name:<32} {cost:6.1f} µs   {results.ratio(name):.1f}×"
        for name, cost in results.costs.items()
        if name != "token()"
    ]


def process_line(process: Process) -> str:
    """`tokenward token` in a line."""
    return f"tokenward token takes {process.best:.0f} ms, an empty Python {process.nothing:.0f} ms"


def document(results: Results, process: Process, machine: Mapping[str, str]) -> str:
    """`docs/benchmarks-client.md`, whole."""
    names = [name for name in results.costs if name != "token()"]
    return TEMPLATE.read_text(encoding="utf-8").format(
        best=f"{process.best:.0f}",
        median=f"{process.median:.0f}",
        nothing=f"{process.nothing:.0f}",
        runs=process.runs,
        token=f"{results.costs['token()']:.2f}",
        rows="\n".join(
            f"| {' | '.join(name.split(', '))} | {results.costs[name]:.1f} | {results.ratio(name):.1f}× |"
            for name in names
        ),
        rounds=results.rounds,
        short=_short(results, process, names),
        machine="\n".join(f"| {name} | {value} |" for name, value in machine.items()),
        versions=", ".join(f"{name} {version}" for name, version in results.versions.items()),
    )


def _short(results: Results, process: Process, names: list[str]) -> str:
    """What missed its aim in this run, or that nothing did."""
    missed = [
        f"- {name} took {results.costs[name]:.1f} µs; the aim is {AIM:.0f} µs."
        for name in names
        if name.endswith(OURS) and results.costs[name] > AIM
    ]
    missed += [
        f"- {name}: a header is added in {results.ratio(name):.1f}× our time."
        for name in names
        if results.ratio(name) < 1
    ]
    if process.best > PROCESS_AIM:
        missed.append(
            f"- `tokenward token` took {process.best:.0f} ms at best; the aim is {PROCESS_AIM:.0f} ms."
        )
    return "\n".join(missed or ["- In this run every figure met its aim, and no library was faster."])
