"""What the middleware adds to a request, for a terminal and for `docs/benchmarks-middleware.md`."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TEMPLATE = HERE / "middleware_template.md"
AIM = 25.0  # microseconds that ours may add
OURS = "Tokenward"


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured.

    Attributes:
        costs: microseconds of a request, by contestant; `bare` checks nothing.
        versions: of the libraries.
        rounds: how often each had its turn.
    """

    costs: Mapping[str, float]
    versions: Mapping[str, str]
    rounds: int

    def added(self, name: str) -> float:
        """Microseconds more than without any check."""
        return self.costs[name] - self.costs["bare"]


def measure(*, rounds: int) -> Results:
    """Runs `middleware.py` in a process of its own, since it loads the libraries of `make libraries`."""
    command = [sys.executable, HERE / "middleware.py", "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return Results(**json.loads(done.stdout))


def lines(results: Results) -> list[str]:
    """A line for each contestant."""
    return [f"a FastAPI request takes {results.costs['bare']:.0f} µs, and more with"] + [
        f"  {name:<26} {results.added(name):6.1f} µs   {results.added(name) / results.added(OURS):.1f}×"
        for name in results.costs
        if name != "bare"
    ]


def document(results: Results, machine: Mapping[str, str]) -> str:
    """`docs/benchmarks-middleware.md`, whole."""
    added = results.added(OURS)
    return TEMPLATE.read_text(encoding="utf-8").format(
        bare=f"{results.costs['bare']:.0f}",
        rows="\n".join(
            f"| {name} | {results.added(name):.1f} | {results.added(name) / added:.1f}× |"
            for name in results.costs
            if name != "bare"
        ),
        short=f"The aim is {AIM:.0f} µs at most: {'reached' if added <= AIM else 'not reached'}.",
        rounds=results.rounds,
        machine="\n".join(f"| {name} | {value} |" for name, value in machine.items()),
        versions=", ".join(f"{name} {version}" for name, version in results.versions.items()),
    )
