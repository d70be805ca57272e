"""How fast and how long: a bounded number of requests a second, and what the target asks for instead."""

import email.utils
from collections.abc import Callable

from tokenward.auditor.probing.wire import Answer
from tokenward.base.clock import Clock

LONGEST_WAIT = 60.0  # seconds that a `Retry-After` is honoured for; beyond it the probe gives up
BUSY = frozenset({429, 503})
PATIENCE = 5  # times that one shot is sent again because the target is busy

Sleep = Callable[[float], None]


class Stopped(Exception):  # noqa: N818 - says what it is
    """The probe ends early and keeps what it has; the message says why."""


class Pace:
    """Makes its caller wait.

    Args:
        clock: tells the time.
        sleep: waits, in seconds.
        rate: requests a second, at most.
        limit: seconds after which nothing is sent any more.
    """

    def __init__(self, clock: Clock, sleep: Sleep, *, rate: float, limit: float) -> None:
        self._clock = clock
        self._sleep = sleep
        self._gap = 1 / rate
        self._began = clock.monotonic()
        self._limit = limit
        self._next = self._began
        self.sent = 0

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock.monotonic() - self._began

    def wait(self) -> None:
        """Until the next request may be sent.

        Raises:
            Stopped: the time is up.
        """
        now = self._clock.monotonic()
        self.pause(self._next - now)
        self._next = max(now, self._next) + self._gap
        self.sent += 1

    def pause(self, seconds: float) -> None:
        """So long.

        Raises:
            Stopped: the time is up before.
        """
        if self.seconds + max(0.0, seconds) > self._limit:
            raise Stopped(f"the time is up: --max-time allows {self._limit:.0f} s")
        if seconds > 0:
            self._sleep(seconds)

    def wanted(self, answer: Answer) -> float | None:
        """The seconds that a busy target asks to be left alone; None if it does not.

        429 means that by itself, 503 only with `Retry-After`: alone it may be a refusal.

        Raises:
            Stopped: it asks for longer than a probe waits.
        """
        told = answer.value("retry-after").strip()
        if answer.status not in BUSY or (answer.status == 503 and not told):
            return None
        seconds = self._seconds(told)
        if seconds > LONGEST_WAIT:
            raise Stopped(
                f"the target asks to be left alone for {seconds:.0f} s ({answer.status}, Retry-After)"
            )
        return seconds

    def _seconds(self, told: str) -> float:
        if told.isascii() and told.isdigit():
            return float(told[:9])
        try:
            return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - self._clock.time())
        except (ValueError, TypeError):
            return 1.0
