"""What is used, and when last: noted in memory on the hot path, written every few seconds for all at once."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Never, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import Usage, UsageKind

_log = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0
_SUBJECTS = 100_000
_AT_ONCE = 1000  # subjects written in one unit: whoever else has something to write gets a turn

_Noted = dict[tuple[UsageKind, str], tuple[int, float]]


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
        self._noted: _Noted = {}
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
            while noted:
                await self._write({name: noted.pop(name) for name in list(islice(noted, _AT_ONCE))})
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

    async def _write(self, unit: _Noted) -> None:
        try:
            await self._store.record_usage([Usage(*name, *what) for name, what in unit.items()])
        except StoreUnavailable:
            self._add_all(unit)
            raise

    def _add_all(self, noted: _Noted) -> None:
        for name, what in noted.items():
            self._add(*name, *what)

    def _add(self, kind: UsageKind, subject: str, uses: int, at: float) -> None:
        known = self._noted.get((kind, subject))
        if known is None:
            if len(self._noted) >= self._subjects:
                self._lost += uses
                return
            self._noted[kind, subject] = (uses, at)
        else:
            self._noted[kind, subject] = (known[0] + uses, max(known[1], at))
