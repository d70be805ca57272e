import asyncio

from store.values import NOW, access, opened, until
from tokenward.base.clock import ManualClock
from tokenward.store.port import StoreUnavailable
from tokenward.store.sweeper import sweep_forever, sweep_until_done


def test_it_sweeps_in_batches_until_nothing_is_left(sqlite_url):
    async def run():
        async with opened(sqlite_url) as store:
            tokens = [access(expires_at=NOW - 1) for _ in range(55)]
            await asyncio.gather(*(store.add_access_token(token) for token in tokens))
            assert await sweep_until_done(store, clock=ManualClock(NOW), batch=10) == 55
            assert await store.access_token(tokens[0].token_id) is None

    asyncio.run(run())


def test_it_goes_on_after_the_store_was_away():
    class Away:
        calls = 0

        async def sweep(self, *, at, limit):
            self.calls += 1
            assert limit == 500
            if self.calls == 1:
                raise StoreUnavailable("away")
            return 0

    async def run():
        store = Away()
        task = asyncio.create_task(sweep_forever(store, every=0.001))
        await until(lambda: store.calls >= 3)
        task.cancel()

    asyncio.run(run())
