"""What the servers count, in Prometheus form. Labels come from policy and catalogue, never from a caller.

Each process writes its counts into the directory that `PROMETHEUS_MULTIPROC_DIR` names (the supervisor sets
it); the admin listener adds them up.
"""

import asyncio
import os
from collections.abc import Callable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess

from tokenward.base.asgi import App, Receive, Scope, Send

DECISIONS = Counter("tokenward_decisions", "Decisions of the gateway.", ["api", "operation", "reason"])
DECISION_SECONDS = Counter("tokenward_decision_seconds", "Seconds that all decisions took together.")
UNLOGGED = Counter("tokenward_decisions_unlogged", "Decisions that could not be written to the log.")
ANSWERS = Counter("tokenward_answers", "Answers of the issuer.", ["endpoint", "status"])
FEED_LAG = Gauge(
    "tokenward_feed_lag_seconds",
    "Seconds since the revocation feed was last confirmed, by process.",
    multiprocess_mode="liveall",
)


async def report_lag(lag: Callable[[], float]) -> None:
    """Write down every second how far behind the feed this process is, until cancelled.

    A gauge with a function of its own would be simpler, and 0 for ever: the function never reaches the files.
    """
    while True:
        FEED_LAG.set(lag())
        await asyncio.sleep(1.0)


def counted(app: App, known_paths: frozenset[str]) -> App:
    """`app`, with its answers counted by endpoint; a path that is not known counts as "other"."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = scope["path"] if scope["path"] in known_paths else "other"

        async def counting_send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                _answers(endpoint, message["status"]).inc()
            await send(message)

        await app(scope, receive, counting_send)  # type: ignore[arg-type]

    return counting


@cache
def _answers(endpoint: str, status: int) -> Counter:
    """The counter with these labels, which take longer to look up than to count."""
    return ANSWERS.labels(endpoint, str(status))


def exposition() -> bytes:
    """All processes' metrics in the text format, or this process's own where it runs alone."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
