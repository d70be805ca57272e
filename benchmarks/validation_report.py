"""What validating costs, for a terminal and for `docs/benchmarks-validation.md`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from machine import CACHE

HERE = Path(__file__).parent
TEMPLATE = HERE / "validation_template.md"
PYTHON = CACHE / "libraries" / "bin" / "python"
AIMS = {"RS256": 1.6, "ES256": 1.25, "Ed25519": 1.15}  # ratio to the primitive
HMAC_AIM = 12.0  # microseconds over the primitive, which takes next to nothing itself
CACHED_AIM = 1.5  # microseconds


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured.

    Attributes:
        rows: one an algorithm: `algorithm`, `length`, and `costs` (µs) by contestant.
        versions: of the libraries.
        rounds: how often each had its turn.
    """

    rows: list[dict]
    versions: Mapping[str, str]
    rounds: int


def measure(*, rounds: int) -> Results:
    """Runs `validation.py` where the libraries are installed."""
    command = [PYTHON, HERE / "validation.py", "--rounds", str(rounds)]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return Results(**json.loads(done.stdout))


def line(row: Mapping) -> str:
    """One algorithm in a line."""
    costs = row["costs"]
    others = ", ".join(f"{name} {costs[name]:.1f}" for name in _peers(row))
    return f"{row['algorithm']:<8} {_ours(row)}, cached {costs['cached']:.2f} µs   {others} µs"


def document(results: Results, machine: Mapping[str, str]) -> str:
    """`docs/benchmarks-validation.md`, whole."""
    names = list(dict.fromkeys(name for row in results.rows for name in _peers(row)))
    return TEMPLATE.read_text(encoding="utf-8").format(
        heads=" | ".join(names),
        rule="|---" * (len(names) + 6) + "|",
        rows="\n".join(_row(row, names) for row in results.rows),
        rounds=results.rounds,
        short=_short(results),
        machine="\n".join(f"| {name} | {value} |" for name, value in machine.items()),
        versions=", ".join(f"{name} {version}" for name, version in results.versions.items()),
    )


def _peers(row: Mapping) -> list[str]:
    return [name for name in row["costs"] if name not in {"primitive", "Tokenward", "cached"}]


def _ours(row: Mapping) -> str:
    costs = row["costs"]
    return f"ours {costs['Tokenward']:.1f} µs, {_ratio(row):.2f}× of {costs['primitive']:.1f} µs"


def _row(row: Mapping, names: list[str]) -> str:
    costs = row["costs"]
    cells = [
        row["algorithm"],
        f"{costs['primitive']:.1f}",
        f"**{costs['Tokenward']:.1f}**",
        f"**{_ratio(row):.2f}×**",
        f"{_overhead(row):.1f}",
        f"{costs['cached']:.2f}",
        *(f"{costs[name]:.1f}" if name in costs else "–" for name in names),
    ]
    return "| " + " | ".join(cells) + " |"


def _ratio(row: Mapping) -> float:
    return row["costs"]["Tokenward"] / row["costs"]["primitive"]


def _overhead(row: Mapping) -> float:
    return row["costs"]["Tokenward"] - row["costs"]["primitive"]


def _short(results: Results) -> str:
    """What missed its aim in this run, or that nothing did."""
    missed = []
    for row in results.rows:
        name, ratio = row["algorithm"], _ratio(row)
        if name in AIMS and ratio > AIMS[name]:
            missed.append(f"- {name} took {ratio:.3f}× of the primitive; the aim is {AIMS[name]:.2f}×.")
        if name == "HS256" and _overhead(row) > HMAC_AIM:
            missed.append(f"- HS256 took {_overhead(row):.1f} µs more; the aim is {HMAC_AIM:.0f} µs.")
        if row["costs"]["cached"] > CACHED_AIM:
            missed.append(
                f"- Cached, {name} took {row['costs']['cached']:.2f} µs; the aim is {CACHED_AIM} µs."
            )
        missed += [
            f"- {peer} was faster with {name}."
            for peer in _peers(row)
            if row["costs"][peer] <= row["costs"]["Tokenward"]
        ]
    return "\n".join(missed or ["- In this run every figure met its aim, and no library was faster."])
