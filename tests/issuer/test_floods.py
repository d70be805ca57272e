import asyncio

import pytest

from databases import own_redis_server
from tokenward.base.problems import TOO_MANY_REQUESTS, Refusal
from tokenward.issuer.floods import DEVICES, PUSHING_CLIENTS, PUSHING_PEERS, REGISTERING, count
from tokenward.store.redis_counters import RedisCounters


def test_processes_count_together_in_redis_and_each_flood_by_itself():
    async def story(url):
        here, there = (RedisCounters(url, on_alone=lambda: pytest.fail("alone")) for _ in range(2))
        try:
            for number in range(PUSHING_PEERS.rate.amount):
                await count((here, there)[number % 2], PUSHING_PEERS, "192.0.2.1")
            for each in (here, there):
                with pytest.raises(Refusal) as refused:
                    await count(each, PUSHING_PEERS, "192.0.2.1")
                assert refused.value.problem is TOO_MANY_REQUESTS
                assert 1 <= refused.value.retry_after <= 4
                for flood in (DEVICES, REGISTERING, PUSHING_CLIENTS):
                    await count(each, flood, "192.0.2.1")
                await count(each, PUSHING_PEERS, "192.0.2.2")
        finally:
            await here.close()
            await there.close()

    with own_redis_server() as server:
        asyncio.run(story(server.url))
