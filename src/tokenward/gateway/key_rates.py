"""How often each API key may be used. Every gateway process counts for itself."""

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.throttle import TokenBuckets


class KeyRates:
    """A token bucket for each key, as large as a minute's calls.

    So a key that rested may have them all at once, and then gets them one by one.
    """

    __slots__ = ("_by_rate", "_clock")

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._by_rate: dict[int, TokenBuckets] = {}  # few: the rates that operators chose

    def take(self, key_id: str, rate: int) -> float:
        """Count a call and return 0.0; or count nothing, and return the seconds until one is possible.

        Args:
            key_id: whose call it is.
            rate: calls a minute.
        """
        buckets = self._by_rate.get(rate)
        if buckets is None:
            buckets = TokenBuckets(burst=rate, every=60 / rate, clock=self._clock)
            self._by_rate[rate] = buckets
        return buckets.take(key_id)
