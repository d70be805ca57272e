"""What is used, and when last: noted in memory on the hot path, written every few seconds for all at once."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Never, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import Usage, UsageKind

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
_SUBJECTS = 100_000


class UsageStore(Protocol):
    """The part of the store that keeps it."""

    async def record_usage(self, usages: Sequence[Usage]) -> None:
        """See `port.ApiKeys`."""


class UsageLog:
    """Uses that are not written yet.

    While the store cannot be written to, nothing is lost: what was noted waits, and grows. Its size is the
    number of subjects, of which there are at most `subjects`; the uses of any further one are lost, and told.
    A process that is killed loses the last seconds.
    """

    def __init__(self, store: UsageStore, clock: Clock = SYSTEM_CLOCK, *, subjects: int = _SUBJECTS) -> None:
        self._store = store
        self._clock = clock
        self._subjects = subjects
        self._noted: dict[tuple[UsageKind, str], tuple[int, float]] = {}
        self._lost = 0

    def note(self, kind: UsageKind, subject: str) -> None:
        """Note one use, now."""
        self._add(kind, subject, 1, self._clock.time())

    async def flush(self) -> None:
        """Write what was noted. If that is not possible now, it stays noted."""
        if self._lost:
            _log.warning("%d uses were not noted: too many things were used at once", self._lost)
            self._lost = 0
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        try:
            await self._store.record_usage([Usage(*name, *what) for name, what in noted.items()])
        except StoreUnavailable as error:
            _log.warning("uses will be written later: %s", error)
            for name, what in noted.items():
                self._add(*name, *what)

    async def run(self) -> Never:
        """Flush every `FLUSH_SECONDS`, and once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()

    def _add(self, kind: UsageKind, subject: str, uses: int, at: float) -> None:
        known = self._noted.get((kind, subject))
        if known is None:
            if len(self._noted) >= self._subjects:
                self._lost += uses
                return
            self._noted[kind, subject] = (uses, at)
        else:
            self._noted[kind, subject] = (known[0] + uses, max(known[1], at))
