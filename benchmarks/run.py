"""`make bench`: everything side by side, as ratios.

Servers are loaded in turn, peer, ours, peer, ours, on this machine and with the same `wrk`.
Nothing is a test: figures depend on the machine, ratios less so.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import client_report
import command
import decision
import doors
import doors_report
import gateway_report
import machine
import memory
import middleware_report
import peer
import redis_core
import report
import scripted
import sign_in
import validation_report
from cases import CASES, ON_POSTGRES, Case
from load import Comparison, compare_with
from servers import (
    Issuer,
    postgres_database,
    python_server,
    tokenward,
)

import gateway

CONNECTIONS = (16, 64)
SERVED_BY = ("uvicorn", "uvloop", "httptools", "aiohttp")
PARTS = ("validation", "middleware", "client", "throughput", "gateway", "doors", "memory", "sign-in")
DOCS = Path(__file__).parent.parent / "docs"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--write", action="store_true", help="write the page of each part under docs/")
    given = parser.parse_args()
    parts = (given.only,) if given.only else PARTS
    if "validation" in parts:
        validation(quick=given.quick, write=given.write)
    if "middleware" in parts:
        middleware(quick=given.quick, write=given.write)
    if "client" in parts:
        application(quick=given.quick, write=given.write)
    if not {"throughput", "gateway", "doors", "memory"}.isdisjoint(parts) and shutil.which("wrk") is None:
        print("wrk is needed: run scripts/bench-tools.sh", file=sys.stderr)
        return 2
    if "throughput" in parts:
        throughput(quick=given.quick, write=given.write)
    if "gateway" in parts:
        calls(quick=given.quick, write=given.write)
    if "doors" in parts:
        engines(quick=given.quick, write=given.write)
    if "memory" in parts:
        steady(quick=given.quick, write=given.write)
    if "sign-in" in parts:
        storm(quick=given.quick, write=given.write)
    return 0


def validation(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=("cryptography",))
    results = validation_report.measure(rounds=50 if quick else 400)
    for row in results.rows:
        print(validation_report.line(row))
    if write:
        _write("benchmarks-validation.md", validation_report.document(results, described))


def middleware(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=("cryptography",))
    results = middleware_report.measure(rounds=50 if quick else 400)
    print("\n".join(middleware_report.lines(results)))
    if write:
        _write("benchmarks-middleware.md", middleware_report.document(results, described))


def application(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=("httpcore",))
    results = client_report.measure(rounds=50 if quick else 400)
    process = command.measure(runs=10 if quick else 50)
    print("\n".join([*client_report.lines(results), client_report.process_line(process)]))
    if write:
        _write("benchmarks-client.md", client_report.document(results, process, described))


def throughput(*, quick: bool, write: bool) -> None:
    rounds = 3 if quick else 9
    results = report.Results(
        machine=machine.description(packages=SERVED_BY) | machine.programs(),
        busy=machine.busy(),
        rounds=rounds,
        sync=machine.sync_latency(),
        decision=decision.measure(repeats=5 if quick else 15),
        redis=redis_core.choose(rounds=2 if quick else 7),
        comparisons=[],
    )
    print(report.decision_line(results.decision))
    print(f"one fdatasync takes {results.sync:.2f} ms here")
    if results.redis:
        print(f"redis-server on {redis_core.named(results.redis.cores)} ({results.redis.told})")
    redis_on = results.redis.cores if results.redis else ""
    with python_server("backend.py") as backend:
        for comparison in comparisons(backend, rounds=rounds, redis_on=redis_on):
            results.comparisons.append(comparison)
            print(report.line(comparison), flush=True)
    if write:
        _write("benchmarks.md", report.document(results))


def calls(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=SERVED_BY) | machine.programs()
    busy = machine.busy()
    results = gateway.measure(quick=quick)
    print("\n".join(gateway_report.lines(results)))
    if write:
        _write("benchmarks-gateway.md", gateway_report.document(results, described, busy=busy))


def engines(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=SERVED_BY) | machine.programs()
    busy = machine.busy()
    print(doors.placed())
    compared, felt = [], []
    for comparison in doors.measure(quick=quick):
        compared.append(comparison)
        print(report.line(comparison), flush=True)
    for each in doors.revocations(quick=quick):
        felt.append(each)
        print(doors_report.felt_line(*each), flush=True)
    if write:
        rounds = doors.ROUNDS_QUICKLY if quick else doors.ROUNDS
        page = doors_report.document(
            compared, felt, described, placed=doors.placed(), rounds=rounds, busy=busy
        )
        _write("benchmarks-doors.md", page)


def steady(*, quick: bool, write: bool) -> None:
    measured = memory.measure(tokens=100_000 if quick else 1_000_000)
    print(memory.line(measured))
    if write:
        _write("images/memory.svg", memory.plot(measured))
        _write("benchmarks-memory.md", memory.document(measured, machine.description(packages=("uvicorn",))))


def storm(*, quick: bool, write: bool) -> None:
    described = machine.description(packages=("uvicorn", "argon2-cffi"))
    busy = machine.busy()
    measured = sign_in.measure(quick=quick)
    print("\n".join(sign_in.lines(measured)))
    if write:
        _write("benchmarks-sign-in.md", sign_in.document(measured, described, busy=busy))


def _write(name: str, page: str) -> None:
    (DOCS / name).write_text(page, encoding="utf-8")
    print(f"wrote docs/{name}")


def comparisons(backend: str, *, rounds: int, redis_on: str) -> Iterator[Comparison]:
    for name in (peer.IN_MEMORY, peer.ON_REDIS):
        if name not in peer.installed():
            print(f"{name} is not installed and left out", file=sys.stderr)
    with tokenward(backend) as ours:
        yield from issuers(ours.issuer, CASES, rounds=rounds, redis_on=redis_on)
        yield from by_a_program(ours.issuer, rounds=rounds, redis_on=redis_on)
    with postgres_database() as database:
        if database is None:
            print("no PostgreSQL on 127.0.0.1:5432 trusts the user postgres: left out", file=sys.stderr)
            return
        with tokenward(backend, store=database) as ours:
            for each in issuers(ours.issuer, ON_POSTGRES, rounds=rounds, redis_on=redis_on):
                yield replace(each, title=f"{each.title}, PostgreSQL")


def issuers(ours: Issuer, cases: Sequence[Case], *, rounds: int, redis_on: str) -> Iterator[Comparison]:
    for case in cases:
        with contextlib.ExitStack() as stack:
            theirs = {
                name: stack.enter_context(peer.oidc_provider(name, material=case.once, redis_on=redis_on))
                for name in peer.installed()
                if case.peers and (case.state or name == peer.IN_MEMORY)
            }
            peers = {name: case.target(issuer, ours=False) for name, issuer in theirs.items()}
            target = case.target(ours, ours=True)
            sides = [(ours, target), *((issuer, peers[name]) for name, issuer in theirs.items())]
            for connections in CONNECTIONS:
                for side in sides:
                    case.prove(*side)
                yield from compare_with(
                    case.title, peers, target, connections=connections, rounds=rounds, seconds=1
                )
            for side in sides:
                case.prove(*side)


def by_a_program(ours: Issuer, *, rounds: int, redis_on: str) -> Iterator[Comparison]:
    for title in (scripted.DEVICE, scripted.CODE):
        with contextlib.ExitStack() as stack:
            peers = {
                name: stack.enter_context(peer.oidc_provider(name, material=False, redis_on=redis_on))
                for name in peer.installed()
            }
            for connections in CONNECTIONS:
                yield from scripted.compare(title, peers, ours, connections=connections, rounds=rounds)


if __name__ == "__main__":
    started = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        code = main()
        print(f"{time.monotonic() - started:.0f} s in all")
        sys.exit(code)
    sys.exit(130)
