"""What the servers count, in Prometheus form. Labels come from policy and catalogue, never from a caller.

Each process writes its counts into the directory that `PROMETHEUS_MULTIPROC_DIR` names (the supervisor sets
it); the admin listener adds them up.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from tokenward.base.asgi import App, Receive, Scope, Send
from tokenward.gateway.access import Allow, Decision

_BUCKETS = (0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)

DECISIONS = Counter("tokenward_decisions", "Decisions of the gateway.", ["api", "operation", "reason"])
DECISION_SECONDS = Histogram("tokenward_decision_seconds", "Seconds that a decision took.", buckets=_BUCKETS)
ANSWERS = Counter("tokenward_answers", "Answers of the issuer.", ["endpoint", "status"])
FEED_LAG = Gauge(
    "tokenward_feed_lag_seconds",
    "Seconds since the revocation feed was last confirmed, by process.",
    multiprocess_mode="liveall",
)


def observe_decision(decision: Decision, seconds: float) -> None:
    """Count one decision of the gateway."""
    reason = "allowed" if isinstance(decision, Allow) else decision.problem.code
    DECISIONS.labels(decision.api, decision.operation, reason).inc()
    DECISION_SECONDS.observe(seconds)


def counted(app: App, known_paths: frozenset[str]) -> App:
    """`app`, with its answers counted by endpoint; a path that is not known counts as "other"."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = scope["path"] if scope["path"] in known_paths else "other"

        async def counting_send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                ANSWERS.labels(endpoint, str(message["status"])).inc()
            await send(message)

        await app(scope, receive, counting_send)  # type: ignore[arg-type]

    return counting


def exposition() -> bytes:
    """All processes' metrics in the text format, or this process's own where it runs alone."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
