import asyncio

import pytest

from tokenward.base.clock import ManualClock
from tokenward.store.port import StoreUnavailable
from tokenward.store.records import Usage
from tokenward.store.usage import UsageLog
from tokenward.store.usage_port import USED_AT_ONCE

HERE = ("gateway", "192.0.2.7")


def used(subject, uses, last, first=1000.0, address="192.0.2.7"):
    return Usage("api_key", subject, "gateway", address, uses, first, last)


class Store:
    def __init__(self):
        self.down = False
        self.batches = []

    async def record_usage(self, usages):
        if self.down:
            raise StoreUnavailable("down")
        self.batches.append(list(usages))


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return ManualClock(1000.0)


def test_uses_are_written_together_and_nothing_is_written_without_any(store, clock):
    log = UsageLog(store, clock)
    asyncio.run(log.flush())
    log.note("api_key", "a", *HERE)
    clock.advance(5)
    log.note("api_key", "a", *HERE)
    log.note("api_key", "b", *HERE)
    asyncio.run(log.flush())
    asyncio.run(log.flush())
    assert store.batches == [[used("a", 2, 1005.0), used("b", 1, 1005.0, 1005.0)]]


def test_addresses_are_told_apart_and_those_of_one_ipv6_network_are_not(store, clock):
    log = UsageLog(store, clock)
    for peer in ("192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db8::2:1", "::ffff:192.0.2.7", ""):
        log.note("api_key", "a", "gateway", peer)
    asyncio.run(log.flush())
    assert {each.address for each in store.batches[0]} == {"192.0.2.7", "192.0.2.8", "2001:db8::", "unknown"}
    assert sum(each.uses for each in store.batches[0]) == 6


def test_what_cannot_be_written_now_is_written_later(store, clock):
    log = UsageLog(store, clock)
    log.note("api_key", "a", *HERE)
    store.down = True
    asyncio.run(log.flush())
    clock.advance(5)
    log.note("api_key", "a", *HERE)
    asyncio.run(log.flush())
    store.down = False
    asyncio.run(log.flush())
    assert store.batches == [[used("a", 2, 1005.0)]]


def test_what_is_noted_while_the_store_fails_is_not_lost(store, clock):
    log = UsageLog(store, clock)

    async def failing(_usages):
        clock.advance(1)
        log.note("api_key", "a", *HERE)
        raise StoreUnavailable("down")

    good, store.record_usage = store.record_usage, failing
    log.note("api_key", "a", *HERE)
    asyncio.run(log.flush())
    store.record_usage = good
    asyncio.run(log.flush())
    assert store.batches == [[used("a", 2, 1001.0)]]


def test_memory_is_bounded_and_what_was_lost_is_told(store, clock, caplog):
    log = UsageLog(store, clock, places=2)
    for subject in "abcab":
        log.note("api_key", subject, *HERE)
    asyncio.run(log.flush())
    assert store.batches == [[used("a", 2, 1000.0), used("b", 2, 1000.0)]]
    assert "1 uses were not noted" in caplog.text


def test_the_rest_is_written_when_the_process_ends(store, clock):
    log = UsageLog(store, clock)

    async def story():
        running = asyncio.create_task(log.run())
        await asyncio.sleep(0)
        log.note("api_key", "a", *HERE)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(story())
    assert store.batches == [[used("a", 1, 1000.0)]]


def test_many_subjects_are_written_in_units_and_what_was_written_is_not_written_again(store, clock):
    """One unit of a hundred thousand would hold up everybody who writes."""
    log = UsageLog(store, clock)
    good = store.record_usage
    left = 2

    async def failing_the_third_time(usages):
        nonlocal left
        if not left:
            raise StoreUnavailable("down")
        left -= 1
        await good(usages)

    store.record_usage = failing_the_third_time
    for number in range(3500):
        log.note("api_key", str(number), *HERE)
    asyncio.run(log.flush())
    left = 9
    asyncio.run(log.flush())
    assert [len(batch) for batch in store.batches] == [USED_AT_ONCE] * 7
    assert {usage.subject for batch in store.batches for usage in batch} == set(map(str, range(3500)))
    assert all(usage.uses == 1 for batch in store.batches for usage in batch)


def test_what_a_cancelled_flush_had_not_begun_is_written_later(store, clock):
    log = UsageLog(store, clock)
    good, begun = store.record_usage, []

    async def stuck(usages):
        begun.extend(usages)  # the store finishes what it has begun, cancelled or not
        await asyncio.Event().wait()

    async def story():
        store.record_usage = stuck
        flushing = asyncio.create_task(log.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        store.record_usage = good
        await log.flush()

    for number in range(1500):
        log.note("api_key", str(number), *HERE)
    asyncio.run(story())
    written = [usage.subject for batch in [begun, *store.batches] for usage in batch]
    assert sorted(written) == sorted(map(str, range(1500)))
