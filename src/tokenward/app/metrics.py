"""What the servers count, in Prometheus form. Labels come from policy and catalogue, never from a caller.

Each process writes its counts into the directory that `PROMETHEUS_MULTIPROC_DIR` names (the supervisor sets
it); the admin listener adds them up.
"""

import asyncio
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import cache
from typing import Any, Never

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from tokenward.base.asgi import App, Receive, Scope, Send
from tokenward.gateway.engine import Engine

_MICROSECOND = 1e-6


class Durations(Histogram):
    """A histogram that is told of many durations at once: one by one costs as much as a decision does."""

    def observe_all(self, seconds: Iterable[float]) -> None:
        """Count each; the labels must have been chosen."""
        counts: dict[int, int] = defaultdict(int)
        total = 0.0
        for each in seconds:
            counts[bisect_left(self._upper_bounds, each)] += 1
            total += each
        for bucket, count in counts.items():
            self._buckets[bucket].inc(count)
        self._sum.inc(total)


DECISIONS = Counter("tokenward_decisions", "Decisions made.", ["api", "operation", "reason", "door"])
DECISION_SECONDS = Durations(
    "tokenward_decision_seconds",
    "How long decisions took, whatever they had to wait for included.",
    ["door"],
    buckets=[each * _MICROSECOND for each in (10, 20, 50, 100, 200, 500, 1e3, 5e3, 25e3, 100e3, 1e6)],
)
BASIC_USES = Counter("tokenward_basic_uses", "Calls with a user name and a password that was right.", ["api"])
EXCHANGE_SECONDS = Durations(
    "tokenward_exchange_seconds",
    "How long exchanges took at the proxy, by the class of the answer's status.",
    ["api", "answer"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
VIOLATIONS = Counter(
    "tokenward_contract_violations",
    "Requests that differ from the API's document, refused or only reported.",
    ["api", "operation", "kind"],
)
SHADOW_TRAFFIC = Counter(
    "tokenward_shadow_traffic",
    "Requests below an API's mount that its document does not list.",
    ["api", "method"],
)
UNLOGGED = Counter("tokenward_decisions_unlogged", "Decisions that could not be written to the log.")
WOULD_DENY = Counter(
    "tokenward_would_deny",
    "Calls that passed at an API with report_only, and would be refused.",
    ["api", "operation", "reason", "door"],
)
COUNTED_ALONE = Counter(
    "tokenward_limits_counted_alone", "Calls counted by one process alone, since Redis did not answer."
)
ANSWERS = Counter("tokenward_answers", "Answers of the issuer.", ["endpoint", "status"])
FEED_LAG = Gauge(
    "tokenward_feed_lag_seconds",
    "Seconds since the revocation feed was last confirmed, by process.",
    multiprocess_mode="liveall",
)


CACHED = Gauge(
    "tokenward_verified_tokens", "Live tokens that are remembered, by process.", multiprocess_mode="liveall"
)
LOOKUPS = Counter(
    "tokenward_token_lookups", "Credentials judged, by whether they were remembered.", ["remembered"]
)
MINTED = Counter("tokenward_inside_jwts_minted", "Inside JWTs signed; all others were served again.")


async def report_lag(lag: Callable[[], float]) -> Never:
    """Write down every second how far behind the feed this process is, until cancelled.

    A gauge with a function of its own would be simpler, and 0 for ever: the function never reaches the files.
    """
    while True:
        FEED_LAG.set(lag())
        await asyncio.sleep(1.0)


async def report_memory(engine: Engine) -> Never:
    """Write down every second what an engine remembers, and how often that helped, until cancelled."""
    known = {"yes": 0, "no": 0, "minted": 0}
    while True:
        verified, minted = engine.verified, engine.minter.minted
        now = {"yes": verified.hits, "no": verified.misses, "minted": minted}
        CACHED.set(len(verified))
        for remembered in ("yes", "no"):
            LOOKUPS.labels(remembered).inc(now[remembered] - known[remembered])
        MINTED.inc(now["minted"] - known["minted"])
        known = now
        await asyncio.sleep(1.0)


def counted(app: App, known_paths: frozenset[str]) -> App:
    """`app`, with its answers counted by endpoint; a path that is not known counts as "other"."""

    # Neither is a coroutine of its own: each would be one more that every request has to go through.
    def counting(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        endpoint = scope["path"] if scope["path"] in known_paths else "other"

        def counting_send(message: MutableMapping[str, Any]) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                labelled(ANSWERS, (endpoint, str(message["status"]))).inc()
            return send(message)

        return app(scope, receive, counting_send)

    return counting


@cache
def labelled(counter: Counter, values: tuple[str, ...]) -> Counter:
    """The counter with these values for labels, which take longer to look up than to count."""
    return counter.labels(*values)


def exposition() -> bytes:
    """All processes' metrics in the text format, or this process's own where it runs alone."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
