"""The gateway's results for a terminal and for `docs/benchmarks-gateway.md`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import report
from load import middle
from revoked import PROMISE
from steady import SHARE, Latencies, percentiles

from gateway import Results

TEMPLATE = Path(__file__).with_name("gateway_template.md")
AIMS = {"bare proxy": 0.9, "Envoy, ext_authz": 1.0, "contract off": 0.75}
ADDED = 2.0  # milliseconds of p99
FLAT = 1.5  # times the least, from little to much


def lines(results: Results) -> Iterator[str]:
    """All of it, a line each."""
    yield from map(report.line, results.comparisons)
    for name, each in results.steady.items():
        yield f"{results.rate:,.0f} requests/s: {name:<12} {_latencies(each)} ms"
    for what, costs in _flat(results).items():
        yield f"{what}: " + ", ".join(f"{count:,} {cost:.1f} µs" for count, cost in costs.items())
    yield f"{len(results.felt.milliseconds)} revocations felt after {_latencies(_felt(results))} ms"
    yield from (f"short: {each}" for each in _short(results))


def document(results: Results, machine: Mapping[str, str], *, busy: bool) -> str:
    """`docs/benchmarks-gateway.md`, whole."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        busy=report.BUSY if busy else "",
        rounds=results.rounds,
        rows="\n".join(map(report.row, results.comparisons)),
        share=f"{SHARE:.0%}",
        rate=f"{results.rate:,.0f}",
        steady="\n".join(f"| {name} | {_latencies(each)} |" for name, each in results.steady.items()),
        added=f"{_added(results):.2f}",
        flat="\n".join(
            f"| {what} | {count:,} | {cost:.1f} |"
            for what, costs in _flat(results).items()
            for count, cost in costs.items()
        ),
        revocations=len(results.felt.milliseconds),
        felt=_latencies(_felt(results)),
        slowest=f"{max(results.felt.milliseconds):.0f}",
        load=f"{results.felt.rate:,.0f}",
        short="\n".join(f"- {each}" for each in _short(results)) or "- Nothing, in this run.",
        machine="\n".join(f"| {name} | {value} |" for name, value in machine.items()),
    )


def _flat(results: Results) -> dict[str, dict[int, float]]:
    flat = results.flat
    return {
        "operations in the policy": flat.operations,
        "tokens that are remembered": flat.remembered,
        "live tokens in SQLite, looked up": flat.looked_up,
    }


def _felt(results: Results) -> Latencies:
    return percentiles(results.felt.milliseconds)


def _latencies(each: Latencies) -> str:
    return f"{each.p50:.1f} / {each.p99:.1f} / {each.p999:.1f}"


def _added(results: Results) -> float:
    bare, ours = results.steady.values()
    return ours.p99 - bare.p99


def _short(results: Results) -> Iterator[str]:
    for each in results.comparisons:
        aim = AIMS[each.peer_name]
        if each.ratio is not None and each.ratio < aim:
            rates = f"{middle(each.ours).rate:,.0f} against {middle(each.peer).rate:,.0f} requests/s"
            reached = f"reached {each.ratio:.2f}× of {each.peer_name} ({rates})"
            yield f"{each.title} at {each.connections} connections {reached}; the aim is {aim:.2f}×."
    if _added(results) > ADDED:
        yield f"At a steady rate {_added(results):.1f} ms are added to the p99; the aim is {ADDED:.0f} ms."
    for what, costs in _flat(results).items():
        least, most = min(costs.values()), max(costs.values())
        if most > FLAT * least:
            yield f"A decision costs up to {most / least:.1f} times as much, depending on {what}."
    if _felt(results).p999 > PROMISE * 1000:
        yield f"A revocation was felt after more than {PROMISE:.0f} s."
