"""The one seam through which the house sees time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time: what the calendar says, and what only ever grows."""

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps back. For durations inside one process."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since the machine's start, or some such moment."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to move: for tests and dry runs."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC, as set."""
        return self._now

    def monotonic(self) -> float:
        """The same reading: nothing here steps back unless a test asks for it."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock by that many seconds."""
        self._now += seconds


SYSTEM_CLOCK: Clock = SystemClock()
