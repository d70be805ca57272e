"""Handing on many at once what costs too much one by one."""

import asyncio
from typing import Generic, Never, TypeVar

T = TypeVar("T")

FLUSH_SECONDS = 0.25
AT_ONCE = 64
"""No more than so many wait, so that handing them on holds up nobody for long."""


class Gathering(Generic[T]):
    """What was gathered is handed on at least every `FLUSH_SECONDS` while `run` runs."""

    def __init__(self) -> None:
        self._gathered: list[T] = []

    def gather(self, item: T) -> None:
        """One more."""
        self._gathered.append(item)
        if len(self._gathered) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Hand on what was gathered, if anything was."""
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._hand_on(gathered)

    async def run(self) -> Never:
        """Flush every `FLUSH_SECONDS`, and once more when cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                self.flush()
        finally:
            self.flush()

    def _hand_on(self, gathered: list[T]) -> None:
        raise NotImplementedError
