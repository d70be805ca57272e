"""The time as a server sees it, learnt from the `Date` of its answers (RFC 9110 §6.6.1)."""

from email.utils import parsedate_to_datetime

from tokenward.base.clock import Clock

TOLERANCE = 5.0
"""Seconds of difference that nobody minds: `Date` has whole seconds, and an answer takes its time."""


class ServerClock:
    """Our clock, until a server refuses what we dated and its `Date` says why.

    `Date` alone changes nothing: a proxy may have written it. It is tried when the server refused something
    that carries a time, and given up again if that did not help.
    """

    __slots__ = ("_clock", "_offset", "_seen")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = 0.0
        self._seen = 0.0

    def time(self) -> float:
        """Seconds since 1970-01-01 UTC, as the server counts them as far as we know."""
        return self._clock.time() + self._offset

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never steps back."""
        return self._clock.monotonic()

    def learn(self, date: str | None) -> None:
        """Note the `Date` of an answer; anything else is ignored."""
        if date is None:
            return
        try:
            self._seen = parsedate_to_datetime(date).timestamp() - self._clock.time()
        except (ValueError, OverflowError, OSError):
            return

    def adopt(self) -> bool:
        """Go by the server's time from now on; False where that is the time we go by anyway."""
        if abs(self._seen - self._offset) <= TOLERANCE:
            return False
        self._offset = self._seen
        return True

    def give_up(self) -> None:
        """Go by our own time again: it was not that."""
        self._offset = 0.0
