"""What the gateway tells of its decisions: a line for each in the log, and metrics.

Both together through `logging` and Prometheus cost more than the decision itself. So decisions are gathered,
and written and counted together, at least every quarter of a second; a process that is killed loses the last
of them. No field comes from the caller but the trace id, which is hexadecimal: names come from policy and
document, codes from the catalogue, ids and actors from the store or from here, or from an issuer that is
trusted and then percent-encoded. So nothing needs redaction.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO
from urllib.parse import quote

from prometheus_client import Counter

from tokenward.app.gathering import Gathering
from tokenward.app.metrics import (
    BASIC_USES,
    DECISION_SECONDS,
    DECISIONS,
    SHADOW_TRAFFIC,
    UNLOGGED,
    VIOLATIONS,
    WOULD_DENY,
    labelled,
)
from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.gateway.access import Allow, Decision, Deny, Preflight, TokenFacts
from tokenward.gateway.tiers import BASIC

Metric = tuple[Counter, tuple[str, ...]]
"""A counter, and the values of its labels."""


class DecisionLog(Gathering[tuple[float, Decision, float]]):
    """Gathers the decisions of one `door`, and writes them as `key=value` lines."""

    def __init__(self, door: str, stream: TextIO = sys.stderr, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self._door = door
        self._stream = stream
        self._clock = clock

    def record(self, decision: Decision, seconds: float) -> None:
        """Gather one decision and the seconds that it took."""
        self.gather((self._clock.time(), decision, seconds))

    def _hand_on(self, gathered: list[tuple[float, Decision, float]]) -> None:
        """Write and count what was gathered."""
        try:
            self._stream.write("".join(_line(self._door, *each) for each in gathered))
            self._stream.flush()
        except OSError:  # a full disk must not stop the gateway; the count tells what the log lacks
            UNLOGGED.inc(len(gathered))
        DECISION_SECONDS.labels(self._door).observe_all([seconds for _, _decision, seconds in gathered])
        self._count([decision for _, decision, _seconds in gathered])

    def _count(self, decisions: list[Decision]) -> None:
        """Count them, and what is special about some, in one go: many have the same labels."""
        counts: dict[Metric, int] = defaultdict(int)
        for it in decisions:
            counts[DECISIONS, (it.api, it.operation, it.reason, self._door)] += 1
            if it.facts is not None and it.facts.credential == BASIC:
                counts[BASIC_USES, (it.api,)] += 1
            if isinstance(it, Allow) and it.would_deny is not None:
                counts[WOULD_DENY, (it.api, it.operation, it.would_deny.code, self._door)] += 1
            if isinstance(it, Preflight):
                continue
            for violation in it.violations:  # requests that are not as documented
                counts[VIOLATIONS, (it.api, it.operation, violation.kind)] += 1
            if isinstance(it, Deny) and it.shadow:  # for what is not documented at all
                counts[SHADOW_TRAFFIC, (it.api, it.shadow)] += 1
        for (metric, labels), count in counts.items():
            labelled(metric, labels).inc(count)


def _would_deny(decision: Decision) -> str:
    """At an API that is only reported on, what enforcement will come to."""
    if not isinstance(decision, Allow) or not decision.report_only:
        return ""
    return f"would_deny={decision.would_deny.code if decision.would_deny is not None else '-'} "


def _line(door: str, at: float, decision: Decision, seconds: float) -> str:
    status = decision.problem.status if isinstance(decision, Deny) else "-"
    facts = decision.facts
    return (
        f"time={_second(int(at))}.{int(at % 1 * 1000):03}+00:00 level=info logger=tokenward.gateway.decision "
        f"door={door} reason={decision.reason} status={status} {_would_deny(decision)}"
        f'api={decision.api or "-"} operation="{decision.operation or "-"}" '
        f"request_id={decision.trace.request_id or '-'} trace_id={decision.trace.trace_id or '-'} "
        f"token_id={facts.token_id if facts else '-'} client_id={facts.client_id if facts else '-'} "
        f"{_actors(facts)}"
        f"{_violations(decision)}ms={seconds * 1000:.3f}\n"
    )


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    """The second of a moment, in UTC. Most decisions that are handed on together fall into the same one."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _actors(facts: TokenFacts | None) -> str:
    """Who acts for the subject, and behind it who acted before (RFC 8693 §4.1); nothing where nobody does."""
    names: list[str] = []
    act: object = facts.act if facts is not None else None
    while isinstance(act, Mapping):
        names.append(quote(str(act.get("sub", "-")), safe="!$&'()*+-./:;=?@_~|"))
        act = act.get("act")
    return f"act={','.join(names)} " if names else ""


def _violations(decision: Decision) -> str:
    """In what the request differs from the document; the document's names could hold what breaks a line."""
    if isinstance(decision, Preflight) or not decision.violations:
        return ""
    return f"violations={json.dumps(', '.join(map(str, decision.violations)))} "
