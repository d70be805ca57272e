"""When a client's time to replace its secret is over, what a thief may have got meanwhile ends, too."""

import asyncio
import logging
from typing import Never

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.leak_port import Leaks
from tokenward.store.port import StoreUnavailable

_log = logging.getLogger("tokenward.leaks")

ROUND_SECONDS = 5.0


async def finish_due(store: Leaks, *, clock: Clock = SYSTEM_CLOCK) -> int:
    """Finish every incident whose grace is over; how many there were.

    Of any number of processes one finishes each.

    Raises:
        StoreUnavailable: the rest is for the next round.
    """
    finished = 0
    for incident in await store.due_incidents(at=clock.time()):
        if await store.finish_incident(incident.incident_id, at=clock.time()):
            finished += 1
            _log.warning(
                "incident %s: the grace of client %s is over, all that it was issued is revoked",
                incident.incident_id,
                incident.leaked.client_id,
            )
    return finished


async def finish_forever(store: Leaks, *, clock: Clock = SYSTEM_CLOCK) -> Never:
    """Do so every `ROUND_SECONDS`, until cancelled."""
    while True:
        try:
            await finish_due(store, clock=clock)
        except StoreUnavailable as error:
            _log.warning("finishing incidents was put off: %s", error)
        await asyncio.sleep(ROUND_SECONDS)
