import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tokenward.base.clock import ManualClock
from tokenward.tokens.dpop import ReplaysUnavailable
from tokenward.tokens.replays import MemoryReplays

NOW = 1_800_000_000


def test_a_key_is_new_once():
    replays = MemoryReplays(clock=ManualClock(NOW))
    assert replays.first_use(b"a", NOW + 60)
    assert not replays.first_use(b"a", NOW + 60)
    assert replays.first_use(b"b", NOW + 60)
    assert not asyncio.run(replays.first_use_async(b"b", NOW + 60))


def test_it_is_remembered_until_its_end_and_no_longer():
    clock = ManualClock(NOW)
    replays = MemoryReplays(clock=clock)
    replays.first_use(b"a", NOW + 60)
    clock.advance(59.9)
    assert not replays.first_use(b"a", NOW + 600)
    clock.advance(0.1)
    assert replays.first_use(b"a", NOW + 600)


def test_of_concurrent_uses_one_is_the_first():
    replays = MemoryReplays(clock=ManualClock(NOW))
    with ThreadPoolExecutor(16) as threads:
        firsts = list(threads.map(lambda _: replays.first_use(b"a", NOW + 60), range(200)))
    assert firsts.count(True) == 1


def test_a_full_memory_refuses_rather_than_forget():
    clock = ManualClock(NOW)
    replays = MemoryReplays(max_entries=2, clock=clock)
    replays.first_use(b"a", NOW + 60)
    replays.first_use(b"b", NOW + 30)
    with pytest.raises(ReplaysUnavailable):
        replays.first_use(b"c", NOW + 60)
    assert not replays.first_use(b"a", NOW + 60)
    clock.advance(30)
    assert replays.first_use(b"c", NOW + 60)
    assert not replays.first_use(b"a", NOW + 60)
    with pytest.raises(ReplaysUnavailable):
        replays.first_use(b"d", NOW + 60)


def test_what_has_ended_is_forgotten_without_being_asked_for():
    clock = ManualClock(NOW)
    replays = MemoryReplays(clock=clock)
    for number in range(1500):
        replays.first_use(number.to_bytes(2, "big"), NOW + 60)
    clock.advance(60)
    for number in range(1024):
        replays.first_use(b"later" + number.to_bytes(2, "big"), NOW + 160)
    assert len(replays._until) <= 1024
