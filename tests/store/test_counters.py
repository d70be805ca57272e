"""What `base.rates.Counters` promises, kept by the counters of one process and by those in Redis."""

import asyncio
import inspect
import logging
import socket
import tracemalloc
from contextlib import asynccontextmanager

import pytest

from databases import own_redis_server
from tokenward.base.clock import ManualClock
from tokenward.base.rates import Count, MemoryCounters, Rate
from tokenward.store import redis_counters
from tokenward.store.redis_counters import RedisCounters

SLOW, FAST = Rate(3, 86_400), Rate(1, 1)


@asynccontextmanager
async def _in_memory():
    yield MemoryCounters()


@asynccontextmanager
async def _in_redis():
    with own_redis_server() as server:
        counters = RedisCounters(server.url, on_alone=lambda: pytest.fail("Redis was not asked"))
        try:
            yield counters
        finally:
            await counters.close()


@pytest.fixture(params=[_in_memory, _in_redis], ids=["memory", "redis"])
def with_counters(request):
    def run(scenario):
        async def scene():
            async with request.param() as counters:

                async def take(*counts):
                    tally = counters.take(counts)
                    return await tally if inspect.isawaitable(tally) else tally

                await scenario(take)

        asyncio.run(scene())

    return run


def test_as_many_as_the_rate_says_and_then_none(with_counters):
    async def scenario(take):
        tallies = [await take(Count("a", "x", SLOW)) for _ in range(4)]
        assert [tally.taken for tally in tallies] == [True, True, True, False]
        assert [tally.levels[0].left for tally in tallies] == [2, 1, 0, 0]
        assert [tally.levels[0].wait for tally in tallies[:2]] == [0.0, 0.0]
        for tally in tallies[2:]:
            assert 28_000 < tally.levels[0].wait <= 28_800

    with_counters(scenario)


def test_subjects_and_counters_are_apart(with_counters):
    async def scenario(take):
        for _ in range(3):
            await take(Count("a", "x", SLOW))
        for other in (Count("a", "y", SLOW), Count("b", "x", SLOW), Count("a\nx", "", SLOW)):
            assert (await take(other)).levels[0].left == 2
        assert not (await take(Count("a", "x", SLOW))).taken

    with_counters(scenario)


def test_what_one_counter_refuses_is_counted_at_no_other(with_counters):
    async def scenario(take):
        narrow, wide = Count("narrow", "x", Rate(1, 86_400)), Count("wide", "x", SLOW)
        assert (await take(wide, narrow)).taken
        for order in ((wide, narrow), (narrow, wide)):
            tally = await take(*order)
            assert not tally.taken
            assert [level.left for level in tally.levels] == [2 if it is wide else 0 for it in order]
        assert (await take(wide)).levels[0].left == 1

    with_counters(scenario)


def test_after_the_wait_that_was_told_there_is_one_more(with_counters):
    async def scenario(take):
        assert (await take(Count("a", "x", FAST))).taken
        refused = await take(Count("a", "x", FAST))
        while not refused.taken:  # a busy machine may have let the second pass already
            assert 0 < refused.levels[0].wait <= 1
            await asyncio.sleep(refused.levels[0].wait + 0.002)
            refused = await take(Count("a", "x", FAST))

    with_counters(scenario)


def test_two_processes_count_together_and_keep_nobodys_name():
    async def scenario(server):
        both = [RedisCounters(server.url) for _ in range(2)]
        tallies = await asyncio.gather(*(each.take([Count("a", "alice", SLOW)]) for each in both * 5))
        assert sum(tally.taken for tally in tallies) == 3
        keys = await both[0]._redis.keys("*")
        assert len(keys) == 1
        assert b"alice" not in keys[0]
        assert 0 < await both[0]._redis.pttl(keys[0]) <= 86_400_000
        for each in both:
            await each.close()

    with own_redis_server() as server:
        asyncio.run(scenario(server))


@pytest.mark.parametrize("trouble", ["kill", "hang"])
def test_while_redis_does_not_answer_each_process_counts_alone_and_says_so_once(trouble, caplog):
    alone = []

    async def scenario(server):
        clock = ManualClock()
        counters = RedisCounters(server.url, on_alone=lambda: alone.append(1), clock=clock)
        assert (await counters.take([Count("a", "x", SLOW)])).levels[0].left == 2
        getattr(server, trouble)()
        assert (await counters.take([Count("a", "x", SLOW)])).levels[0].left == 2  # of this process alone
        resting = [counters.take([Count("a", "x", SLOW)]) for _ in range(3)]
        assert [tally.taken for tally in resting] == [True, True, False]
        assert len(alone) == 4
        clock.advance(redis_counters.REST_SECONDS)
        assert not (await counters.take([Count("a", "x", SLOW)])).taken
        server.kill()
        server.start()
        clock.advance(redis_counters.REST_SECONDS)
        assert (await counters.take([Count("a", "x", SLOW)])).levels[0].left == 2  # it came back empty
        assert len(alone) == 5
        await counters.close()

    with own_redis_server() as server, caplog.at_level(logging.WARNING, "tokenward.store.redis"):
        asyncio.run(scenario(server))
    told = [record.getMessage() for record in caplog.records]
    assert ["alone" in each for each in told] == [True, False]


def test_what_answers_as_redis_never_would_makes_the_process_count_alone():
    async def scenario():
        async def serve(reader, writer):
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        counters = RedisCounters(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        assert (await counters.take([Count("a", "x", SLOW)])).taken
        await counters.close()
        server.close()

    asyncio.run(scenario())


def test_a_url_with_a_password_is_never_logged(caplog):
    async def scenario():
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            counters = RedisCounters(f"redis://:hunter2hunter2@127.0.0.1:{closed.getsockname()[1]}/0")
            assert (await counters.take([Count("a", "x", SLOW)])).taken
            await counters.close()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(scenario())
    assert "counts alone" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_flood_of_addresses_takes_bounded_memory_and_moves_nobody_elses_counter():
    counters = MemoryCounters()
    person = [Count("person", "alice", SLOW)]
    counters.take(person)
    rate = Rate(100, 60)
    for number in range(60_000):
        counters.take([Count("address", f"2001:db8:{number:x}::", rate)])
    tracemalloc.start()
    for number in range(60_000, 90_000):
        counters.take([Count("address", f"2001:db8:{number:x}::", rate)])
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(counters._buckets["address"]._levels) == 50_000
    assert grown < 16_000_000
    assert counters.take(person).levels[0].left == 1
