"""Lets a thread wake the coroutine that waits for revocations."""

import asyncio
from contextlib import suppress


class Bell:
    """Rung by any thread; heard by the one event loop that waits for it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ring(self) -> None:
        """Wake whoever waits, or the next one who comes."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, *, within: float) -> None:
        """Return when the bell rings, or after `within` seconds."""
        self._loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._event.wait()
        self._event.clear()
