"""What may be used once, remembered in this process: for programs that run as one process."""

import math
import threading

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.tokens.dpop import ReplaysUnavailable

_SWEEP_EVERY = 1024  # uses


class MemoryReplays:
    """A bounded memory of used keys. When it is full of keys that still count, it refuses to answer."""

    __slots__ = ("_clock", "_first_end", "_lock", "_max_entries", "_until", "_uses")

    def __init__(self, *, max_entries: int = 100_000, clock: Clock = SYSTEM_CLOCK) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._until: dict[bytes, float] = {}
        self._first_end = math.inf  # before it, there is nothing to forget
        self._uses = 0
        self._lock = threading.Lock()

    def first_use(self, key: bytes, until: float) -> bool:
        """Whether `key` is new; remembered until that moment.

        Raises:
            ReplaysUnavailable: there is no more room; forgetting an old key would allow its replay.
        """
        with self._lock:
            now = self._clock.time()
            self._uses += 1
            full = len(self._until) >= self._max_entries
            if (full or self._uses % _SWEEP_EVERY == 0) and now >= self._first_end:
                self._until = {used: end for used, end in self._until.items() if end > now}
                self._first_end = min(self._until.values(), default=math.inf)
            if self._until.get(key, now) > now:
                return False
            if len(self._until) >= self._max_entries:
                raise ReplaysUnavailable
            self._until[key] = until
            self._first_end = min(self._first_end, until)
            return True

    async def first_use_async(self, key: bytes, until: float) -> bool:
        """The same; it never waits for more than another thread's look-up.

        Raises:
            ReplaysUnavailable: as `first_use`.
        """
        return self.first_use(key, until)
