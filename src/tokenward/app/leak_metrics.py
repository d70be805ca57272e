"""What is counted of leaks. Labels come from our own tables, never from a reporter."""

from prometheus_client import Counter, Histogram

from tokenward.leaks.response.responder import Outcome

REPORTS = Counter(
    "tokenward_leak_reports", "Reports of leaked credentials, by what they came to.", ["kind", "outcome"]
)
RESPONSE_SECONDS = Histogram(
    "tokenward_leak_response_seconds",
    "From a report until what leaked was ended and that had reached the disk.",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)


def observe(outcome: Outcome, seconds: float) -> None:
    """Count one report."""
    kind = outcome.leaked.kind if outcome.leaked is not None else "none"
    REPORTS.labels(kind, outcome.status).inc()
    if outcome.recorded is not None and outcome.recorded.ended:
        RESPONSE_SECONDS.labels(kind).observe(seconds)
