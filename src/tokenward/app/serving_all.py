"""Serving until told to stop: listeners, and what runs beside them, which end together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from tokenward.app.collector import spare_the_loaded
from tokenward.app.listener import stop_on_signals
from tokenward.store.feed import FeedFollower


class Listening(Protocol):
    """A listener, whatever it speaks."""

    @property
    def listening(self) -> asyncio.Event:
        """Set once connections are accepted."""

    async def run_until(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then let running requests finish for as long as they may."""


async def serve_all(
    listeners: Sequence[Listening],
    *,
    beside: Sequence[Coroutine[None, None, None]],
    follower: FeedFollower,
    on_ready: Callable[[], None],
) -> None:
    """Serve until told to stop. If one of `beside` ends, so does the process; a new one is started.

    Nobody is listened to before the follower, which is one of them, has confirmed the feed: where others
    serve already, they answer until then.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(each) for each in beside]
    for task in tasks:
        task.add_done_callback(lambda _task: stop.set())
    try:
        spare_the_loaded()
        tasks += [asyncio.create_task(follower.followed()), asyncio.create_task(stop.wait())]
        await asyncio.wait(tasks[-2:], return_when=asyncio.FIRST_COMPLETED)
        serving = [asyncio.create_task(listener.run_until(stop)) for listener in listeners]
        tasks.append(asyncio.create_task(_tell_when_listening(listeners, on_ready)))
        await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        stop.set()  # one that has ended takes the others along
        await asyncio.gather(*serving)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault


async def _tell_when_listening(listeners: Sequence[Listening], on_ready: Callable[[], None]) -> None:
    for listener in listeners:
        await listener.listening.wait()
    on_ready()
