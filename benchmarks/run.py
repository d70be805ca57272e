"""`make bench`: everything side by side, as ratios.

Each pair of servers is loaded in turn, peer, ours, peer, ours, on this machine and with the same `wrk`.
Nothing is a test: figures depend on the machine, ratios less so.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import decision
import machine
import report
import validation_report
from load import Comparison, Target, compare
from servers import Issuer, Ours, oidc_provider, peer_is_installed, python_server, tokenward

TOKENS = 500  # live ones in turn; the peer's in-memory adapter keeps 1000
CONNECTIONS = (16, 64)
DOCS = Path(__file__).parent.parent / "docs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--only", choices=("validation", "throughput"), help="one part; both by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--write", action="store_true", help="write the page of each part under docs/")
    given = parser.parse_args()
    if given.only != "throughput":
        validation(quick=given.quick, write=given.write)
    return 0 if given.only == "validation" else throughput(quick=given.quick, write=given.write)


def validation(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=("cryptography",))
    results = validation_report.measure(rounds=50 if quick else 400)
    for row in results.rows:
        print(validation_report.line(row))
    if write:
        _write("benchmarks-validation.md", validation_report.document(results, described))


def throughput(*, quick: bool, write: bool) -> int:
    rounds, seconds = (2, 2) if quick else (5, 5)
    if shutil.which("wrk") is None:
        print("wrk is needed: run scripts/bench-tools.sh", file=sys.stderr)
        return 2

    results = report.Results(
        machine=machine.description(packages=("uvicorn", "uvloop", "httptools", "aiohttp"))
        | machine.programs(),
        rounds=rounds,
        seconds=seconds,
        sync=machine.sync_latency(),
        decision=decision.measure(repeats=5 if quick else 15),
        comparisons=[],
    )
    print(report.decision_line(results.decision))
    print(f"one fdatasync takes {results.sync:.2f} ms here")
    with python_server("backend.py") as backend, tokenward(backend) as ours:
        for comparison in comparisons(ours, backend, rounds=rounds, seconds=seconds):
            results.comparisons.append(comparison)
            print(report.line(comparison), flush=True)
    if write:
        _write("benchmarks.md", report.document(results))
    return 0


def _write(name: str, page: str) -> None:
    (DOCS / name).write_text(page, encoding="utf-8")
    print(f"wrote docs/{name}")


def comparisons(ours: Ours, backend: str, *, rounds: int, seconds: int) -> Iterator[Comparison]:
    if peer_is_installed():
        with oidc_provider() as peer:
            yield from issuers(ours.issuer, peer, rounds=rounds, seconds=seconds)
    else:
        print("oidc-provider is not installed: /token and /introspect are left out", file=sys.stderr)
    with python_server("bare_proxy.py", backend) as bare:
        yield from gateways(ours, bare, rounds=rounds, seconds=seconds)


def issuers(ours: Issuer, peer: Issuer, *, rounds: int, seconds: int) -> Iterator[Comparison]:
    for connections in CONNECTIONS:
        yield compare(
            "/token",
            "oidc-provider",
            Target(peer.token_url, [peer.token_request]),
            Target(ours.token_url, [ours.token_request]),
            connections=connections,
            rounds=rounds,
            seconds=seconds,
        )
    for connections in CONNECTIONS:
        yield compare(
            "/introspect",
            "oidc-provider",
            Target(peer.introspection_url, peer.introspections(peer.tokens(TOKENS))),
            Target(ours.introspection_url, ours.introspections(ours.tokens(TOKENS))),
            connections=connections,
            rounds=rounds,
            seconds=seconds,
        )


def gateways(ours: Ours, bare: str, *, rounds: int, seconds: int) -> Iterator[Comparison]:
    for connections in CONNECTIONS:
        # An access token lives ten minutes: each comparison takes its own.
        requests = [(f"Bearer {token}", "") for token in ours.issuer.tokens(TOKENS)]
        yield compare(
            "gateway",
            "bare proxy",
            Target(f"{bare}/weather/forecast/lisbon", requests),
            Target(f"{ours.gateway}/weather/forecast/lisbon", requests),
            connections=connections,
            rounds=rounds,
            seconds=seconds,
        )


if __name__ == "__main__":
    started = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        code = main()
        print(f"{time.monotonic() - started:.0f} s in all")
        sys.exit(code)
    sys.exit(130)
