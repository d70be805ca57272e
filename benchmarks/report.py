"""The results for a terminal and for `docs/benchmarks.md`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from decision import DecisionCost
from load import Comparison, middle

TEMPLATE = Path(__file__).with_name("template.md")
AIMS = {"/token": 1.0, "/introspect": 1.0, "gateway": 0.85}  # ratio to the peer
DECISION_AIM = 15.0  # microseconds


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that one run measured."""

    machine: Mapping[str, str]
    rounds: int
    seconds: int
    sync: float
    decision: DecisionCost
    comparisons: list[Comparison]


def decision_line(cost: DecisionCost) -> str:
    """The cost of a decision in a line."""
    return (
        f"decide on a known token: {cost.decide:.1f} µs "
        f"({cost.ratio:.0f} times one SHA-256 with a dictionary look-up, {cost.lookup:.2f} µs)"
    )


def line(comparison: Comparison) -> str:
    """One comparison in a line."""
    ours, peer = middle(comparison.ours), middle(comparison.peer)
    least, most = comparison.spread
    return (
        f"{comparison.title:<12} {comparison.connections:>3} connections   "
        f"ours {ours.rate:>7,.0f}/s (p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms)   "
        f"{comparison.peer_name} {peer.rate:>7,.0f}/s (p50 {peer.p50:.1f} ms, p99 {peer.p99:.1f} ms)   "
        f"{comparison.ratio:.2f}× ({least:.2f}–{most:.2f})"
    )


def document(results: Results) -> str:
    """`docs/benchmarks.md`, whole."""
    machine = "\n".join(f"| {name} | {value} |" for name, value in results.machine.items())
    rows = "\n".join(_row(comparison) for comparison in results.comparisons)
    return TEMPLATE.read_text(encoding="utf-8").format(
        machine=machine,
        rows=rows,
        rounds=results.rounds,
        seconds=results.seconds,
        sync=f"{results.sync:.2f}",
        decide=f"{results.decision.decide:.1f}",
        lookup=f"{results.decision.lookup:.2f}",
        decide_ratio=f"{results.decision.ratio:.0f}",
        short=_short(results),
    )


def _row(comparison: Comparison) -> str:
    ours, peer = middle(comparison.ours), middle(comparison.peer)
    least, most = comparison.spread
    cells = (
        comparison.title,
        comparison.peer_name,
        str(comparison.connections),
        f"{ours.rate:,.0f}",
        f"{peer.rate:,.0f}",
        f"**{comparison.ratio:.2f}×** ({least:.2f}–{most:.2f})",
        f"{ours.p50:.1f} / {ours.p99:.1f}",
        f"{peer.p50:.1f} / {peer.p99:.1f}",
    )
    return "| " + " | ".join(cells) + " |"


def _short(results: Results) -> str:
    """What missed its aim in this run, or that nothing did."""
    missed = [
        f"- {each.title} at {each.connections} connections reached {each.ratio:.2f}× "
        f"of {each.peer_name}; the aim is {AIMS[each.title]:.2f}×."
        for each in results.comparisons
        if each.ratio < AIMS[each.title]
    ]
    if results.decision.decide > DECISION_AIM:
        missed.append(
            f"- A decision took {results.decision.decide:.1f} µs; the aim is {DECISION_AIM:.0f} µs."
        )
    return "\n".join(missed or ["- In this run every figure met its aim."])
