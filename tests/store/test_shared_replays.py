"""Uses that all processes remember."""

import asyncio

import pytest

from store.values import NOW, opened
from tokenward.base.clock import ManualClock
from tokenward.store.port import StoreUnavailable
from tokenward.store.shared_replays import SharedReplays
from tokenward.tokens.dpop import ReplaysUnavailable

KEY = bytes(32)


def test_of_many_processes_at_once_one_is_first_and_a_restart_forgets_nothing(sqlite_url):
    async def run():
        clock = ManualClock(NOW)
        async with opened(sqlite_url) as one, opened(sqlite_url) as two:
            replays = [SharedReplays(store, clock) for store in (one, two)]
            won = await asyncio.gather(*(replays[n % 2].first_use_async(KEY, NOW + 60) for n in range(20)))
        async with opened(sqlite_url) as again:
            return won, await SharedReplays(again, clock).first_use_async(KEY, NOW + 60)

    won, again = asyncio.run(run())
    assert sum(won) == 1
    assert not again


def test_where_the_store_cannot_tell_nobody_is_first():
    class Down:
        async def first_use(self, _key, _until, *, at):
            raise StoreUnavailable(str(at))

    replays = SharedReplays(Down())
    with pytest.raises(ReplaysUnavailable):
        asyncio.run(replays.first_use_async(KEY, NOW))
    with pytest.raises(ReplaysUnavailable):
        replays.first_use(KEY, NOW)
