"""Owners are told of incidents, each of them once.

The queue is the store: an incident that changed is to be told of, whoever tells claims it first, and whom it
did not reach is told again, each time later, for about a day. A process that dies between telling and noting
it lets another one tell twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Never, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.leaks.response.exposure import uses_of
from tokenward.leaks.response.notices import Notice
from tokenward.leaks.response.tellers import CannotTell, Teller
from tokenward.store.leak_port import Leaks
from tokenward.store.leak_records import Untold
from tokenward.store.port import StoreUnavailable
from tokenward.store.usage_port import Usages

_log = logging.getLogger("tokenward.leaks")

ROUND_SECONDS = 2.0
FIRST_AGAIN = 30.0  # seconds until what failed is tried again, and then twice as many each time
LONGEST_AGAIN = 4 * 3600.0
ATTEMPTS = 14  # a day and a half in all
STALE = 7 * 86_400.0  # seconds; of what is older nobody is told any more
_AT_ONCE = 20


class Told(Leaks, Usages, Protocol):
    """What notices are made of."""


async def tell_due(store: Told, tellers: Sequence[Teller], *, clock: Clock = SYSTEM_CLOCK) -> int:
    """Tell of what is due; how many notices got there.

    Raises:
        StoreUnavailable: the rest is for the next round.
    """
    told = 0
    for untold in await store.incidents_to_tell(at=clock.time(), limit=_AT_ONCE):
        name, now = untold.incident.incident_id, clock.time()
        again_at = _again_at(untold, now)
        before = await store.claim_incident_telling(name, at=now, again_at=again_at)
        if before is None:
            continue
        if now - (untold.incident.responded_at or untold.incident.reported_at) > STALE:
            await store.incident_told(name, before, again_at=again_at, whole=True)
            continue
        # Anew: it may have changed between the look and the claim.
        incident = await store.incident(name) or untold.incident
        seen, uses = await store.incident_evidence(name), await uses_of(store, incident.leaked)
        notice = Notice(incident, tuple(seen), tuple(uses))
        reached, whole = await _told(tellers, notice, before, last=again_at is None)
        told += len(reached)
        await store.incident_told(name, (*before, *reached), again_at=again_at, whole=whole)
    return told


def _again_at(untold: Untold, now: float) -> float | None:
    if untold.attempts + 1 >= ATTEMPTS:
        return None
    return now + min(FIRST_AGAIN * (1 << untold.attempts), LONGEST_AGAIN)


async def _told(
    tellers: Sequence[Teller], notice: Notice, before: Sequence[str], *, last: bool
) -> tuple[list[str], bool]:
    """Whom it reached now, and whether that is all who were not told before."""
    reached, whole = [], True
    for teller in tellers:
        for recipient in teller.recipients(notice):
            if recipient in before:
                continue
            try:
                await teller.tell(notice, recipient)
                reached.append(recipient)
            except CannotTell as error:
                whole = False
                _log.log(
                    logging.ERROR if last else logging.WARNING,
                    "somebody was not told of incident %s%s: %s",
                    notice.incident.incident_id,
                    ", and will not be" if last else "",
                    error,
                )
    return reached, whole


async def tell_forever(store: Told, tellers: Sequence[Teller], *, clock: Clock = SYSTEM_CLOCK) -> Never:
    """Tell of what is due every `ROUND_SECONDS`, until cancelled."""
    while True:
        try:
            await tell_due(store, tellers, clock=clock)
        except StoreUnavailable as error:
            _log.warning("telling of incidents was put off: %s", error)
        await asyncio.sleep(ROUND_SECONDS)
