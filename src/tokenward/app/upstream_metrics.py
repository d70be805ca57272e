"""How the upstreams of the gateway are, in Prometheus form. Addresses come from the configuration."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Never
from weakref import WeakKeyDictionary

from prometheus_client import Counter, Gauge

from tokenward.gateway.doors.balancer import Member

UP = Gauge(
    "tokenward_upstream_up",
    "0 for an upstream that is down by its health check, by process.",
    ["api", "upstream"],
    multiprocess_mode="liveall",
)
PAUSED = Gauge(
    "tokenward_upstream_unreached_in_a_row",
    "Connections to an upstream that failed in a row, by process; above 0 it is passed over.",
    ["api", "upstream"],
    multiprocess_mode="liveall",
)
OUTSTANDING = Gauge(
    "tokenward_upstream_outstanding",
    "Requests that an upstream is working on.",
    ["api", "upstream"],
    multiprocess_mode="livesum",
)
UNREACHED = Counter(
    "tokenward_upstream_unreached", "Connections to an upstream that failed.", ["api", "upstream"]
)
RETRIED = Counter(
    "tokenward_upstream_retried", "Requests that were tried again after an upstream.", ["api", "upstream"]
)


async def report_upstreams(upstreams: Callable[[], Iterable[tuple[str, Member]]]) -> Never:
    """Write down every second how the upstreams are, until cancelled."""
    told: WeakKeyDictionary[Member, tuple[int, int]] = WeakKeyDictionary()
    while True:
        for api, member in upstreams():
            labels = (api, member.address)
            UP.labels(*labels).set(not member.down)
            PAUSED.labels(*labels).set(member.unreached)
            OUTSTANDING.labels(*labels).set(member.outstanding)
            unreached, retried = told.get(member, (0, 0))
            UNREACHED.labels(*labels).inc(member.unreached_ever - unreached)
            RETRIED.labels(*labels).inc(member.retried_ever - retried)
            told[member] = (member.unreached_ever, member.retried_ever)
        await asyncio.sleep(1.0)
