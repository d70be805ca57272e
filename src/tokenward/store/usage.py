"""What is used, when, and from where: noted in memory on the hot path, written every few seconds together."""

import asyncio
import logging
from itertools import islice
from typing import Never

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.throttle import peer_network
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import Usage, UsageDoor, UsageKind
from tokenward.store.usage_port import USED_AT_ONCE, Usages

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
_PLACES = 100_000

_Place = tuple[UsageKind, str, UsageDoor, str]
"""What was used, where, and by which peer."""

_What = list[float]
"""How often, when first, when last. A list, since it changes with every use."""


class UsageLog:
    """Uses that are not written yet.

    While the store cannot be written to, nothing is lost: what was noted waits, and grows. Its size is the
    number of credentials with the addresses that each was used from, of which there are at most `places`; the
    uses of any further one are lost, and told. A process that is killed loses the last seconds.
    """

    def __init__(self, store: Usages, clock: Clock = SYSTEM_CLOCK, *, places: int = _PLACES) -> None:
        self._store = store
        self._clock = clock
        self._places = places
        self._noted: dict[_Place, _What] = {}
        self._lost = 0

    def note(self, kind: UsageKind, subject: str, door: UsageDoor, peer: str) -> None:
        """Note one use, now.

        Args:
            kind: what was used.
            subject: its id.
            door: where.
            peer: the address of who used it, "" where none is known; of IPv6 the /64 is kept.
        """
        at = self._clock.time()
        place = (kind, subject, door, peer)
        known = self._noted.get(place)
        if known is None:
            self._add(place, 1, at, at)
        else:  # as on the hot path nearly always
            known[0] += 1
            known[2] = at

    async def flush(self) -> None:
        """Write what was noted. If that is not possible now, it stays noted."""
        if self._lost:
            _log.warning("%d uses were not noted: too many things were used at once", self._lost)
            self._lost = 0
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        try:
            while noted:
                await self._write({place: noted.pop(place) for place in list(islice(noted, USED_AT_ONCE))})
        except StoreUnavailable as error:
            _log.warning("uses will be written later: %s", error)
        finally:  # also if this is cancelled between two units
            self._add_all(noted)

    async def run(self) -> Never:
        """Flush every `FLUSH_SECONDS`, and once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()

    async def _write(self, unit: dict[_Place, _What]) -> None:
        usages = [
            Usage(kind, subject, door, peer_network(peer) or "unknown", int(uses), first, last)
            for (kind, subject, door, peer), (uses, first, last) in unit.items()
        ]
        try:
            await self._store.record_usage(usages)
        except StoreUnavailable:
            self._add_all(unit)
            raise

    def _add_all(self, noted: dict[_Place, _What]) -> None:
        for place, (uses, first, last) in noted.items():
            self._add(place, uses, first, last)

    def _add(self, place: _Place, uses: float, first: float, last: float) -> None:
        known = self._noted.get(place)
        if known is not None:
            known[0] += uses
            known[1] = min(known[1], first)
            known[2] = max(known[2], last)
        elif len(self._noted) < self._places:
            self._noted[place] = [uses, first, last]
        else:
            self._lost += int(uses)
