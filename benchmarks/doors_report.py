"""What engines in front cost, for `docs/benchmarks-doors.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import report
from load import Comparison
from revoked import PROMISE, Felt
from steady import percentiles

TEMPLATE = Path(__file__).with_name("doors_template.md")
AIMS = {
    "Envoy, ext_authz yes": 0.9,
    "nginx, auth_request yes": 0.9,
    "nginx, proxying alone": 0.85,
}


def felt_line(title: str, kept: int, felt: Felt) -> str:
    """One door's revocations, for a terminal."""
    return f"{title}: {_felt_row(title, kept, felt)}"


def document(
    comparisons: Sequence[Comparison],
    felt: Sequence[tuple[str, int, Felt]],
    machine: Mapping[str, str],
    *,
    placed: str,
    rounds: int,
    busy: bool,
) -> str:
    """`docs/benchmarks-doors.md`, whole. `felt`: door, seconds that a decision is kept, and what was felt."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        busy=f" {report.BUSY}" if busy else "",
        rounds=rounds,
        placed=placed[0].upper() + placed[1:],
        rows="\n".join(map(report.row, comparisons)),
        felt="\n".join(_felt_row(*each) for each in felt),
        short="\n".join(f"- {each}" for each in _short(comparisons, felt)) or "- Nothing, in this run.",
        machine="\n".join(f"| {name} | {value} |" for name, value in machine.items()),
    )


def _felt_row(title: str, kept: int, felt: Felt) -> str:
    told = " | ".join(f"{each:,.0f}" for each in (*_percentiles(felt), max(felt.milliseconds)))
    promised = PROMISE * 1000 + kept * 1000
    return f"| {title} | {len(felt.milliseconds):,} | {felt.rate:,.0f} | {told} | {promised:,.0f} |"


def _percentiles(felt: Felt) -> tuple[float, float, float]:
    told = percentiles(felt.milliseconds)
    return told.p50, told.p99, told.p999


def _short(comparisons: Sequence[Comparison], felt: Sequence[tuple[str, int, Felt]]) -> list[str]:
    missed = [
        f"{it.title} at {it.connections} connections reached {it.ratio:.2f}× of {it.peer_name}; "
        f"the aim is {AIMS[it.peer_name]:.2f}×."
        for it in comparisons
        if it.ratio is not None and it.ratio < AIMS.get(it.peer_name, 0)
    ]
    late = [
        f"{title}: a revocation was felt after {max(each.milliseconds):,.0f} ms."
        for title, kept, each in felt
        if percentiles(each.milliseconds).p999 > (PROMISE + kept) * 1000
    ]
    return missed + late
