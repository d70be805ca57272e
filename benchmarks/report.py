"""The results for a terminal and for `docs/benchmarks.md`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from decision import DecisionCost
from load import Comparison, Round, middle
from peer import IN_MEMORY
from redis_core import Placed, named

TEMPLATE = Path(__file__).with_name("template.md")
# Title → connections → ratio to the peer in memory.
AIMS = {
    "client credentials": {16: 1.5, 64: 2.0},
    "introspection, known tokens": {16: 3.0, 64: 3.0},
    "introspection, uncached": {16: 2.0, 64: 2.0},
    "pushed authorization request": {16: 1.5, 64: 1.5},
    "userinfo": {16: 1.5, 64: 1.5},
    "discovery": {16: 1.5, 64: 1.5},
    "device authorization, many addresses": {16: 1.5, 64: 1.5},
    "authorize to token, scripted browser": {16: 1.5, 64: 1.5},
}
BUSY = (
    " **The machine was busy with other work. That has flattered us by up to two times: "
    "believe no ratio here.**"
)
DECISION_AIM = 15.0  # microseconds


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured."""

    machine: Mapping[str, str]
    busy: bool
    rounds: int
    sync: float
    decision: DecisionCost
    redis: Placed | None
    comparisons: list[Comparison]


def decision_line(cost: DecisionCost) -> str:
    """The cost of a decision in a line."""
    return (
        f"decide on a known token: {cost.decide:.1f} µs "
        f"({cost.ratio:.0f} times one SHA-256 with a dictionary look-up, {cost.lookup:.2f} µs)"
    )


def line(comparison: Comparison) -> str:
    """One comparison in a line."""
    title, peer, connections, ours_rate, peer_rate, ratio, ours, theirs = _cells(comparison)
    told = f"{title:<36} {connections:>3} connections   ours {ours_rate:>7}/s ({ours} ms)"
    return f"{told}   {peer} {peer_rate:>7}/s ({theirs} ms)   {ratio}" if peer else told


def document(results: Results) -> str:
    """`docs/benchmarks.md`, whole."""
    machine = "\n".join(f"| {name} | {value} |" for name, value in results.machine.items())
    rows = "\n".join(row(comparison) for comparison in results.comparisons)
    return TEMPLATE.read_text(encoding="utf-8").format(
        machine=machine,
        busy=BUSY if results.busy else "",
        rows=rows,
        rounds=results.rounds,
        sync=f"{results.sync:.2f}",
        decide=f"{results.decision.decide:.1f}",
        lookup=f"{results.decision.lookup:.2f}",
        decide_ratio=f"{results.decision.ratio:.0f}",
        redis=_placed(results.redis),
        short=_short(results),
    )


def row(comparison: Comparison) -> str:
    title, peer, connections, ours_rate, peer_rate, ratio, *latencies = _cells(comparison)
    figure, _, spread = ratio.partition(" ")
    bold = f"**{figure}** {spread}" if figure else ""
    return "| " + " | ".join((title, peer, connections, ours_rate, peer_rate, bold, *latencies)) + " |"


def _cells(comparison: Comparison) -> tuple[str, ...]:
    """Title, peer, connections, both rates, the ratio with its spread, both p50 and p99."""
    ours = middle(comparison.ours)
    if comparison.ratio is None:
        alone = (comparison.title, "", str(comparison.connections), f"{ours.rate:,.0f}", "", "")
        return (*alone, _latency(ours), "")
    peer, (least, most) = middle(comparison.peer), comparison.spread
    return (
        comparison.title,
        comparison.peer_name,
        str(comparison.connections),
        f"{ours.rate:,.0f}",
        f"{peer.rate:,.0f}",
        f"{comparison.ratio:.2f}× ({least:.2f}–{most:.2f})",
        _latency(ours),
        _latency(peer),
    )


def _latency(each: Round) -> str:
    return f"{each.p50:.1f} / {each.p99:.1f}"


def _placed(redis: Placed | None) -> str:
    if redis is None:
        return "There was no Redis in this run"
    where = "had" if redis.cores.isdecimal() else "was left to"
    return (
        f"redis-server {where} {named(redis.cores)}, with which the peer answered most "
        f"(client credentials a second; {redis.told})"
    )


def _short(results: Results) -> str:
    """What missed its aim in this run, or that nothing did."""
    missed = []
    for each in results.comparisons:
        in_memory = each.peer_name == IN_MEMORY
        aim = AIMS.get(each.title, {}).get(each.connections) if in_memory else None
        if each.ratio is None:
            continue
        where = f"{each.title} at {each.connections} connections"
        if aim is not None and each.ratio < aim:
            missed.append(f"- {where} reached {each.ratio:.2f}× of {each.peer_name}; the aim is {aim:.2f}×.")
        elif aim is None and each.ratio < 1:
            missed.append(f"- {where}: {each.ratio:.2f}× of {each.peer_name}.")
        if middle(each.ours).p99 > middle(each.peer).p99:
            missed.append(f"- {where}: its p99 is above that of {each.peer_name}.")
    if results.decision.decide > DECISION_AIM:
        missed.append(
            f"- A decision took {results.decision.decide:.1f} µs; the aim is {DECISION_AIM:.0f} µs."
        )
    return "\n".join(missed or ["- Whatever was compared in this run met its aim."])
