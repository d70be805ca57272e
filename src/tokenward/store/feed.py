"""Follows the revocation feed: what keeps the caches of a process honest.

The promise is one-sided. A follower may say that it does not know (`confirmed` is False: answer 503); it must
never believe that it knows everything when it does not.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from tokenward.base.clock import SYSTEM_CLOCK, Clock
from tokenward.store.port import Feed, StoreUnavailable
from tokenward.store.records import FeedEvent

_log = logging.getLogger(__name__)

_PAGE = 500  # events in one read
_FAR = 20 * _PAGE  # behind: sooner than that many are applied, every cache is filled anew


class FeedFollower:
    """Applies every revocation of every process, in order, within a poll.

    Args:
        feed: the store's feed.
        on_event: told of each revocation. It may return something to await, which may raise
            `StoreUnavailable`: then nothing is confirmed, and the same event comes again.
        on_gap: told to drop every cache: at the start, and whenever events may have been missed. Likewise.
        clock: its monotonic reading is used.
        poll: seconds between two looks at the feed, at most 0.25; the store may wake us earlier.
        stale_after: seconds after which what we know no longer counts as confirmed.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        on_event: Callable[[FeedEvent], Awaitable[None] | None],
        on_gap: Callable[[], Awaitable[None] | None],
        clock: Clock = SYSTEM_CLOCK,
        poll: float = 0.2,
        stale_after: float = 0.75,
    ) -> None:
        if not 0 < poll <= 0.25:
            raise ValueError("the feed is polled every 250 ms or more often")
        self._feed = feed
        self._on_event = on_event
        self._on_gap = on_gap
        self._clock = clock
        self._poll = poll
        self._stale_after = stale_after
        self._position: int | None = None
        self._confirmed_at = -math.inf
        self._followed = asyncio.Event()

    @property
    def lag(self) -> float:
        """Seconds since the start of the last look that succeeded; infinite before the first."""
        return self._clock.monotonic() - self._confirmed_at

    @property
    def confirmed(self) -> bool:
        """Whether every revocation older than `stale_after` is known to have been applied."""
        return self.lag <= self._stale_after

    async def followed(self) -> None:
        """Until the feed was confirmed for the first time."""
        await self._followed.wait()

    async def run(self) -> None:
        """Follow until cancelled. Ends with an exception only where a callback raised one."""
        available = True
        while True:
            started = (
                self._clock.monotonic()
            )  # what is committed after this moment may not be seen by this look
            try:
                await self._catch_up()
                self._confirmed_at = started
                self._followed.set()
                if not available:
                    _log.info("the revocation feed is available again")
                available = True
                await self._feed.feed_wake(within=self._poll)
            except StoreUnavailable as error:
                if available:
                    _log.warning("the revocation feed is unavailable: %s", error)
                available = False
                await asyncio.sleep(self._poll)

    async def _catch_up(self) -> None:
        head = await self._feed.feed_head()
        position = self._position
        # Before its own position is the head of another database, or of an old copy of it.
        if position is None or not 0 <= head - position <= _FAR:
            await self._start_afresh(head)
            return
        while position < head:
            events = await self._feed.feed_after(position, limit=_PAGE)
            # Swept before we came: at the beginning, or anywhere if the clocks of those who revoked disagree.
            if not events or [event.seq for event in events] != [*range(position + 1, events[-1].seq + 1)]:
                await self._start_afresh(head)
                return
            for event in events:
                pending = self._on_event(event)
                if pending is not None:
                    await pending
                position = self._position = event.seq
            await asyncio.sleep(0)  # a hundred pages must not hold up who waits for an answer

    async def _start_afresh(self, head: int) -> None:
        """Called after the head was read, so that nothing that was cached before it survives."""
        pending = self._on_gap()
        if pending is not None:
            await pending
        self._position = head
