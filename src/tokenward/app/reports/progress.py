"""How far a long job is, on standard error while it runs, and only if somebody is watching."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tokenward.base.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from tokenward.app.reports.progress_bar import Bar

PATIENCE = 0.3  # seconds; before that a bar would flicker, and take longer to draw than the job takes


class Meter(Protocol):
    """What a job tells of itself."""

    def expect(self, number: int) -> None:
        """It is made of that many steps. Where nobody says so, it is bytes, and nobody knows how many."""
        ...

    def add(self, number: int) -> None:
        """That many bytes, or steps, are done."""
        ...


class _Nobody:
    def expect(self, number: int) -> None:
        pass

    def add(self, number: int) -> None:
        pass


class _Patient:
    """Draws nothing of a job that is over soon."""

    def __init__(self, what: str, clock: Clock) -> None:
        self._what = what
        self._clock = clock
        self._began = clock.monotonic()
        self._done = 0
        self._steps = 0
        self._bar: Bar | None = None

    def expect(self, number: int) -> None:
        self._steps = number

    def add(self, number: int) -> None:
        self._done += number
        if self._bar is None and self._clock.monotonic() - self._began >= PATIENCE:
            from tokenward.app.reports.progress_bar import Bar  # noqa: PLC0415 - slow to import, as said

            self._bar = Bar(self._what, self._steps)
        if self._bar is not None:
            self._bar.show(self._done)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.end()


@contextmanager
def progress(what: str, clock: Clock = SYSTEM_CLOCK) -> Iterator[Meter]:
    """A bar for as long as the context lasts, which leaves no trace. Where nobody watches, nothing is shown.

    Args:
        what: is being done, such as "scanning src".
        clock: tells how long it takes.
    """
    if not sys.stderr.isatty():
        yield _Nobody()
        return
    meter = _Patient(what, clock)
    try:
        yield meter
    finally:
        meter.end()
