"""A fetch for which threads, tasks and event loops wait together."""

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Flight:
    """A fetch that is under way. Whoever carries it calls `land`, whatever becomes of it.

    Attributes:
        started: monotonic seconds.
        loop: the event loop whose task carries it; None where a thread does.
        task: that task, held so that nobody collects it.
    """

    started: float
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None
    _landed: Future[None] = field(default_factory=Future)

    @property
    def is_lost(self) -> bool:
        """Whether the loop that carries it has stopped, so that nobody knows if it ever lands."""
        return self.loop is not None and not self.loop.is_running()

    def land(self) -> None:
        """Wake everybody who waits."""
        self._landed.set_result(None)

    def wait(self, seconds: float) -> bool:
        """Block until it has landed, that long at most.

        Returns False at once where it never would: in the thread whose event loop carries it.
        """
        if self.loop is not None and self.loop is _running_loop():
            return False
        with suppress(TimeoutError):
            self._landed.result(seconds)
        return True

    async def wait_async(self, seconds: float) -> None:
        """The same, for a task of any loop. The cancellation of who waits is no matter to the flight."""
        loop = asyncio.get_running_loop()
        landed = loop.create_future()

        def wake(_: object) -> None:
            with suppress(RuntimeError):  # the loop of who waited is closed
                loop.call_soon_threadsafe(lambda: None if landed.done() else landed.set_result(None))

        self._landed.add_done_callback(wake)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await landed


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
