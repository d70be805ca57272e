"""How often something may happen: the port that counters stand behind, and the counters of one process.

A rate is a bucket that holds a window's amount and fills up steadily. So who rested may have the whole amount
at once, and within one window nobody has more than twice the amount.
"""

from collections.abc import Awaitable, Sequence
from typing import NamedTuple, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.base.throttle import TokenBuckets

KEYS = 50_000
"""Subjects that one process remembers for each counter: some 15 MB of a flood, and no more."""

WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
"""How windows are written, and their seconds."""

_NAMES = {seconds: name for name, seconds in WINDOWS.items()}
_ROUNDING = 1e-6  # of a call: what floating-point time may lack


class Rate(NamedTuple):
    """So many in so many seconds. Only what is one of `WINDOWS` can be written down."""

    amount: int
    window: int

    def __str__(self) -> str:
        return f"{self.amount}/{self.window_name}"

    @property
    def window_name(self) -> str:
        """The window as it is written."""
        return _NAMES[self.window]

    @property
    def every(self) -> float:
        """Seconds until one more is possible."""
        return self.window / self.amount


class Count(NamedTuple):
    """One counter that a call concerns.

    Attributes:
        counter: names it, for all its subjects; two counters of one name have one rate.
        subject: who is counted.
        rate: how often that may be.
    """

    counter: str
    subject: str
    rate: Rate


class Level(NamedTuple):
    """How full a subject's bucket is now.

    Attributes:
        left: how many are possible at once.
        wait: seconds until one is, 0.0 where `left` is not 0.
    """

    left: int
    wait: float


class Tally(NamedTuple):
    """What became of counting one call: counted everywhere, or nowhere because one bucket was empty."""

    taken: bool
    levels: tuple[Level, ...]


class Counters(Protocol):
    """Counts calls. What is counted together is counted wholly or not at all, also among processes."""

    def take(self, counts: Sequence[Count]) -> Tally | Awaitable[Tally]:
        """Count one call at all of `counts`; the levels are in their order. Never raises."""
        ...


class MemoryCounters:
    """Counters of this process alone, in bounded memory (`KEYS`)."""

    __slots__ = ("_buckets", "_clock")

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._buckets: dict[str, TokenBuckets] = {}  # few: the limits that operators chose

    def take(self, counts: Sequence[Count]) -> Tally:
        """As the protocol says; without waiting."""
        found = []
        taken = True
        for count in counts:
            buckets = self._of(count)
            level = buckets.level(count.subject)
            taken = taken and level >= 1
            found.append((count, buckets, level))
        levels = []
        for count, buckets, level in found:
            if taken or level < 1:  # where nothing can be taken, it keeps the subject from being forgotten
                buckets.take_at(count.subject, level)
            levels.append(_level(count.rate, level - taken, refused=level < 1))
        return Tally(taken, tuple(levels))

    def _of(self, count: Count) -> TokenBuckets:
        buckets = self._buckets.get(count.counter)
        if buckets is None:
            rate = count.rate
            buckets = TokenBuckets(burst=rate.amount, every=rate.every, clock=self._clock, keys=KEYS)
            self._buckets[count.counter] = buckets
        return buckets


def _level(rate: Rate, level: float, *, refused: bool) -> Level:
    left = 0 if refused else int(level + _ROUNDING)
    return Level(left, 0.0 if left else (1 - level) * rate.every)
